"""The mailbox page: there to try things out, and nowhere else."""

from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client

from invoicing import clock
from invoicing.models import Message, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail() -> Message:
    """A mail as it went out: text, HTML and a PDF."""
    message = EmailMessage()
    message["From"] = "Hedgerow Studio <billhook@example.com>"
    message["To"] = "cleo@example.com"
    message["Subject"] = "Invoice INV-0001"
    message.set_content("Pay at https://billing.example.com/i/abc <b>now</b>")
    message.add_alternative(
        '<html><head></head><body><a href="/i/abc">Pay</a><script>x()</script></body></html>',
        subtype="html",
    )
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename='a"b.pdf')
    return Message.objects.create(
        kind="invoice",
        to="cleo@example.com",
        subject="Invoice INV-0001",
        text="as queued",
        html="<p>as queued</p>",
        status="sent",
        created_at=clock.wall(),
        raw=message.as_bytes(),
    )


def paths(mail: Message) -> list[str]:
    rest = ("", "/html", "/raw", "/attachments/0")
    return ["/mailbox/", *(f"/mailbox/{mail.public_id}{end}" for end in rest)]


def test_on_this_machine_alone_it_is_open(client: Client, mail: Message) -> None:
    assert [client.get(path).status_code for path in paths(mail)] == [200] * 5


@pytest.mark.parametrize(
    "sent",
    [
        {"HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_FORWARDED": "for=203.0.113.9"},
        {"REMOTE_ADDR": "203.0.113.9"},
    ],
)
def test_who_comes_from_elsewhere_finds_none(
    client: Client, mail: Message, sent: dict[str, Any]
) -> None:
    assert [client.get(path, **sent).status_code for path in paths(mail)] == [404] * 5


def test_where_others_can_reach_it_it_is_not_there(
    client: Client, mail: Message, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://billing.example.com"
    assert [client.get(path).status_code for path in paths(mail)] == [404] * 5
    client.force_login(factories.given_a_user())
    assert [client.get(path).status_code for path in paths(mail)] == [404] * 5
    operator = factories.given_a_user("Op Erator")
    User.objects.filter(pk=operator.pk).update(is_staff=True)
    client.force_login(operator)
    assert [client.get(path).status_code for path in paths(mail)] == [200] * 5


def test_where_mail_is_really_sent_it_is_not_there(
    client: Client, mail: Message, settings: Any
) -> None:
    settings.MAIL_TRANSPORT = {"kind": "smtp"}
    assert [client.get(path).status_code for path in paths(mail)] == [404] * 5
    assert "Mailbox" not in client.get("/").content.decode()


def test_a_mail_shows_what_went_out(client: Client, mail: Message) -> None:
    page = client.get(f"/mailbox/{mail.public_id}").content.decode()
    assert "Hedgerow Studio &lt;billhook@example.com&gt;" in page
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert "as queued" not in page


def test_a_mail_that_waits_shows_what_is_queued(client: Client, mail: Message) -> None:
    Message.objects.update(raw=None)
    assert "as queued" in client.get(f"/mailbox/{mail.public_id}").content.decode()
    assert b"as queued" in client.get(f"/mailbox/{mail.public_id}/html").content
    assert client.get(f"/mailbox/{mail.public_id}/raw").status_code == 404


def test_the_html_of_a_mail_can_run_and_load_nothing(client: Client, mail: Message) -> None:
    response = client.get(f"/mailbox/{mail.public_id}/html")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert b'<head><base target="_blank"></head>' in response.content


def test_attachments_are_downloads_with_harmless_names(client: Client, mail: Message) -> None:
    response = client.get(f"/mailbox/{mail.public_id}/attachments/0")
    assert response.content == b"%PDF-1.7"
    assert response["Content-Disposition"] == 'attachment; filename="ab.pdf"'
    assert client.get(f"/mailbox/{mail.public_id}/attachments/1").status_code == 404


def test_old_mails_are_one_page_further(client: Client) -> None:
    for number in range(52):
        Message.objects.create(
            kind="account",
            to="a@example.com",
            subject=f"Mail {number}.",
            text="",
            created_at=clock.wall(),
        )
    first = client.get("/mailbox/").content.decode()
    assert "Mail 51." in first
    assert "Mail 1." not in first
    oldest = Message.objects.order_by("-id")[49].pk
    second = client.get("/mailbox/", {"before": oldest}).content.decode()
    assert "Mail 1." in second
    assert "Mail 2." not in second
    assert client.get("/mailbox/", {"before": "１"}).status_code == 200
