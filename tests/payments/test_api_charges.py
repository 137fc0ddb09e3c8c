"""Charging by the API: what the first tests of it do not ask."""

from typing import Any

import pytest

from invoicing.models import Invoice, Merchant
from payments import flows
from payments.models import Payment, PaymentMethod
from tests.factories import again, given_a_customer, given_an_open_invoice
from tests.fixtures import Api
from tests.fixtures_api import everything
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_open_invoice_is_charged_and_the_page_that_was_open_is_closed(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    method = stripe_account.given_a_method(customer)
    invoice = given_an_open_invoice(test_merchant, customer_id=customer.public_id)
    waiting = flows.start(invoice.pk, "card")
    answer = api.post(
        f"/v1/invoices/{invoice.number}/charge", {"payment_method_id": method.public_id}
    )
    done = answer.json()
    assert (answer.status_code, done["invoice"]["status"]) == (200, "paid")
    assert done["payment"]["payment_method_id"] == method.public_id
    assert again(waiting).status == "canceled"
    assert len(stripe_account.library.v1.charges.list({}).data) == 1


def test_a_page_that_was_paid_meanwhile_is_found_out_and_nothing_is_charged(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    invoice = given_an_open_invoice(test_merchant, customer_id=customer.public_id)
    waiting = flows.start(invoice.pk, "card")
    stripe_account.pay(waiting)
    answer = api.post(f"/v1/invoices/{invoice.public_id}/charge")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
    assert answer.json()["error"]["details"] == {"status": "paid"}
    assert (again(waiting).status, again(waiting).received) == ("succeeded", 10000)
    assert Payment.objects.count() == 1


def test_where_credit_pays_for_all_there_is_no_payment(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    first = stripe_account.given_a_payment(test_merchant, customer_id=customer.public_id)
    api.post(f"/v1/invoices/{first.invoice.public_id}/refund", {"destination": "credit_balance"})
    body = {"customer_id": customer.public_id, "amount": "60", "description": "Coffee"}
    done = api.post("/v1/invoices/charge", body, idempotency_key="k")
    assert (done.status_code, done.json()["payment"]) == (201, None)
    assert done.json()["invoice"]["status"] == "paid"
    assert api.post("/v1/invoices/charge", body, idempotency_key="k").content == done.content
    credit = [{"currency": "USD", "amount": "40.00"}]
    assert api.get(f"/v1/customers/{customer.public_id}").json()["credit"] == credit
    assert api.get("/v1/customers").json()["data"][0]["credit"] == credit


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "99.999"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "10.5", "currency": "JPY"}, "amount"),
        ({"amount": "0.49"}, "amount"),
        ({"amount": "1000000"}, "amount"),
        ({"amount": "49", "currency": "JPY"}, "amount"),
        ({"description": ""}, "description"),
        ({"currency": "XYZ"}, "currency"),
        ({"customer_id": None}, "customer_id"),
        ({"wallet": "x"}, "wallet"),
    ],
)
def test_a_charge_that_is_not_right_is_refused_by_its_field(
    wrong: dict[str, Any],
    field: str,
    api: Api,
    stripe_account: Stripe,
    test_merchant: Merchant,
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    body = {"customer_id": customer.public_id, "amount": "9", "description": "Coffee", **wrong}
    answer = api.post("/v1/invoices/charge", body)
    error = answer.json()["error"]
    assert (answer.status_code, [one["field"] for one in error["details"]["fields"]]) == (
        400,
        [field],
    )
    assert not Invoice.objects.exists()


def test_who_has_cards_but_no_default_is_asked_to_name_one(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    method = stripe_account.given_a_method(customer)
    body = {"customer_id": customer.public_id, "amount": "9", "description": "Coffee"}
    PaymentMethod.objects.update(is_default=False)
    answer = api.post("/v1/invoices/charge", body)
    assert answer.status_code == 409
    assert "payment_method_id" in answer.json()["error"]["message"]
    named = api.post("/v1/invoices/charge", {**body, "payment_method_id": method.public_id})
    assert named.status_code == 201


def test_a_draft_or_an_invoice_of_nobody_is_not_charged(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    nobodys = given_an_open_invoice(test_merchant)
    answer = api.post(f"/v1/invoices/{nobodys.public_id}/charge")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
    assert not Payment.objects.exists()


def test_what_credit_leaves_must_not_be_too_little(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    first = stripe_account.given_a_payment(test_merchant, customer_id=customer.public_id)
    api.post(f"/v1/invoices/{first.invoice.public_id}/refund", {"destination": "credit_balance"})
    body = {"customer_id": customer.public_id, "amount": "100.20", "description": "Coffee"}
    before = everything()
    answer = api.post("/v1/invoices/charge", body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "amount: must be at least 0.50 USD for a card, and credit leaves 0.20 of it",
    )
    assert everything() == before


def test_an_invoice_over_too_little_is_not_charged_and_its_page_stays(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    invoice = given_an_open_invoice(test_merchant, "0.30", customer_id=customer.public_id)
    waiting = flows.start(invoice.pk, "sandbox")
    before = everything()
    answer = api.post(f"/v1/invoices/{invoice.public_id}/charge")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        409,
        "0.30 USD is due, and what is charged must be at least 0.50 USD for a card.",
    )
    assert (everything(), again(waiting).status) == (before, "pending")


def test_an_amount_that_only_the_provider_can_judge_is_called_wrong(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    wanted = {"amount": "300", "currency": "KRW", "description": "Coffee"}
    answer = api.post("/v1/invoices/charge", {"customer_id": customer.public_id, **wanted})
    failure = answer.json()["payment"]["failure"]
    assert (failure["code"], failure["advice"]) == ("amount_too_small", "amount")
