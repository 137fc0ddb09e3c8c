"""Test cards are charged what real ones are: too little and too much is refused alike."""

import pytest

from invoicing.inputs import read
from invoicing.models import Customer, Invoice, Merchant
from payments import flows, recurring_flow
from payments.models import Payment, PaymentMethod, SandboxSession
from payments.recurring_inputs import RecurringInput
from tests.factories import again, given_a_customer, given_a_saved_card, given_an_open_invoice
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    customer = given_a_customer(test_merchant)
    given_a_saved_card(customer)
    return customer


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0.49", "amount: must be at least 0.50 USD for a card"),
        ("1000000.00", "amount: must be at most 999999.99 USD for a card"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/invoices/charge", "/v1/recurring_charges"])
def test_an_amount_that_is_never_charged_is_refused_and_makes_nothing(
    api: Api, cleo: Customer, path: str, amount: str, said: str
) -> None:
    body = {"customer_id": cleo.public_id, "amount": amount, "description": "Coffee"}
    if "recurring" in path:
        body["interval"] = "monthly"
    answer = api.post(path, body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, said)
    assert not Invoice.objects.exists() and not SandboxSession.objects.exists()


@pytest.mark.parametrize(("amount", "currency"), [("0.50", "USD"), ("0.30", "GBP"), ("50", "JPY")])
def test_the_least_is_charged(api: Api, cleo: Customer, amount: str, currency: str) -> None:
    body = {"customer_id": cleo.public_id, "description": "Coffee", "currency": currency}
    answer = api.post("/v1/invoices/charge", {**body, "amount": amount})
    assert answer.json()["payment"]["status"] == "succeeded"


def test_an_invoice_over_too_little_is_paid_on_its_page_alone(api: Api, cleo: Customer) -> None:
    invoice = given_an_open_invoice(cleo.merchant, "0.30", customer_id=cleo.public_id)
    answer = api.post(f"/v1/invoices/{invoice.public_id}/charge")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        409,
        "0.30 USD is due, and what is charged must be at least 0.50 USD for a card.",
    )
    assert flows.start(invoice.pk, "sandbox").url


def test_what_was_not_known_beforehand_is_declined_as_a_provider_would(
    cleo: Customer, clock: WallClock
) -> None:
    """A part of a first period may cost too little to be charged."""
    wanted = {
        "customer_id": cleo.public_id,
        "interval": "monthly",
        "amount": "9.00",
        "description": "Membership",
        "anchor": "2026-03-03",
        "proration": "prorate",
    }
    recurring_flow.start(again(cleo.merchant), read(RecurringInput, wanted))
    payment = Payment.objects.get()
    assert (payment.amount, payment.status) == (16, "failed")
    assert (payment.failure_code, payment.failure_advice) == ("amount_too_small", "amount")
    assert PaymentMethod.objects.get().status == "active"
