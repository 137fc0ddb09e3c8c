"""Wallgent's document, followed by a client that knows nothing else."""

from typing import Any

import pytest

from invoicing.models import Customer, Invoice, Merchant
from payments import tasks as payment_tasks
from payments.actions.wallets import create_wallet
from payments.chain.rehearsal import BLOCKS_TO_FINALITY
from payments.inputs import WalletInput
from payments.models import Payment, RecurringCharge, Wallet
from tests.dialects.mounted import Mounted
from tests.factories import (
    SENDER,
    given_a_customer,
    given_a_key,
    given_a_saved_card,
    given_an_open_invoice,
    pay_usdc,
    use_card,
    work,
)
from tests.fixtures import Api, WallClock

FEES = [
    {"method": "CARD", "providerFee": "2.33", "wallgentFee": "0.35"},
    {"method": "ACH", "providerFee": "0.56", "wallgentFee": "0.18"},
    {"method": "USDC", "providerFee": "0.50", "wallgentFee": "0.35"},
    {"method": "WALLET", "providerFee": "0.00", "wallgentFee": "0.18"},
]


@pytest.fixture
def wallet(test_merchant: Merchant) -> Wallet:
    return create_wallet(test_merchant, WalletInput(name="Main", currency="USD", is_default=True))


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


@pytest.fixture
def wg(api: Api) -> Mounted:
    return Mounted(api, "wallgent")


@pytest.fixture
def body(wallet: Wallet, cleo: Customer) -> dict[str, Any]:
    """The body of the document's `wg.invoices.create`, word for word but for the ids."""
    return {
        "walletId": wallet.public_id,
        "customerId": cleo.public_id,
        "lineItems": [
            {"description": "API calls (10,000)", "unitPrice": "25.00"},
            {"description": "Data processing", "quantity": 3, "unitPrice": "15.00"},
        ],
        "memo": "Services for January 2026",
    }


@pytest.fixture
def subscription(wallet: Wallet, cleo: Customer) -> dict[str, Any]:
    """The body of the document's `wg.invoices.charge`."""
    given_a_saved_card(cleo)
    return {
        "walletId": wallet.public_id,
        "customerId": cleo.public_id,
        "amount": "99.00",
        "description": "Monthly subscription",
        "recurring": {"interval": "monthly"},
    }


@pytest.mark.parametrize("by_host", [False, True])
def test_from_creation_to_paid_and_refunded(
    api: Api, anonymous_api: Api, body: dict[str, Any], by_host: bool
) -> None:
    wg, payer = Mounted(api, "wallgent", by_host), Mounted(anonymous_api, "wallgent", by_host)
    created = wg.post("/v1/invoices", body)
    invoice = created.json()
    assert (created.status_code, invoice["status"], invoice["slug"]) == (201, "DRAFT", None)
    path = f"/v1/invoices/{invoice['id']}"
    finalized = wg.post(f"{path}/finalize")
    assert (finalized.status_code, finalized.json()["status"]) == (200, "FINALIZED")
    public = f"/v1/invoices/pay/{finalized.json()['slug']}"
    seen = payer.get(public)
    assert (seen.status_code, seen.json()["amountDue"]) == (200, "70.00")
    for answer in (wg.post(f"{path}/checkout"), payer.post(f"{public}/checkout")):
        assert answer.status_code == 200
        assert answer.json()["url"].startswith("http://127.0.0.1:8000/sandbox/")
    assert payer.post(f"{public}/usdc").json()["address"].startswith("0x")
    use_card(Payment.objects.get())
    payment_tasks.apply_notices()
    paid = wg.get(path).json()
    assert (paid["status"], paid["amountPaid"], paid["amountDue"]) == ("PAID", "70.00", "0.00")
    assert paid["fees"] == FEES[:1]
    refunded = wg.post(f"{path}/refund").json()
    assert [(row["status"], row["amount"]) for row in refunded["refunds"]] == [
        ("succeeded", "70.00")
    ]
    assert (refunded["status"], refunded["amountRefunded"]) == ("PAID", "70.00")


def test_every_field_of_an_invoice(
    wg: Mounted, body: dict[str, Any], clock: WallClock, wallet: Wallet, cleo: Customer
) -> None:
    more = {"dueDate": "2026-04-01T12:00:00Z", "metadata": {"order": 7}}
    created = wg.post("/v1/invoices", {**body, **more}).json()
    assert created == {
        "id": Invoice.objects.get().public_id,
        "object": "invoice",
        "number": None,
        "status": "DRAFT",
        "currency": "USD",
        "lineItems": [
            {
                "description": "API calls (10,000)",
                "quantity": 1,
                "unitPrice": "25.00",
                "amount": "25.00",
            },
            {
                "description": "Data processing",
                "quantity": 3,
                "unitPrice": "15.00",
                "amount": "45.00",
            },
        ],
        "subtotal": "70.00",
        "discount": "0.00",
        "tax": "0.00",
        "total": "70.00",
        "memo": "Services for January 2026",
        "slug": None,
        "metadata": {"order": 7},
        "amountPaid": "0.00",
        "amountRefunded": "0.00",
        "amountDue": "70.00",
        "dueDate": "2026-04-01T12:00:00.000Z",
        "paidAt": None,
        "paymentUrl": None,
        "walletId": wallet.public_id,
        "customerId": cleo.public_id,
        "fees": [],
        "feeBreakdown": FEES,
        "finalizedAt": None,
        "voidedAt": None,
        "createdAt": "2026-03-02T12:00:00.000Z",
        "updatedAt": "2026-03-02T12:00:00.000Z",
    }
    assert wg.get(f"/v1/invoices/{created['id']}").json() == created


