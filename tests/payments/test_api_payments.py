"""Getting paid over the API: checkout, declared payments, payments, wallets and their entries."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Merchant
from payments.actions.pay import mark_paid
from payments.inputs import MarkPaidInput
from payments.models import Payment, Wallet
from tests.factories import (
    NO_FUNDS,
    again,
    given_a_draft,
    given_a_key,
    given_an_open_invoice,
    let_pass,
    pay,
    start_paying,
    told,
    use_card,
    work,
)
from tests.fixtures import Api


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["data"]]


def test_a_payment_is_started_and_its_page_told(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    answer = api.post(f"/v1/invoices/{invoice.public_id}/checkout")
    assert answer.status_code == 200
    begun = answer.json()
    payment = Payment.objects.get()
    assert begun["url"] == payment.url
    assert begun["payment"]["id"] == payment.public_id
    assert (begun["payment"]["status"], begun["payment"]["amount"]) == ("pending", "100.00")
    assert begun["payment"]["rail"] == "sandbox"
    # While the page waits, asking again gives the same one.
    assert api.post(f"/v1/invoices/{invoice.public_id}/checkout").json() == begun


def test_a_part_is_paid_only_where_the_invoice_allows_it(api: Api, test_merchant: Merchant) -> None:
    whole = given_an_open_invoice(test_merchant)
    partly = given_an_open_invoice(test_merchant, allow_partial=True)
    refused = api.post(f"/v1/invoices/{whole.public_id}/checkout", {"amount": "40"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "amount: must be all that is due: no part payments here",
    )
    for amount in ("100.01", "0.001"):
        refused = api.post(f"/v1/invoices/{partly.public_id}/checkout", {"amount": amount})
        assert refused.json()["error"]["details"]["fields"][0]["field"] == "amount"
    assert not Payment.objects.exists()
    begun = api.post(f"/v1/invoices/{partly.public_id}/checkout", {"amount": "40"}).json()
    assert begun["payment"]["amount"] == "40.00"


@pytest.mark.parametrize("rail", ["card", "manual", "nothing"])
def test_a_way_to_pay_that_is_not_there_is_refused(
    api: Api, test_merchant: Merchant, rail: str
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    answer = api.post(f"/v1/invoices/{invoice.public_id}/checkout", {"rail": rail})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_configured")
    assert not Payment.objects.exists()


def test_a_live_merchant_without_a_provider_says_so(live: Merchant) -> None:
    invoice = given_an_open_invoice(live)
    answer = Api(given_a_key(live)).post(f"/v1/invoices/{invoice.public_id}/checkout")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "not_configured")
    assert error["message"] == "This merchant has no way to be paid online yet."


def test_what_cannot_be_paid_says_in_which_state_it_is(api: Api, test_merchant: Merchant) -> None:
    draft, paid = given_a_draft(test_merchant), given_an_open_invoice(test_merchant)
    pay(paid)
    for invoice, state in ((draft, "draft"), (paid, "paid")):
        for verb in ("checkout", "mark_paid"):
            answer = api.post(f"/v1/invoices/{invoice.public_id}/{verb}")
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (409, "invalid_state")
            assert error["details"] == {"status": state}
            assert state in error["message"]


def test_money_in_flight_holds_everything_else(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    use_card(start_paying(invoice), "4000000000005126")
    work()
    path = f"/v1/invoices/{invoice.public_id}"
    assert api.get(path).json()["status"] == "paying"
    for verb in ("checkout", "mark_paid", "void", "mark_uncollectible"):
        answer = api.post(f"{path}/{verb}")
        assert (answer.status_code, answer.json()["error"]["details"]) == (
            409,
            {"status": "paying"},
        )
    assert api.get(f"{path}/payments").json()["data"][0]["status"] == "unknown"


def test_money_received_elsewhere_is_declared(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/{invoice.public_id}"
    part = {"amount": "30", "method": "cash", "reference": "Till 3", "note": "left on the desk"}
    partly = api.post(f"{path}/mark_paid", part).json()
    assert (partly["status"], partly["amount_paid"], partly["amount_due"]) == (
        "open",
        "30.00",
        "70.00",
    )
    whole = api.post(f"{path}/mark_paid", {"method": "bank_transfer"}).json()
    assert (whole["status"], whole["amount_due"], whole["fees"]) == ("paid", "0.00", [])
    second, first = api.get(f"{path}/payments").json()["data"]
    assert (first["rail"], first["received"], first["note"]) == (
        "manual",
        "30.00",
        "left on the desk",
    )
    assert first["method"] == {"type": "cash", "reference": "Till 3"}
    assert (second["received"], second["net"]) == ("70.00", "70.00")
    (wallet,) = api.get("/v1/wallets").json()["data"]
    assert (wallet["external"], wallet["pending"], wallet["available"]) == (
        "100.00",
        "0.00",
        "0.00",
    )
    assert told(invoice)[-2:] == ["invoice.partially_paid", "invoice.paid"]


def test_declaring_takes_the_permission_to_settle(test_merchant: Merchant) -> None:
    writer = Api(given_a_key(test_merchant, ["invoices:write", "payments:write"]))
    invoice = given_an_open_invoice(test_merchant)
    answer = writer.post(f"/v1/invoices/{invoice.public_id}/mark_paid")
    assert answer.status_code == 403
    assert answer.json()["error"]["details"] == {"permission": "settle"}
    assert again(invoice).status == "open"


def test_gross_fees_and_net_are_seen_and_when_the_money_is_there(
    api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "119.00")
    payment = pay(invoice)
    (wallet,) = api.get("/v1/wallets").json()["data"]
    path = f"/v1/wallets/{wallet['id']}"
    # 2.9 % + 0.30 for the provider, 0.5 % for the platform.
    assert (wallet["pending"], wallet["available"]) == ("114.65", "0.00")
    assert api.get(path).json() == wallet
    (entry,) = api.get(f"{path}/entries").json()["data"]
    assert entry == {
        "id": f"payment:{payment.public_id}",
        "object": "wallet_entry",
        "kind": "payment",
        "currency": "USD",
        "gross": "119.00",
        "provider_fee": "3.75",
        "platform_fee": "0.60",
        "net": "114.65",
        "pending": "114.65",
        "available": "0.00",
        "external": "0.00",
        "owed": "0.00",
        "payment_id": payment.public_id,
        "invoice_id": invoice.public_id,
        "created_at": entry["created_at"],
    }
    assert api.get(f"/v1/invoices/{invoice.public_id}").json()["fees"] == [
        {"kind": "provider", "rail": "sandbox", "amount": "3.75"},
        {"kind": "platform", "rail": "sandbox", "amount": "0.60"},
    ]
    let_pass(test_merchant, "P2D")
    work()
    assert api.get(path).json()["available"] == "114.65"
    release, _ = api.get(f"{path}/entries").json()["data"]
    assert (release["kind"], release["gross"], release["net"]) == ("release", "0.00", "0.00")
    assert (release["pending"], release["available"]) == ("-114.65", "114.65")


def test_wallets_are_made_and_one_of_each_currency_is_the_default(api: Api) -> None:
    first = api.post("/v1/wallets", {"name": "Till", "currency": "eur"})
    assert first.status_code == 201
    assert (first.json()["currency"], first.json()["is_default"]) == ("EUR", True)
    second = api.post("/v1/wallets", {"name": "Safe", "currency": "EUR"}).json()
    assert second["is_default"] is False
    path = f"/v1/wallets/{second['id']}"
    changed = api.patch(path, {"name": "Vault", "is_default": True}).json()
    assert (changed["name"], changed["is_default"]) == ("Vault", True)
    api.post("/v1/wallets", {"name": "Yen", "currency": "JPY"})
    euros = api.get("/v1/wallets", {"currency": "EUR"}).json()["data"]
    assert [(row["name"], row["is_default"]) for row in euros] == [
        ("Vault", True),
        ("Till", False),
    ]
    assert api.get(path).json() == changed
    assert api.patch(path, {"currency": "USD"}).status_code == 400


@pytest.fixture
def several(test_merchant: Merchant) -> dict[str, Payment]:
    """A payment of each kind."""
    made = {}
    for name in ("paid", "waiting", "declined", "declared"):
        invoice = given_an_open_invoice(test_merchant)
        if name == "paid":
            made[name] = pay(invoice)
        elif name == "declared":
            made[name] = mark_paid(test_merchant, invoice.public_id, MarkPaidInput())
        else:
            made[name] = start_paying(invoice)
            if name == "declined":
                use_card(made[name], NO_FUNDS)
                work()
    return made


def test_payments_are_found(api: Api, several: dict[str, Payment]) -> None:
    def found(**query: str) -> list[str]:
        names = {payment.public_id: name for name, payment in several.items()}
        return [names[each] for each in ids(api.get("/v1/payments", query))]

    assert found() == ["declared", "declined", "waiting", "paid"]
    assert found(status="succeeded") == ["declared", "paid"]
    assert found(rail="manual") == ["declared"]
    assert found(rail="sandbox", status="pending") == ["declined", "waiting"]
    assert found(invoice_id=several["waiting"].invoice.public_id) == ["waiting"]
    assert found(wallet_id=Wallet.objects.get().public_id, limit="1") == ["declared"]
    assert found(created_before="2020-01-01") == []
    assert api.get("/v1/payments", {"status": "lost"}).status_code == 400
    assert api.get("/v1/payments", {"amount": "1"}).status_code == 400


def test_a_declined_card_leaves_its_reason(api: Api, several: dict[str, Payment]) -> None:
    payment = api.get(f"/v1/payments/{several['declined'].public_id}").json()
    assert payment["status"] == "pending"
    assert payment["failure"] == {
        "code": "insufficient_funds",
        "message": "The card has insufficient funds.",
        "advice": None,
    }
    assert payment["url"] == several["declined"].url
    paid = api.get(f"/v1/payments/{several['paid'].public_id}").json()
    assert (paid["failure"], paid["url"]) == (None, None)
    assert paid["method"] == {"type": "card", "brand": "visa", "last4": "4242"}


def test_money_is_read_in_the_same_few_queries_however_much_there_is(
    api: Api, test_merchant: Merchant
) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            pay(given_an_open_invoice(test_merchant))

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert api.get(path, {"limit": 25}).status_code == 200
        return len(seen)

    api.get("/v1/me")
    grow(5)
    wallet = Wallet.objects.get().public_id
    # Each begins with the key; wallets have accounts, entries have postings and their two ends.
    expected = {
        "/v1/payments": 2,
        "/v1/wallets": 3,
        f"/v1/wallets/{wallet}/entries": 7,
    }
    assert {path: queries(path) for path in expected} == expected
    grow(20)
    assert {path: queries(path) for path in expected} == expected
