"""Refunds, saved methods, charges, disputes, unmatched money and payouts by the API."""

import base64
from typing import Any

import pytest

from invoicing.models import Merchant
from payments import flows, tasks
from payments.inputs import RefundInput
from payments.models import MethodSetup, Payment, Refund
from tests.factories import again, given_a_customer, given_an_open_invoice, pay, told
from tests.fixtures import Api
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)
ERROR = "error"


AGAIN = {"allow_duplicate": True}


def refused(answer: Any, status: int, code: str, field: str = "") -> str:
    """The message of a refusal, which is of this kind and about this field."""
    error = answer.json()[ERROR]
    assert (answer.status_code, error["code"]) == (status, code)
    if field:
        assert [one["field"] for one in error["details"]["fields"]] == [field]
        return str(error["details"]["fields"][0]["message"])
    return str(error["message"])


def test_part_and_then_the_rest_is_refunded(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    path = f"/v1/invoices/{payment.invoice.public_id}"
    first = api.post(f"{path}/refund", {"amount": "40", "reason": "duplicate", "note": "Sorry"})
    (refund,) = first.json()["refunds"]
    assert (refund["amount"], refund["status"], refund["reason"]) == (
        "40.00",
        "succeeded",
        "duplicate",
    )
    assert first.json()["invoice"]["amount_refunded"] == "40.00"
    assert first.json()["invoice"]["status"] == "paid"
    message = refused(
        api.post(f"{path}/refund", {"amount": "60.01"}), 400, "validation_error", "amount"
    )
    assert message == "must be at most what can still be refunded, 60.00"
    assert api.post(f"{path}/refund").json()["refunds"][0]["amount"] == "60.00"
    assert "given back already" in refused(api.post(f"{path}/refund", AGAIN), 409, "invalid_state")
    assert [row["amount"] for row in api.get("/v1/refunds").json()["data"]] == ["60.00", "40.00"]
    assert api.get(f"{path}/refunds").json() == api.get("/v1/refunds").json()
    assert api.get(f"/v1/refunds/{refund['id']}").json() == refund
    assert told(payment.invoice).count("invoice.refunded") == 2


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "１", "1e2", True, []])
def test_what_is_no_amount_is_refused(
    amount: Any, api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    path = f"/v1/invoices/{payment.invoice.public_id}/refund"
    answer = api.post(path, {"amount": amount})
    refused(answer, 400, "validation_error", "amount")
    assert not Refund.objects.exists()


def test_an_unpaid_invoice_has_nothing_to_refund(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    answer = api.post(f"/v1/invoices/{invoice.public_id}/refund")
    assert "Nothing has been paid" in refused(answer, 409, "invalid_state")


def test_a_repeat_with_the_same_key_refunds_once(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    path = f"/v1/invoices/{payment.invoice.public_id}/refund"
    first = api.post(path, {"amount": "10"}, idempotency_key="one")
    second = api.post(path, {"amount": "10"}, idempotency_key="one")
    assert (first.content, second["Idempotent-Replayed"]) == (second.content, "true")
    assert Refund.objects.count() == 1


def test_a_refund_can_be_kept_as_credit_and_pays_the_next_invoice(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    payment = stripe_account.given_a_payment(test_merchant, customer_id=customer.public_id)
    api.post(
        f"/v1/invoices/{payment.invoice.public_id}/refund",
        {"amount": "30", "destination": "credit_balance"},
    )
    path = f"/v1/customers/{customer.public_id}/credit"
    assert api.get(path).json()["data"] == [{"currency": "USD", "amount": "30.00"}]
    invoice = given_an_open_invoice(test_merchant, "100.00", customer_id=customer.public_id)
    assert (again(invoice).amount_due, again(invoice).amount_paid) == (7000, 3000)
    small = given_an_open_invoice(test_merchant, "100.00", customer_id=customer.public_id)
    assert again(small).amount_due == 10000
    assert api.get(path).json()["data"] == []


def test_cash_goes_back_as_cash(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/{invoice.public_id}"
    api.post(f"{path}/mark_paid", {"method": "cash"})
    message = refused(
        api.post(f"{path}/refund", {"destination": "original"}),
        400,
        "validation_error",
        "destination",
    )
    assert message.startswith("must be manual")
    (refund,) = api.post(f"{path}/refund").json()["refunds"]
    assert (refund["destination"], refund["status"]) == ("manual", "succeeded")


def test_the_sandbox_gives_back_too(api: Api, test_merchant: Merchant) -> None:
    payment = pay(given_an_open_invoice(test_merchant))
    (refund,) = api.post(f"/v1/invoices/{payment.invoice.public_id}/refund").json()["refunds"]
    assert (refund["destination"], refund["status"]) == ("original", "succeeded")


def test_a_saved_card_is_charged(api: Api, stripe_account: Stripe, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    path = f"/v1/customers/{customer.public_id}/payment_methods"
    setup = api.post(path, {"type": "card"}).json()
    assert (setup["status"], setup["url"][:4]) == ("pending", "http")
    found = again_setup(setup["id"])
    stripe_account.fake.control("pay", session=found, card="4242424242424242")
    stripe_account.deliver()
    saved = api.get(f"/v1/payment_method_setups/{setup['id']}").json()
    (method,) = api.get(path).json()["data"]
    assert (saved["status"], saved["payment_method_id"]) == ("succeeded", method["id"])
    assert (method["is_default"], method["details"]["last4"]) == (True, "4242")
    body = {"customer_id": customer.public_id, "amount": "99.00", "description": "Coffee"}
    done = api.post("/v1/invoices/charge", body, idempotency_key="k")
    assert done.status_code == 201
    assert done.json()["payment"]["status"] == "succeeded"
    assert done.json()["invoice"]["status"] == "paid"
    assert api.post("/v1/invoices/charge", body, idempotency_key="k").content == done.content
    assert Payment.objects.count() == 1
    assert api.post(f"{path}/{method['id']}/default").json()["is_default"]
    assert api.delete(f"{path}/{method['id']}").json()["status"] == "detached"
    answer = api.post("/v1/invoices/charge", {**body, **AGAIN})
    assert "no saved card" in refused(answer, 409, "invalid_state")


def again_setup(setup_id: str) -> str:
    """What Stripe calls this visit."""
    return MethodSetup.objects.get(public_id=setup_id).provider_reference


def test_a_declined_charge_says_what_to_do(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer, "4000000000000341")
    body = {"customer_id": customer.public_id, "amount": "99.00", "description": "Coffee"}
    done = api.post("/v1/invoices/charge", body).json()
    assert (done["payment"]["status"], done["invoice"]["status"]) == ("failed", "open")
    assert done["payment"]["failure"]["advice"] == "retry"


def test_a_charge_that_is_not_heard_of_is_unknown_and_found_out(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    stripe_account.given_a_method(customer)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/payment_intents"
    )
    body = {"customer_id": customer.public_id, "amount": "99.00", "description": "Coffee"}
    done = api.post("/v1/invoices/charge", body).json()
    assert (done["payment"]["status"], done["invoice"]["status"]) == ("unknown", "paying")
    stripe_account.let_pass(seconds=60)
    tasks.look_at_payments()
    assert api.get(f"/v1/payments/{done['payment']['id']}").json()["status"] == "succeeded"
    assert api.get(f"/v1/invoices/{done['invoice']['id']}").json()["status"] == "paid"
    assert len(stripe_account.library.v1.charges.list({}).data) == 1


def test_a_dispute_is_answered_once(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    stripe_account.given_a_dispute(payment)
    (dispute,) = api.get("/v1/disputes").json()["data"]
    path = f"/v1/disputes/{dispute['id']}"
    assert (dispute["status"], dispute["withdrawn"], dispute["fee"]) == (
        "needs_response",
        "100.00",
        "15.00",
    )
    answer = api.post(f"{path}/submit")
    assert refused(answer, 400, "validation_error", "evidence").startswith("must say something")
    api.patch(path, {"product_description": "Ten hours of consulting."})
    pdf = base64.b64encode(b"%PDF-1.7 a receipt").decode()
    api.post(f"{path}/files", {"field": "receipt", "name": "r.pdf", "content_base64": pdf})
    wrong = {"field": "receipt", "name": "r.exe", "content_base64": "TVqQAAMA"}
    message = refused(api.post(f"{path}/files", wrong), 400, "validation_error", "content_base64")
    assert message == "must be a PDF, a JPEG or a PNG"
    done = api.post(f"{path}/submit").json()
    assert (done["status"], done["files"]) == ("under_review", ["receipt"])
    assert "no more evidence" in refused(api.post(f"{path}/submit"), 409, "invalid_state")
    answer = api.post(f"/v1/invoices/{payment.invoice.public_id}/refund")
    assert "disputes this payment" in refused(answer, 409, "invalid_state")
    stripe_account.fake.control("disputes/win", dispute=payment.disputes.get().provider_reference)
    stripe_account.deliver()
    won = api.get(path).json()
    assert (won["status"], won["withdrawn"]) == ("won", "0.00")


def test_unmatched_money_is_matched(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.given_a_deposit(test_merchant, 7000)
    (deposit,) = api.get("/v1/deposits", {"status": "unmatched"}).json()["data"]
    assert (deposit["amount"], deposit["reason"]) == ("70.00", "another_amount")
    invoice = given_an_open_invoice(test_merchant, "70.00")
    path = f"/v1/deposits/{deposit['id']}"
    matched = api.post(f"{path}/match", {"invoice_id": invoice.public_id}).json()
    assert matched["status"] == "matched"
    assert again(invoice).status == "paid"
    assert "matched already" in refused(api.post(f"{path}/refund"), 409, "invalid_state")


def test_unmatched_money_goes_back(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = stripe_account.given_a_deposit(test_merchant)
    refund = api.post(f"/v1/deposits/{deposit.public_id}/refund").json()
    assert (refund["status"], refund["amount"], refund["source"]) == (
        "succeeded",
        "70.00",
        "unmatched",
    )
    assert again(deposit).status == "refunded"


def test_an_overpayment_goes_back(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant, late=True)
    assert (payment.received, payment.surplus) == (10000, 10000)
    path = f"/v1/payments/{payment.public_id}/refund_overpayment"
    refund = api.post(path, {"reason": "overpayment"}).json()
    assert (refund["amount"], refund["source"], refund["status"]) == (
        "100.00",
        "credit",
        "succeeded",
    )
    assert "Nothing of this payment" in refused(api.post(path, AGAIN), 409, "invalid_state")


def test_what_was_paid_with_credit_does_not_go_back_to_the_card(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    cleo = given_a_customer(test_merchant)
    first = stripe_account.given_a_payment(test_merchant, "40.00", customer_id=cleo.public_id)
    api.post(f"/v1/invoices/{first.invoice.public_id}/refund", {"destination": "credit_balance"})
    payment = stripe_account.given_a_payment(test_merchant, "100.00", customer_id=cleo.public_id)
    path = f"/v1/invoices/{payment.invoice.public_id}/refund"
    for body in ({}, {"amount": "60.01"}):
        answer = api.post(path, {**body, "destination": "original"})
        assert refused(answer, 400, "validation_error", "destination") == (
            "can be original for at most 60.00; "
            "40.00 was paid with the customer's credit (destination credit_balance)"
        )
    assert Refund.objects.count() == 1
    (part,) = api.post(path, {"amount": "60", "destination": "original"}).json()["refunds"]
    assert (part["amount"], part["payment_id"]) == ("60.00", payment.public_id)
    (rest,) = api.post(path, {"destination": "credit_balance"}).json()["refunds"]
    assert (rest["amount"], rest["destination"]) == ("40.00", "credit_balance")


def test_a_payout_shows_its_own_lines(
    api: Api, ben_api: Api, stripe_account: Stripe, test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    stripe_account.given_a_payment(ben_merchant, "55.00")
    payout = stripe_account.given_a_payout(test_merchant)
    (mine,) = api.get("/v1/payouts").json()["data"]
    assert (mine["id"], mine["amount"], mine["status"]) == (payout.public_id, "100.00", "paid")
    assert [line["kind"] for line in mine["lines"]] == ["charge"]
    (bens,) = ben_api.get("/v1/payouts").json()["data"]
    assert (bens["amount"], bens["fee"], bens["net"]) == ("55.00", "1.90", "53.10")


def test_a_payout_is_there_before_it_arrives(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.given_a_payment(test_merchant)
    stripe_account.let_pass(days=3)
    stripe_account.fake.control("payouts/create", status="in_transit")
    stripe_account.deliver()
    (mine,) = api.get("/v1/payouts").json()["data"]
    assert (mine["status"], mine["net"], mine["is_itemised"]) == ("in_transit", "96.80", False)


def test_lists_take_the_same_few_queries(
    api: Api,
    stripe_account: Stripe,
    test_merchant: Merchant,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(3):
        payment = stripe_account.given_a_payment(test_merchant)
        flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="1"))
        stripe_account.given_a_dispute(stripe_account.given_a_payment(test_merchant))
        stripe_account.given_a_deposit(test_merchant)
    for path in ("/v1/refunds", "/v1/disputes", "/v1/deposits", "/v1/payouts", "/v1/payments"):
        with django_assert_max_num_queries(5):
            assert api.get(path).status_code == 200
