"""What is understood of sentences, nasty ones among them, to the letter.

Today is Monday, 2 March 2026, and the merchant bills in US dollars. A customer on file stands in
brackets; what is asked comes last.
"""

import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout.bots.quick_invoice import understand
from invoicing import clock as clocks
from invoicing import drafts, money
from invoicing.errors import ValidationFailed
from invoicing.models import Invoice, Merchant
from tests.checkout.quick_sentences import told
from tests.factories import given_a_customer
from tests.fixtures import NOON, WallClock

pytestmark = pytest.mark.same_everywhere

ON_FILE = [
    ("Acme", "ap@acme.example"),
    ("Toys for Tots", "t@tots.example"),
    ("Globex Ltd", "g@globex.example"),
    ("Initech", "a@initech.example"),
    ("Initech", "b@initech.example"),
]
LINES = Path(__file__).with_name("quick_sentences.txt").read_text().splitlines()
TABLE = [
    (sentence.replace("⏎", "\n"), expected.strip())
    for sentence, expected in zip(LINES[::2], LINES[1::2], strict=True)
]


@pytest.mark.django_db
def test_each_sentence_is_understood_as_it_says(test_merchant: Merchant, clock: WallClock) -> None:
    for name, email in ON_FILE:
        given_a_customer(test_merchant, name=name, email=email)
    found = [(sentence, told(test_merchant, sentence)) for sentence, _ in TABLE]
    assert [pair for pair, expected in zip(found, TABLE, strict=True) if pair != expected] == []
    assert len(TABLE) > 240
    assert Invoice.objects.count() == 0


MAY_CHANGE_IT = (
    "half double twice triple times less minus plus dozen each per x3 50% 7 twelve gross net tip "
    "upfront deposit advance if unless until except when once actually don't not never wait hold "
    "cancel instead sorry maybe stop or without ( )"
)
SENT = [sentence for sentence, expected in TABLE if "SEND" in expected]
# A memo and text in quotation marks may say anything.
PLAIN = [sentence for sentence in SENT if "memo" not in sentence and '"' not in sentence]


def _may_be_sent(message: str) -> bool:
    """Whether it is sent by its words alone, whoever it is for."""
    merchant: Any = SimpleNamespace(
        currency="USD", timezone="UTC", clock_held_at=NOON, clock_offset=None
    )
    with pytest.MonkeyPatch.context() as patch:
        invoice = Invoice(recipient_email="w@x.example", currency="USD")
        patch.setattr(drafts, "draft", lambda merchant, wanted: (invoice, []))
        try:
            return understand(merchant, message, sees_customers=False).may_be_sent
        except ValidationFailed:
            return False


def test_no_word_that_may_change_it_is_sent_along_unasked() -> None:
    assert len(PLAIN) >= 15
    may_change_it = MAY_CHANGE_IT.split(" ")
    assert [sentence for sentence in PLAIN if not _may_be_sent(sentence)] == []
    made = []
    for sentence in PLAIN:
        words = sentence.split(" ")
        for place in range(len(words) + 1):
            made += [
                " ".join([*words[:place], word, *words[place:]])
                for word in may_change_it
                # "less 10% off" is how people say "10% off".
                if not (word in {"less", "minus"} and words[place : place + 1] == ["10%"])
            ]
    # Every fifth of them: no divisor in common, so each word comes in time.
    assert math.gcd(5, len(may_change_it)) == 1
    assert [message for message in made[::5] if _may_be_sent(message)] == []


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u200b", "\u00ad"])
def test_what_nobody_sees_is_refused(char: str) -> None:
    merchant: Any = SimpleNamespace()
    with pytest.raises(ValidationFailed, match="invisible characters"):
        understand(merchant, f"Invoice Bo $20 for tea{char}, send it", sees_customers=False)