def test_the_payer_sees_nothing_of_the_merchants_own(
    wg: Mounted, anonymous_api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "70.00", metadata={"margin": "secret"})
    path = f"/v1/invoices/pay/{invoice.slug}"
    seen = Mounted(anonymous_api, "wallgent").get(path).json()
    assert not {"walletId", "customerId", "fees", "feeBreakdown"} & seen.keys()
    assert (seen["metadata"], seen["paymentMethods"]) == (None, ["CARD", "USDC"])
    assert seen["seller"]["name"] == "Ada's Engines"
    asked = Mounted(anonymous_api, "wallgent").post(f"{path}/usdc").json()
    assert (asked["amount"], asked["currency"], asked["chain"]) == ("70.000000", "USDC", "sandbox")
    assert Mounted(anonymous_api, "wallgent").post(f"{path}/usdc").json() == asked


def test_an_id_is_given_in_any_way_and_a_fraction_is_a_number(
    wg: Mounted, test_merchant: Merchant
) -> None:
    line = {"description": "Hours", "quantity": "2.5", "unit_price": "40.123"}
    invoice = given_an_open_invoice(test_merchant, line_items=[line])
    for reference in (invoice.public_id, invoice.uuid, invoice.number):
        shown = wg.get(f"/v1/invoices/{reference}").json()
        assert (shown["id"], shown["lineItems"][0]["quantity"]) == (invoice.public_id, 2.5)


def test_usdc_goes_back_to_an_address_that_is_named(wg: Mounted, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "25.00")
    pay_usdc(invoice, confirmations=BLOCKS_TO_FINALITY)
    work()
    path = f"/v1/invoices/{invoice.public_id}"
    assert (wg.get(path).json()["status"], wg.get(path).json()["fees"][0]["method"]) == (
        "PAID",
        "USDC",
    )
    refused = wg.post(f"{path}/refund").json()["error"]
    assert refused["details"]["fields"][0]["field"] == "address"
    (refund,) = wg.post(f"{path}/refund", {"address": SENDER}).json()["refunds"]
    assert (refund["status"], refund["amount"]) == ("pending", "25.00")


def test_without_a_way_to_be_paid_there_is_no_checkout(live: Merchant, anonymous_api: Api) -> None:
    wg = Mounted(Api(given_a_key(live)), "wallgent")
    invoice = given_an_open_invoice(live)
    for answer in (
        wg.post(f"/v1/invoices/{invoice.public_id}/checkout"),
        Mounted(anonymous_api, "wallgent").post(f"/v1/invoices/pay/{invoice.slug}/checkout"),
        Mounted(anonymous_api, "wallgent").post(f"/v1/invoices/pay/{invoice.slug}/usdc"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_configured")


# Charging


def test_a_saved_method_is_charged_once_per_key(wg: Mounted, subscription: dict[str, Any]) -> None:
    del subscription["recurring"]
    done = wg.post("/v1/invoices/charge", subscription, idempotency_key="k")
    assert (done.status_code, done.json()["status"], done.json()["total"]) == (201, "PAID", "99.00")
    assert (done.json()["payment"]["status"], done.json()["recurring"]) == ("succeeded", None)
    again_ = wg.post("/v1/invoices/charge", subscription, idempotency_key="k")
    assert (again_.content, again_["Idempotent-Replayed"]) == (done.content, "true")
    assert Payment.objects.count() == 1


def test_a_subscription_is_charged_now_and_goes_on(
    wg: Mounted, subscription: dict[str, Any]
) -> None:
    subscription["recurring"]["endAt"] = "2199-01-01"
    done = wg.post("/v1/invoices/charge", subscription).json()
    assert (done["status"], done["payment"]["status"]) == ("PAID", "succeeded")
    assert done["recurring"]["interval"] == "monthly"
    assert done["recurring"]["id"] == RecurringCharge.objects.get().public_id
    assert done["recurring"]["endAt"].startswith("2199-01-01")


def test_a_decline_is_told_and_the_invoice_stays(
    wg: Mounted, wallet: Wallet, cleo: Customer
) -> None:
    card = given_a_saved_card(cleo, "4000000000000341")
    wanted = {
        "walletId": wallet.public_id,
        "customerId": cleo.public_id,
        "amount": "99.00",
        "description": "Hosting",
        "paymentMethodId": card.public_id,
    }
    done = wg.post("/v1/invoices/charge", wanted).json()
    assert (done["status"], done["payment"]["status"]) == ("FINALIZED", "failed")
    assert done["payment"]["failure"]["code"] == "card_declined"
    assert done["payment"]["paymentMethodId"] == card.public_id
