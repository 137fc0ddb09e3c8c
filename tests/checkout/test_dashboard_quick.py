"""The box on the dashboard's home: a sentence becomes a draft, and says how it was understood."""

import pytest

from invoicing.models import Invoice, Merchant, Message
from tests.factories import given_a_customer
from tests.fixtures import WallClock
from tests.fixtures_dashboard import Browser, given_a_colleague, text_of

pytestmark = pytest.mark.same_everywhere
ACTION = "/quick-invoice/"


def test_a_sentence_becomes_a_draft_and_says_how_it_was_understood(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    for letter in "ab":
        given_a_customer(test_merchant, name="Initech", email=f"{letter}@initech.example")
    sentence = "Invoice Initech $250 for <b>API</b> work, due in 30 days, send it"
    answer = ada_browser.submit("", ACTION, message=sentence)
    invoice = Invoice.objects.get()
    where = f"/dashboard/quick-invoice/{invoice.public_id}/"
    assert (answer.status_code, answer["Location"]) == (302, where)
    assert (invoice.status, invoice.total) == ("draft", 25_000)
    assert not Message.objects.exists()
    text = text_of(ada_browser.get(where))
    for said in (
        f"“{sentence}”",
        "$250.00",
        "You asked to send it. Look it over first",
        "Which customer is “Initech”? None was chosen.",
        "Initech · a@initech.example",
        "Initech · b@initech.example",
        "Due 2026-04-01 due in 30 days",
    ):
        assert said in text
    assert b"<b>API</b>" not in ada_browser.get(where).content
    # The names of what was understood are never broken: "Custome/r".
    assert b'<th scope="row" class="shrink">Due</th>' in ada_browser.get(where).content


def test_sent_twice_it_makes_one_draft(ada_browser: Browser, test_merchant: Merchant) -> None:
    form = ada_browser.form("quick-invoice/")
    data = form.data(message="Invoice Bo $5 for tea")
    first, second = (ada_browser.post("quick-invoice/", data) for _ in range(2))
    assert Invoice.objects.count() == 1
    assert first["Location"] == second["Location"]
    assert "Tea" in text_of(ada_browser.get(second["Location"]))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "Must not be empty."),
        ("Invoice Acme 1.234 EUR", "Has 1.234, which can be read in more than one way"),
        ("x" * 10_000, "Must have at most 1000 characters."),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_sentence(
    ada_browser: Browser, test_merchant: Merchant, message: str, said: str
) -> None:
    answer = ada_browser.submit("quick-invoice/", message=message)
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert not Invoice.objects.exists()
    if message:
        assert message.encode() in answer.content


def test_only_those_who_may_write_have_the_box(test_merchant: Merchant) -> None:
    viewer = given_a_colleague(test_merchant, "viewer")
    assert "In one sentence" not in text_of(viewer.get(""))
    assert viewer.post("quick-invoice/", {"message": "Invoice Bo $5"}).status_code == 403
    assert not Invoice.objects.exists()


def test_another_drafts_reading_is_not_shown(ada_browser: Browser) -> None:
    answers = [
        ada_browser.submit("quick-invoice/", message=f"Invoice Bo ${n} for tea") for n in (5, 6)
    ]
    older = text_of(ada_browser.get(answers[0]["Location"]))
    assert "How it was understood is shown only right after it was made." in older