TEMPLATES = [
    "Invoice {name} {amount} for {what}, due {due}",
    "Please bill {name} {amount} for {what}, due on {due}.",
    "Invoice {name} for {what}: {amount}, payable by {due}",
    "Create an invoice for {name}: {what} {amount}; due {due}",
    "Invoice {name}, {amount} for {what} by {due}",
    "Could you invoice {name} {amount} for {what} until {due}?",
    "New invoice for {name} - {amount} for {what}, payment due: {due}",
    "Draft an invoice to {name} for {amount} for {what}, due {due}, thanks!",
    "Send {name} an invoice for {amount} for {what}, due {due}",
    "Bill {name} for {what} at {amount}, due {due}, don't send it",
]
NAMES = st.from_regex(r"[A-Z][a-z]{2,9}( (Ltd|GmbH|and Sons|& Co|Inc))?", fullmatch=True)
THINGS = st.sampled_from(
    ["API work", "design and build", "hosting", "trip to 3 cities", "v2 of the site"]
)
CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CHF", "USDC"])
DAYS = st.dates(date(2026, 3, 2), date(2030, 12, 31))
TAKEN_WORDS = ("invoice", "bill", "charge", "the", "for")


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, Decimal, str]:
    """An amount in a currency, and one of the ways in which people write it."""
    code = draw(CURRENCIES)
    places = min(money.asset(code).decimals, 2)
    value = Decimal(draw(st.integers(1, 10**9))).scaleb(-places)
    plain, grouped = f"{value:.{places}f}", f"{value:,.{places}f}"
    written = draw(st.sampled_from([f"{code} {plain}", f"{plain} {code}", f"{code} {grouped}"]))
    if code == "USD":
        written = draw(st.sampled_from([written, f"${grouped}", f"US${plain}"]))
    if code == "EUR":
        swapped = grouped.translate(str.maketrans(",.", ".,"))
        written = draw(st.sampled_from([written, f"€{plain}", f"{swapped} €"]))
    return code, value, written


@st.composite
def days(draw: st.DrawFn) -> tuple[date, str]:
    day = draw(DAYS)
    english = f"{day:%B} {day.day}, {day.year}"
    return day, draw(st.sampled_from([day.isoformat(), english, f"{day.day} {day:%b} {day.year}"]))


@settings(max_examples=300)
@given(st.sampled_from(TEMPLATES), NAMES, asked(), THINGS, days())
def test_what_is_understood_is_what_was_written(
    template: str, name: str, price: tuple[str, Decimal, str], what: str, due: tuple[date, str]
) -> None:
    if name.split()[0].lower() in TAKEN_WORDS:
        return
    code, value, written = price
    sentence = template.format(name=name, amount=written, what=what, due=due[1])
    merchant: Any = SimpleNamespace(
        currency="USD", timezone="UTC", clock_held_at=NOON, clock_offset=None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafts, "draft", lambda merchant, wanted: (Invoice(), []))
        reading = understand(merchant, sentence, sees_customers=False)
    wanted = reading.wanted
    assert wanted.recipient
    assert wanted.recipient.name == name
    assert (wanted.currency, wanted.due_at) == (code, due[0])
    [line] = wanted.line_items
    assert (line.quantity, line.unit_price) == (1, value)
    assert type(line.unit_price) is Decimal
    assert line.description.lower() == what.lower()
    told = {part.what: part.text for part in reading.understood}
    assert told["amount"] == written
    assert told["recipient"] == name
    assert str(told["due_at"]).endswith(due[1])
    assert reading.questions == [
        question for question in reading.questions if question.about == "send"
    ]


@settings(max_examples=300)
@given(st.text(max_size=200), st.sampled_from(["", "Invoice ", "Invoice Acme $", "Send "]))
def test_no_text_breaks_it(text: str, before: str) -> None:
    merchant: Any = SimpleNamespace(
        currency="USD", timezone="UTC", clock_held_at=NOON, clock_offset=None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafts, "draft", lambda merchant, wanted: (Invoice(), []))
        try:
            reading = understand(merchant, before + text, sees_customers=False)
        except ValidationFailed as refusal:
            assert [field for field, _ in refusal.fields] == ["message"]
            return
    assert all(line.unit_price > 0 for line in reading.wanted.line_items)


@pytest.mark.django_db
def test_today_is_where_the_merchant_is(test_merchant: Merchant, clock: WallClock) -> None:
    test_merchant.timezone = "Pacific/Kiritimati"
    assert clocks.now(test_merchant) == NOON
    reading = understand(test_merchant, "Invoice Bo $5, due tomorrow", sees_customers=False)
    assert reading.wanted.due_at == date(2026, 3, 4)
    assert reading.invoice.due_at is not None
    assert reading.invoice.due_at.isoformat() == "2026-03-04T09:59:59+00:00"
