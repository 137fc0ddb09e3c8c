"""Mails about one's own account: in the look of all others, the same in text and in HTML."""

import re
from typing import Any

import pytest
from django.test import Client

from invoicing.models import Message, User
from tests import factories

PASSWORD = "a long enough phrase 42"


@pytest.fixture(autouse=True)
def queue(settings: Any) -> None:
    """The mails go where they go in earnest: pytest-django would keep them to itself."""
    settings.EMAIL_BACKEND = "invoicing.mail.QueueBackend"


def the_mail() -> Message:
    mail = Message.objects.get()
    assert mail.kind == "account"
    return mail


def words_of(html: str) -> str:
    """What the HTML's sheet says, in one line."""
    sheet = html.split('<div class="sheet">')[1]
    return " ".join(re.sub("<[^>]*>", " ", sheet).split())


def assert_branded(mail: Message) -> None:
    """It is ours, whole, and names nothing of the library that sends it."""
    assert mail.html.startswith("<!doctype html>")
    assert '<p class="from">Billhook</p>' in mail.html
    assert mail.text.endswith("\n\nBillhook\nhttp://127.0.0.1:8000/\n")
    for foreign in ("Hello from", "Thank you for using", "example.com!", "{{", "None"):
        assert foreign not in mail.text + mail.html
    # Whatever the text says, the HTML says.
    for paragraph in mail.text.split("\n\n")[:-1]:
        said = " ".join(paragraph.split())
        assert said in words_of(mail.html).replace("&amp;", "&"), said


def sign_up(client: Client, email: str) -> None:
    answer = client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})
    assert answer.status_code == 302


def test_the_code_of_a_sign_up_stands_out(client: Client, db: None) -> None:
    sign_up(client, "dora@example.com")
    mail = the_mail()
    assert_branded(mail)
    assert (mail.to, mail.subject) == ("dora@example.com", "Confirm your email address")
    code = re.search(r"^([A-Z0-9-]{6,})$", mail.text, re.MULTILINE)
    assert code
    assert f'<p class="code">{code[1]}</p>' in mail.html
    answer = client.post("/accounts/confirm-email/", {"code": code[1]})
    assert answer.status_code == 302
    assert User.objects.get(email="dora@example.com").emailaddress_set.get().verified


def test_signing_up_again_leads_to_a_new_password(client: Client, ada: User) -> None:
    sign_up(client, ada.email)
    mail = the_mail()
    assert_branded(mail)
    assert mail.subject == "You have an account already"
    assert "/accounts/password/reset/" in mail.text
    assert ">Choose a new password</a>" in mail.html


def test_a_forgotten_password_is_chosen_anew_by_the_mails_button(client: Client, ada: User) -> None:
    client.post("/accounts/password/reset/", {"email": ada.email})
    mail = the_mail()
    assert_branded(mail)
    assert mail.subject == "Choose a new password"
    address = re.search(r"^http\S+$", mail.text, re.MULTILINE)
    assert address
    assert f'<a href="{address[0]}" style=' in mail.html
    assert client.get(address[0], follow=True).status_code == 200


def test_whoever_has_no_account_is_told_so(client: Client, db: None) -> None:
    client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    mail = the_mail()
    assert_branded(mail)
    assert mail.subject == "There is no account with this address"
    assert ">Sign up</a>" in mail.html


@pytest.mark.parametrize("agent", ["Firefox", "<script>alert(1)</script> & co"])
def test_a_change_is_told_with_who_made_it(client: Client, ada: User, agent: str) -> None:
    client.force_login(ada)
    change: dict[str, Any] = {
        "oldpassword": factories.PASSWORD,
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    client.post("/accounts/password/change/", change, headers={"User-Agent": agent})
    mail = the_mail()
    assert mail.subject == "Password changed"
    assert "Your password has been changed." in mail.text
    assert f"With: {agent}" in mail.text
    assert "<script>" not in mail.html
    assert '<p class="from">Billhook</p>' in mail.html
