"""Mail: a row first, then really sent, tried again, and the truth said about it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail import send_mail as django_send_mail

from invoicing import failpoints, representations, tasks, transport
from invoicing.actions import invoices, merchants, messages
from invoicing.inputs import MerchantChanges, read
from invoicing.models import Invoice, Merchant, Message
from tests.factories import again, given_a_draft, given_an_open_invoice, pay
from tests.fakes.smtp import ACCEPT, BUSY, DIE_AFTER_DATA, HANG, REFUSE, MailServer


def given_a_queued_mail(merchant: Merchant, **fields: Any) -> Message:
    draft = given_a_draft(merchant, **fields)
    return invoices.send_invoice(merchant, draft.public_id).messages.get()


def said_of(message: Message) -> dict[str, Any]:
    """What API and dashboard say of an invoice's mail."""
    return representations.invoice(Invoice.objects.get(messages=message))["email"]


def test_an_invoice_arrives_with_text_html_and_its_pdf(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    changes = read(MerchantChanges, {"email": "Ada@engines.example"})
    there = merchants.update_merchant(test_merchant, changes)
    message = given_a_queued_mail(there, title="Engine, analytical")
    assert said_of(message)["status"] == "queued"
    assert tasks.send_mails() == 1
    (mail,) = mail_server.mails
    assert mail["To"] == "cleo@example.com"
    assert mail["Reply-To"] == "Ada@engines.example"
    assert mail["From"].addresses[0].display_name == "Ada's Engines"
    assert mail["From"].addresses[0].addr_spec == "billhook@example.com"
    assert mail["Message-ID"] == f"<{message.public_id}@127.0.0.1>"
    assert "TEST-0001" in mail["Subject"]
    invoice = Invoice.objects.get()
    link = f"/i/{invoice.slug}"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert link in body.get_content()
        assert "$100.00" in body.get_content()
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == "TEST-0001.pdf"
    assert attachment.get_content_type() == "application/pdf"
    assert attachment.get_content().startswith(b"%PDF-")
    assert (mail_server.envelopes[0].mail_from, mail_server.envelopes[0].rcpt_tos) == (
        "billhook@example.com",
        ["cleo@example.com"],
    )
    sent = again(message)
    assert (sent.status, sent.reason, sent.attempts_made, sent.raw) == ("sent", "", 1, None)
    assert said_of(message)["status"] == "sent"
    assert tasks.send_mails() == 0


def test_a_receipt_is_sent_once_when_the_invoice_is_paid(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    pay(given_an_open_invoice(test_merchant))
    assert Message.objects.get().kind == "receipt"
    tasks.send_mails()
    (mail,) = mail_server.mails
    assert list(mail.iter_attachments()) == []
    assert "$100.00" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_busy_server_is_asked_again_later(
    test_merchant: Merchant, mail_server: MailServer, clock: Any
) -> None:
    mail_server.behaves = [BUSY, BUSY, ACCEPT]
    message = given_a_queued_mail(test_merchant)
    for seconds in (10, 60):
        assert tasks.send_mails() == 1
        waiting = again(message)
        assert (waiting.status, waiting.leased_until) == ("queued", None)
        assert waiting.reason == "The mail server answered 421: 4.3.2 Come back later"
        assert waiting.next_attempt_at == clock.at + timedelta(seconds=seconds)
        clock.at = waiting.next_attempt_at - timedelta(microseconds=1)
        assert tasks.send_mails() == 0
        clock.at = waiting.next_attempt_at
    assert tasks.send_mails() == 1
    assert (again(message).status, again(message).attempts_made) == ("sent", 3)
    assert again(message).reason == ""
    assert len(mail_server.mails) == 1


def test_a_server_that_stays_busy_is_given_up_after_eight_tries(
    test_merchant: Merchant, mail_server: MailServer, clock: Any
) -> None:
    mail_server.behaves = [BUSY]
    message = given_a_queued_mail(test_merchant)
    began = clock.at
    for _ in range(8):
        assert again(message).status == "queued"
        clock.at = again(message).next_attempt_at
        assert tasks.send_mails() == 1
    failed = again(message)
    assert (failed.status, failed.next_attempt_at, failed.attempts_made) == ("failed", None, 8)
    assert clock.at - began == timedelta(seconds=10 + 60 + 300 + 1800 + 7200 + 36000 + 86400)
    assert said_of(message) == {
        "to": "cleo@example.com",
        "status": "failed",
        "reason": "The mail server answered 421: 4.3.2 Come back later",
        "sent_at": None,
    }


def test_a_refusal_for_good_is_final_and_says_why(
    test_merchant: Merchant, mail_server: MailServer, clock: Any
) -> None:
    mail_server.behaves = [REFUSE, ACCEPT]
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    failed = again(message)
    assert (failed.status, failed.next_attempt_at) == ("failed", None)
    assert failed.reason == "The mail server answered 550: 5.1.1 There is no such mailbox"
    clock.move(days=30)
    assert tasks.send_mails() == 0
    # Until a person says so.
    messages.retry_message(message.pk)
    assert tasks.send_mails() == 1
    assert again(message).status == "sent"


def test_a_server_that_hangs_is_left_after_a_while_and_asked_again(
    test_merchant: Merchant, mail_server: MailServer, clock: Any, settings: Any
) -> None:
    settings.MAIL_TRANSPORT = {**mail_server.transport, "timeout": 0.3}
    mail_server.behaves = [HANG, ACCEPT]
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    waiting = again(message)
    assert waiting.status == "queued"
    assert waiting.reason.startswith("The mail server did not answer: ")
    clock.move(seconds=10)
    tasks.send_mails()
    assert again(message).status == "sent"


def test_no_server_at_all_is_no_reason_to_forget_a_mail(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    mail_server.stop()
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    assert again(message).status == "queued"
    assert again(message).reason.startswith("The mail server did not answer: ")


def test_a_mail_whose_taking_was_not_heard_goes_again_as_the_same_mail(
    test_merchant: Merchant, mail_server: MailServer, clock: Any
) -> None:
    mail_server.behaves = [DIE_AFTER_DATA, ACCEPT]
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    assert again(message).status == "queued"
    clock.move(seconds=10)
    tasks.send_mails()
    assert again(message).status == "sent"
    # At least once, and whoever compares Message-IDs sees that it is one.
    assert [mail["Message-ID"] for mail in mail_server.mails] == [
        f"<{message.public_id}@127.0.0.1>"
    ] * 2
    assert mail_server.envelopes[0].content is not None
    first, second = (mail["Date"] for mail in mail_server.mails)
    assert first == second


class Killed(BaseException):
    """The worker is gone: nothing catches this."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize(("place", "copies"), [("before_smtp", 1), ("after_smtp", 2)])
def test_a_killed_workers_mail_is_taken_up_again_when_its_lease_ends(
    place: str,
    copies: int,
    test_merchant: Merchant,
    mail_server: MailServer,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = given_a_queued_mail(test_merchant)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setitem(failpoints.hooks, f"send_mail:{place}", die)
        tasks.send_mails()
    assert again(message).status == "queued"
    clock.at += tasks.MAIL_LEASE - timedelta(microseconds=1)
    assert tasks.send_mails() == 0
    clock.at += timedelta(microseconds=1)
    assert tasks.send_mails() == 1
    assert again(message).status == "sent"
    assert len(mail_server.mails) == copies
    assert {mail["Message-ID"] for mail in mail_server.mails} == {
        f"<{message.public_id}@127.0.0.1>"
    }


def test_a_refusal_heard_late_does_not_undo_a_sent_mail(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    messages.record_refused(message.pk, "too late", permanent=True)
    assert (again(message).status, again(message).reason) == ("sent", "")


def test_two_workers_never_hold_the_same_mail(test_merchant: Merchant) -> None:
    for _ in range(3):
        given_a_queued_mail(test_merchant)
    lease = timedelta(minutes=5)
    first, second = messages.claim_messages(2, lease), messages.claim_messages(2, lease)
    assert (len(first), len(second)) == (2, 1)
    assert not {row.pk for row in first} & {row.pk for row in second}
    assert messages.claim_messages(2, lease) == []


def test_a_mail_that_cannot_be_made_holds_up_no_other(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    poison = given_a_queued_mail(test_merchant)
    Message.objects.filter(pk=poison.pk).update(to="no address at all")
    good = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    assert again(good).status == "sent"
    assert again(poison).status == "queued"
    assert again(poison).reason.startswith("The mail could not be made: ")
    assert again(poison).leased_until is None


# What a mail may say


@pytest.mark.parametrize(
    "text", ["Cleo\r\nBcc: ben@example.com", "Cleo\nBcc: ben@example.com", "Cleo\rX: y", "C\x00"]
)
@pytest.mark.parametrize("field", ["subject", "from_name"])
def test_nothing_that_is_typed_becomes_a_header(
    field: str, text: str, test_merchant: Merchant, mail_server: MailServer
) -> None:
    """No input lets a line break through; were one in a row all the same, no header comes of it."""
    if "\x00" in text:
        text = text.replace("\x00", "\x0b")
    message = given_a_queued_mail(test_merchant)
    Message.objects.filter(pk=message.pk).update(**{field: text})
    tasks.send_mails()
    for mail, envelope in zip(mail_server.mails, mail_server.envelopes, strict=True):
        assert mail["Bcc"] is None
        assert mail["X"] is None
        assert envelope.rcpt_tos == ["cleo@example.com"]
    assert (again(message).status == "sent") == (len(mail_server.mails) == 1)


def test_an_address_that_is_two_is_refused(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    message = given_a_queued_mail(test_merchant)
    for address in ("a@example.com, b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>"):
        Message.objects.filter(pk=message.pk).update(to=address, next_attempt_at=message.created_at)
        tasks.send_mails()
    assert mail_server.mails == []


def test_names_and_addresses_in_any_script_arrive(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    changes = read(MerchantChanges, {"name": "Bücher Müller, 東京", "email": "post@bücher.example"})
    there = merchants.update_merchant(test_merchant, changes)
    recipient = {"name": "Żółć", "email": "cleo@пример.example"}
    message = given_a_queued_mail(there, recipient=recipient)
    tasks.send_mails()
    assert again(message).status == "sent", again(message).reason
    (mail,) = mail_server.mails
    assert mail["From"].addresses[0].display_name == "Bücher Müller, 東京"
    assert mail["To"] == "cleo@xn--e1afmkfd.example"
    assert mail["Reply-To"] == "post@xn--bcher-kva.example"
    assert "Żółć" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_the_longest_names_still_make_a_mail(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    there = merchants.update_merchant(test_merchant, read(MerchantChanges, {"name": "N" * 200}))
    message = given_a_queued_mail(
        there,
        title="T" * 200,
        message="M" * 2000,
        purchase_order="P" * 100,
        recipient={"name": "R" * 200, "email": "cleo@example.com"},
    )
    tasks.send_mails()
    assert again(message).status == "sent", again(message).reason


# Mails that Django and its apps send


def test_whatever_django_mails_is_queued_for_each_recipient(
    db: None, mail_server: MailServer, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "invoicing.mail.QueueBackend"
    mail = EmailMultiAlternatives("Confirm", "text", to=["a@example.com"], cc=["b@example.com"])
    mail.attach_alternative("<p>html</p>", "text/html")
    assert mail.send() == 1
    assert django_send_mail("Plain", "only text", None, ["c@example.com"]) == 1
    queued = Message.objects.order_by("id")
    assert [(row.kind, row.to, row.html) for row in queued] == [
        ("account", "a@example.com", "<p>html</p>"),
        ("account", "b@example.com", "<p>html</p>"),
        ("account", "c@example.com", ""),
    ]
    assert mail_server.mails == []
    tasks.send_mails()
    assert [mail["To"] for mail in mail_server.mails] == [row.to for row in queued]


def test_without_a_server_the_mail_is_kept_for_the_mailbox_page(
    test_merchant: Merchant, settings: Any
) -> None:
    settings.MAIL_TRANSPORT = {"kind": "mailbox"}
    message = given_a_queued_mail(test_merchant)
    tasks.send_mails()
    sent = again(message)
    assert sent.status == "sent"
    assert bytes(sent.raw).startswith(b"Subject: ")
    assert b"TEST-0001.pdf" in bytes(sent.raw)


def test_a_refused_login_is_the_operators_to_mend(
    mail_server: MailServer, settings: Any, test_merchant: Merchant
) -> None:
    settings.MAIL_TRANSPORT = {**mail_server.transport, "user": "ada", "password": "wrong"}
    message = given_a_queued_mail(test_merchant)
    with pytest.raises(transport.NotSent) as refusal:
        transport.hand_over(transport.compose(message))
    assert refusal.value.permanent is False
