"""What payers read when a recurring charge fails, is given up or is paid: what is true then."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils.html import strip_tags

from invoicing.models import Customer, Merchant, Message
from payments import flows, tasks
from payments.actions import recurring
from payments.models import Payment, PaymentMethod
from payments.recurring_inputs import CancelInput
from tests.factories import (
    FIRST_TWO_DECLINED,
    LATER_ASKS_APPROVAL,
    LATER_LOST,
    LATER_NO_FUNDS,
    again,
    given_a_customer,
    given_a_saved_card,
    given_an_open_invoice,
    live,
    pay,
    subscribe,
)
from tests.fixtures import WallClock
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)

JAN_31 = datetime(2027, 1, 31, 9, tzinfo=UTC)
LATER_EXPIRED = "4000000000002016"
NO_FURTHER_TRY = "There will be no further try"
TRIES_ON = "We will try again on "


@pytest.fixture
def merchant(clock: WallClock, test_merchant: Merchant) -> Merchant:
    clock.at = JAN_31
    return test_merchant


@pytest.fixture
def cleo(merchant: Merchant) -> Customer:
    return given_a_customer(merchant, email="cleo@example.com")


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=UTC)


def first(kind: str) -> Message:
    return Message.objects.filter(kind=kind).earliest("id")


def said(message: Message) -> str:
    """What a mail says, which its HTML says as well."""
    text = " ".join(message.text.split())
    for sentence in text.split(". "):
        if "http" not in sentence and "Hello" not in sentence:
            page = strip_tags(message.html).replace("&#x27;", "'")
            assert sentence.rstrip(".") in " ".join(page.split())
    return text


# The end of trying


@pytest.mark.parametrize(
    ("then", "schedule"),
    [
        ("end", "ends with this: nothing more will be charged for it."),
        ("pause", "is paused: nothing is charged for it until it is resumed."),
        ("keep", "goes on with its next period."),
    ],
)
@pytest.mark.parametrize("invoice", ["open", "uncollectible"])
def test_the_last_mail_says_what_became_of_the_invoice_and_the_schedule(
    client: Client, merchant: Merchant, cleo: Customer, then: str, schedule: str, invoice: str
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo, dunning={"retries": [{"days": 1}], "then": then, "invoice": invoice})
    live(merchant, day("2027-02-02"))
    mail = first("charge_given_up")
    assert NO_FURTHER_TRY in said(mail)
    assert f"The recurring charge for Membership {schedule}" in said(mail)
    page = client.get(f"/i/{row.periods.get().invoice.slug}").content.decode()
    if invoice == "open":
        assert "The invoice can still be paid by the link below." in said(mail)
        assert "View and pay online:" in mail.text and "View and pay" in mail.html
        assert "Pay $99.00" in page
    else:
        assert "the invoice is closed: it cannot be paid online any more." in said(mail)
        assert "ask Ada's Engines. You can write to them by the link below." in said(mail)
        assert "View the invoice: " in said(mail)
        assert "and pay" not in mail.text + mail.html
        assert "Pay $99.00" not in page
        # There the payer can ask.
        assert "I have a question" in page


def test_the_usual_end_is_told_as_it_is(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    live(merchant, day("2027-02-27"))
    assert (again(row).status, row.periods.get().invoice.status) == ("ended", "uncollectible")
    mail = first("charge_given_up")
    assert "can still be paid" not in said(mail)
    assert "The recurring charge for Membership ends with this" in said(mail)


def test_what_ends_with_its_period_does_not_go_on(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo, dunning={"retries": [{"days": 1}], "then": "keep"})
    recurring.cancel_recurring(merchant, row.public_id, CancelInput(at="period_end"))
    live(merchant, day("2027-02-02"))
    assert again(row).status == "past_due"
    assert "The recurring charge for Membership ends with this" in said(first("charge_given_up"))


# A failure


@pytest.mark.parametrize(
    ("number", "why", "what_next"),
    [
        (
            LATER_ASKS_APPROVAL,
            "Your bank asked for your approval of the charge to your card ending in 3184.",
            "Please pay by the link below. Your bank asks for your approval there.",
        ),
        (
            LATER_EXPIRED,
            "Your card ending in 2016 has expired.",
            "Please pay by the link below. It takes a minute.",
        ),
        (
            LATER_LOST,
            "The charge to your payment method ending in 3014 was declined.",
            "Please pay by the link below. It takes a minute.",
        ),
    ],
)
def test_what_no_other_try_can_mend_promises_none(
    merchant: Merchant, cleo: Customer, number: str, why: str, what_next: str
) -> None:
    given_a_saved_card(cleo, number)
    subscribe(cleo)
    text = said(first("charge_failed"))
    assert f"could not collect $99.00 for Membership. {why}" in text
    assert what_next in text
    assert TRIES_ON not in text
    assert ("declined" in text) == ("declined" in why)


def test_what_is_tried_again_says_when(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    subscribe(cleo)
    text = said(first("charge_failed"))
    assert "The charge to your payment method ending in 4012 was declined." in text
    assert f"{TRIES_ON}February 2, 2027." in text


def test_a_debit_that_came_back_is_told_as_one(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    cleo = given_a_customer(test_merchant, email="cleo@example.com")
    setup = flows.save_method(test_merchant, cleo.public_id, "ach")
    stripe_account.fake.control("pay", session=setup.provider_reference, account="000123456789")
    stripe_account.deliver()
    assert PaymentMethod.objects.get().details["last4"] == "6789"
    subscribe(cleo, interval="yearly")
    for _ in range(8):
        stripe_account.let_pass(days=1)
        stripe_account.deliver()
        tasks.charge_recurring()
    reference = Payment.objects.get().money_reference
    stripe_account.fake.control(
        "debits/return", payment_intent=reference, reason="insufficient_funds"
    )
    stripe_account.deliver()
    text = said(first("charge_failed"))
    assert "The debit from your bank account ending in 6789 did not go through." in text
    assert TRIES_ON in text
    assert "declined" not in text and "card" not in text


# A receipt


def test_the_receipt_of_a_period_says_what_for_and_when(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    subscribe(cleo)
    text = said(first("receipt"))
    sentence = "The payment is for Membership, from January 31, 2027 to February 27, 2027."
    assert sentence in text


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Die Zahlung ist für Membership, vom 31. Januar 2027 bis zum 27. Februar 2027."),
        ("ja", "Membership（2027年1月31日 から 2027年2月27日 まで）のお支払いです。"),
    ],
)
def test_the_period_is_told_in_the_readers_language(
    merchant: Merchant, language: str, sentence: str
) -> None:
    cleo = given_a_customer(merchant, email="cleo@example.com", language=language)
    given_a_saved_card(cleo)
    subscribe(cleo)
    mail = first("receipt")
    assert sentence in mail.text and sentence in mail.html


def test_the_period_is_that_of_the_schedules_time_zone(
    merchant: Merchant, cleo: Customer, clock: WallClock
) -> None:
    Merchant.objects.filter(pk=merchant.pk).update(timezone="Pacific/Auckland")
    given_a_saved_card(cleo)
    clock.at = datetime(2027, 1, 31, 12, tzinfo=UTC)
    subscribe(again(cleo))
    assert "from February 1, 2027 to February 28, 2027." in said(first("receipt"))


def test_an_ordinary_receipt_names_no_period(merchant: Merchant, cleo: Customer) -> None:
    pay(given_an_open_invoice(merchant, customer_id=cleo.public_id))
    mail = first("receipt")
    assert "The payment is for" not in mail.text + mail.html
    assert "received your payment.\n\nInvoice: TEST-0001" in mail.text
