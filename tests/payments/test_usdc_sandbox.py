"""USDC rehearsed without a chain: exact, short, several, too much, late, wrong, and taken back."""

from typing import Any

import pytest

from invoicing.models import Invoice, Merchant
from payments.models import Deposit, Payment, Transfer, Wallet
from tests.factories import (
    again,
    balances,
    given_a_customer,
    given_an_open_invoice,
    let_pass,
    told,
    work,
)
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(test_merchant: Merchant, clock: WallClock) -> Invoice:
    customer = given_a_customer(test_merchant)
    return given_an_open_invoice(test_merchant, "25.00", customer_id=customer.public_id)


def ask(api: Api, invoice: Invoice) -> dict[str, Any]:
    answer = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})
    assert answer.status_code == 200, answer.json()
    return dict(answer.json())


def send(api: Api, address: str, amount: str, **more: Any) -> dict[str, Any]:
    body = {"address": address, "amount": amount, **more}
    answer = api.post("/v1/sandbox/deposits", body)
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def wallet_of(invoice: Invoice) -> dict[str, int]:
    return balances(Wallet.objects.get(merchant=invoice.merchant))


def test_the_exact_amount_pays_and_clears_when_final(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    assert wanted["units"] == "25000000"
    assert wanted == ask(api, invoice)
    deposit = send(api, wanted["address"], "25")
    assert (deposit["status"], deposit["match"]) == ("confirmed", "invoice")
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("paid", 2500)
    # 0.50 to the provider and 0.5 % to the platform.
    assert wallet_of(invoice)["pending"] == 2500 - 50 - 13
    let_pass(invoice.merchant, "PT2M")
    work()
    assert Transfer.objects.get().status == "final"
    assert wallet_of(invoice) == {"available": 2437}


def test_a_deposit_is_seen_before_it_counts(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    deposit = send(api, wanted["address"], "25", confirmations=1)
    assert (deposit["status"], again(invoice).status) == ("detected", "paying")
    deposit = api.post(
        "/v1/sandbox/deposits", {"tx_hash": deposit["tx_hash"], "confirmations": 2}
    ).json()
    assert (deposit["status"], deposit["confirmations"]) == ("detected", 2)
    let_pass(invoice.merchant, "PT10S")
    work()
    assert again(invoice).status == "paid"


def test_several_parts_add_up_without_losing_fractions(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    send(api, wanted["address"], "12.495")
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("open", 1249)
    assert ask(api, invoice)["units"] == "12510000"
    send(api, wanted["address"], "12.505")
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("paid", 2500)


def test_too_much_is_the_payers_credit(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    send(api, wanted["address"], "30")
    send(api, wanted["address"], "25")
    assert [row.surplus for row in Payment.objects.order_by("pk")] == [500, 2500]
    assert told(invoice).count("invoice.overpaid") == 2


def test_a_little_less_is_enough_within_the_tolerance(api: Api, invoice: Invoice) -> None:
    assert api.patch("/v1/usdc_policy", {"tolerance_basis_points": 100}).status_code == 200
    wanted = ask(api, invoice)
    send(api, wanted["address"], "24.75")
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("paid", 2500)
    assert Transfer.objects.get().forgiven == 25
    assert wallet_of(invoice)["pending"] == 2500 - 25 - 50 - 13


def test_beyond_the_tolerance_it_is_a_part(api: Api, invoice: Invoice) -> None:
    api.patch("/v1/usdc_policy", {"tolerance_basis_points": 100})
    wanted = ask(api, invoice)
    send(api, wanted["address"], "24.74")
    assert (again(invoice).status, again(invoice).amount_paid) == ("open", 2474)


def test_late_money_settles_an_expired_invoice(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    Invoice.objects.filter(pk=invoice.pk).update(expires_at="2026-03-02T13:00:00Z")
    let_pass(invoice.merchant, "PT2H")
    work()
    assert again(invoice).status == "expired"
    refused = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "invalid_state")
    send(api, wanted["address"], "25")
    assert again(invoice).status == "paid"


def test_money_for_a_void_invoice_waits_for_the_merchant(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    api.post(f"/v1/invoices/{invoice.public_id}/void")
    sent = send(api, wanted["address"], "25", confirmations=30)
    assert (sent["status"], sent["match"], sent["reason"]) == ("final", "unmatched", "void_invoice")
    deposit = Deposit.objects.get()
    assert (deposit.currency, deposit.amount, deposit.public_id) == ("USDC", 25_000_000, sent["id"])
    assert told(deposit) == ["deposit.unmatched", "invoice.usdc_unmatched"]
    other = given_an_open_invoice(invoice.merchant, "20.00")
    matched = api.post(f"/v1/usdc_deposits/{sent['id']}/match", {"invoice_id": other.public_id})
    assert matched.status_code == 200, matched.json()
    assert matched.json()["resolution"] == "matched"
    assert again(other).status == "paid"
    assert wallet_of(other)["available"] == 2000


def test_unmatched_usdc_becomes_credit_in_the_customers_currency(
    api: Api, invoice: Invoice
) -> None:
    wanted = ask(api, invoice)
    api.post(f"/v1/invoices/{invoice.public_id}/void")
    sent = send(api, wanted["address"], "25", confirmations=30)
    customer = invoice.customer
    assert customer
    body = {"customer_id": customer.public_id}
    answer = api.post(f"/v1/usdc_deposits/{sent['id']}/credit", body)
    assert answer.status_code == 200, answer.json()
    credit = api.get(f"/v1/customers/{customer.public_id}").json()["credit"]
    assert credit == [{"currency": "USD", "amount": "25.00"}]


def test_another_token_is_told_of_and_booked_nowhere(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    token = "0x" + "ab" * 20
    sent = send(api, wanted["address"], "25", token=token)
    assert (sent["match"], sent["reason"], sent["amount"]) == ("wrong_token", "wrong_token", None)
    assert again(invoice).status == "open"
    assert told(Transfer.objects.get()) == ["invoice.usdc_unmatched"]
    dismissed = api.post(f"/v1/usdc_deposits/{sent['id']}/dismiss").json()
    assert dismissed["resolution"] == "dismissed"


def test_a_reorganisation_takes_a_payment_back(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    sent = send(api, wanted["address"], "30")
    gone = api.post("/v1/sandbox/deposits", {"tx_hash": sent["tx_hash"], "reorg": True}).json()
    assert gone["status"] == "orphaned"
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("open", 0)
    payment = Payment.objects.get()
    assert (payment.status, payment.amount_reversed) == ("reversed", 3000)
    assert wallet_of(invoice) == {}
    assert told(invoice)[-1] == "invoice.reopened"
    assert api.get(f"/v1/invoices/{invoice.public_id}").json()["fees"] == []


def test_a_reorganisation_before_it_counts_only_ends_the_waiting(
    api: Api, invoice: Invoice
) -> None:
    wanted = ask(api, invoice)
    sent = send(api, wanted["address"], "25", confirmations=1)
    api.post("/v1/sandbox/deposits", {"tx_hash": sent["tx_hash"], "reorg": True})
    assert again(invoice).status == "open"
    assert Payment.objects.get().failure_code == "orphaned"


def test_a_refund_waits_for_the_merchants_own_wallet(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    send(api, wanted["address"], "25", confirmations=30)
    refused = api.post(f"/v1/invoices/{invoice.public_id}/refund", {})
    assert refused.status_code == 400
    assert refused.json()["error"]["details"]["fields"][0]["field"] == "address"
    to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    refund = api.post(f"/v1/invoices/{invoice.public_id}/refund", {"address": to}).json()
    payout = refund["refunds"][0]["usdc_payout"]
    assert (payout["status"], payout["units"], payout["address"]) == ("waiting", "25000000", to)


def test_a_refund_that_nobody_has_signed_goes_with_its_payment(api: Api, invoice: Invoice) -> None:
    wanted = ask(api, invoice)
    sent = send(api, wanted["address"], "30")
    body = {"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}
    refund = api.post(f"/v1/invoices/{invoice.public_id}/refund", body).json()["refunds"][0]
    api.post("/v1/sandbox/deposits", {"tx_hash": sent["tx_hash"], "reorg": True})
    told_now = api.get(f"/v1/refunds/{refund['id']}").json()
    assert (told_now["status"], told_now["usdc_payout"]["status"]) == ("failed", "canceled")
    row = again(invoice)
    assert (row.status, row.amount_paid, row.amount_refunded) == ("open", 0, 0)
    assert told(invoice)[-1] == "invoice.reopened"
    assert wallet_of(invoice) == {}


def test_a_refund_gives_back_no_more_than_came(api: Api, invoice: Invoice) -> None:
    api.patch("/v1/usdc_policy", {"tolerance_basis_points": 1000})
    wanted = ask(api, invoice)
    send(api, wanted["address"], "22.50", confirmations=30)
    assert again(invoice).status == "paid"
    body = {"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}
    refund = api.post(f"/v1/invoices/{invoice.public_id}/refund", body).json()["refunds"][0]
    assert (refund["amount"], refund["usdc_payout"]["amount"]) == ("25.00", "22.500000")
