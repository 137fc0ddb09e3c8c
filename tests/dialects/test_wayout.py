"""Wayout's document, followed by a client that knows nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from invoicing import failpoints
from invoicing.models import Event, Invoice, Merchant
from payments import tasks as payment_tasks
from tests.dialects.mounted import Mounted
from tests.factories import (
    again,
    given_a_draft,
    given_a_key,
    let_pass,
    start_paying,
    told,
    use_card,
)
from tests.fixtures import Api, WallClock

# The document's own body, word for word.
BODY = '{\n"amount": 25.00,\n"fiat_currency": "USD"\n}'
ADDRESS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
ALL = {
    "amount": 1250,
    "fiat_currency": "usd",
    "wallet_address": ADDRESS.lower(),
    "coin_symbol": "usdc",
    "memo": "Order 17",
    "due_at": "2026-04-01T10:00:00.000Z",
    "invoice_message": "Thank you for your order.\nIt ships tomorrow.",
    "invoice_title": "Spring order",
    "client_email": "cleo@example.com",
    "client_name": "Cleo Marsh",
}


class Crash(BaseException):
    """The process dies here: nothing that handles errors gets to see it."""


@pytest.fixture
def key(test_merchant: Merchant) -> str:
    """A key that may do no more than this takes."""
    return given_a_key(test_merchant, ["invoices:write", "wallets:write"])


@pytest.fixture
def wayout(key: str) -> Mounted:
    return Mounted(Api(""), "wayout", key=key)


@pytest.fixture
def dies_before_the_commit() -> Iterator[None]:
    def die() -> None:
        raise Crash

    failpoints.hooks["issue_invoice:before_commit"] = die
    yield
    failpoints.hooks.clear()


def refusal(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    return answer.status_code, body["error"]


@pytest.mark.parametrize("by_host", [False, True])
@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_from_creation_to_paid(
    key: str, client: Client, clock: WallClock, by_host: bool, scheme: str
) -> None:
    wayout = Mounted(Api(""), "wayout", by_host, key=f"{scheme}{key}")
    answer = wayout.post("/api/invoice", BODY)
    invoice = Invoice.objects.get()
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "invoice": {
            "id": invoice.pk,
            "share_token": invoice.slug,
            "created_at": "2026-03-02T12:00:00.000Z",
            "pay_url": "http://127.0.0.1:8000/compat/wayout/pay-invoice"
            f"?share_token={invoice.slug}",
        },
    }
    assert (invoice.status, invoice.total, invoice.currency) == ("open", 2500, "USD")
    assert told(invoice) == ["invoice.created", "invoice.finalized"]
    page = client.get(answer.json()["invoice"]["pay_url"], follow=True)
    assert page.redirect_chain == [(f"http://127.0.0.1:8000/i/{invoice.slug}", 302)]
    assert b"25.00" in page.content
    use_card(start_paying(invoice))
    payment_tasks.apply_notices()
    assert again(invoice).status == "paid"


def test_the_page_on_the_host_of_its_own(wayout: Mounted, key: str) -> None:
    token = wayout.post("/api/invoice", BODY).json()["invoice"]["share_token"]
    there = Mounted(Api(""), "wayout", by_host=True).get("/pay-invoice", {"share_token": token})
    assert (there.status_code, there["Location"]) == (302, f"http://127.0.0.1:8000/i/{token}")


@pytest.mark.usefixtures("clock")
def test_every_field_is_kept(wayout: Mounted) -> None:
    assert wayout.post("/api/invoice", ALL).status_code == 200
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.currency, invoice.wallet_address) == (125000, "USD", ADDRESS)
    assert (invoice.memo, invoice.title) == ("Order 17", "Spring order")
    assert invoice.message == "Thank you for your order.\nIt ships tomorrow."
    assert invoice.due_at and invoice.due_at.isoformat() == "2026-04-01T10:00:00+00:00"
    assert (invoice.recipient_name, invoice.recipient_email) == ("Cleo Marsh", "cleo@example.com")
    assert [line.description for line in invoice.lines.all()] == ["Spring order"]


@pytest.mark.usefixtures("clock")
@pytest.mark.same_everywhere
def test_null_is_as_good_as_nothing(wayout: Mounted) -> None:
    optional = dict.fromkeys(ALL.keys() - {"amount", "fiat_currency"})
    answer = wayout.post("/api/invoice", {"amount": 25, "fiat_currency": "USD", **optional})
    assert answer.status_code == 200
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.wallet_address, invoice.memo) == (2500, "", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": None}, "amount: must be a number such as 25.00, without quotes"),
        ({"amount": "25.00"}, "amount: must be a number such as 25.00, without quotes"),
        ({"amount": True}, "amount: must be a number such as 25.00, without quotes"),
        ({"amount": 0}, "amount: must be more than 0"),
        ({"amount": -25}, "amount: must be more than 0"),
        ({"amount": 25.005}, "amount: must have at most 2 decimal places"),
        ({"amount": 25, "fiat_currency": "JPY", "memo": 1}, "memo: must be text"),
        ({"amount": 10**15}, "amount: must be at most 1000000000000"),
        ({"fiat_currency": "XYZ"}, "fiat_currency: "),
        ({"fiat_currency": "USDC"}, "fiat_currency: must be the three letters of a fiat currency"),
        ({"fiat_currency": None}, "fiat_currency: must be a currency code such as USD"),
        ({"wallet_address": "0x8b"}, "wallet_address: must have at least 5 characters"),
        ({"coin_symbol": None}, "coin_symbol: is required beside a wallet_address"),
        ({"coin_symbol": "BTC"}, "coin_symbol: must be USDC: it is the only coin that can be"),
        ({"wallet_address": "bc1qar0srrr7xfkvy5l643"}, "wallet_address: must be an address: 0x"),
        ({"due_at": "2026-03-02T11:59:59Z"}, "due_at: must be in the future"),
        ({"due_at": "2026-03-01"}, "due_at: must be in the future"),
        ({"due_at": 1772452800}, "due_at: must be an ISO 8601 date or time"),
        ({"client_email": "cleo"}, "client_email: must be an email address"),
        ({"client_name": "x" * 201}, "client_name: must have at most 200 characters"),
        ({"client_phone": "1"}, "client_phone: is not a field here"),
        (
            {"amount": 0, "client_email": "cleo"},
            "amount: must be more than 0; client_email: must be an email address",
        ),
    ],
)
@pytest.mark.usefixtures("clock")
@pytest.mark.same_everywhere
def test_a_wrong_field_is_named_and_nothing_is_made(
    wayout: Mounted, change: dict[str, Any], message: str
) -> None:
    status, said = refusal(wayout.post("/api/invoice", {**ALL, **change}))
    assert (status, said[: len(message)]) == (400, message)
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("missing", ["amount", "fiat_currency"])
@pytest.mark.same_everywhere
def test_what_is_required_is_asked_for(wayout: Mounted, missing: str) -> None:
    body = {"amount": 25, "fiat_currency": "USD"}
    del body[missing]
    assert refusal(wayout.post("/api/invoice", body)) == (400, f"{missing}: is required")


@pytest.mark.usefixtures("clock")
def test_the_future_is_that_of_the_merchants_clock(wayout: Mounted, key: str) -> None:
    let_pass(Merchant.objects.get(bots__api_keys__prefix=key[:16]), "P60D")
    assert refusal(wayout.post("/api/invoice", ALL)) == (400, "due_at: must be in the future")


def test_a_coin_that_nobody_can_pay_in_is_refused(live: Merchant) -> None:
    wayout = Mounted(Api(""), "wayout", key=given_a_key(live, ["invoices:write"]))
    body = {"amount": 25, "fiat_currency": "USD", "coin_symbol": "USDC"}
    status, said = refusal(wayout.post("/api/invoice", body))
    assert (status, said) == (
        400,
        "coin_symbol: USDC cannot pay USD here: no chain, address or rate is set up",
    )
    del body["coin_symbol"]
    assert wayout.post("/api/invoice", body).status_code == 200


# Who may


@pytest.mark.same_everywhere
def test_to_say_where_money_goes_takes_more(test_merchant: Merchant) -> None:
    wayout = Mounted(Api(""), "wayout", key=given_a_key(test_merchant, ["invoices:write"]))
    assert refusal(wayout.post("/api/invoice", ALL)) == (
        403,
        "Naming a wallet_address needs the permission wallets:write.",
    )
    assert wayout.post("/api/invoice", BODY).status_code == 200


@pytest.mark.same_everywhere
def test_it_takes_what_stands_for_automate_payments(test_merchant: Merchant) -> None:
    weak = given_a_key(test_merchant, ["invoices:read", "payments:write"])
    assert refusal(Mounted(Api(""), "wayout", key=weak).post("/api/invoice", BODY)) == (
        403,
        "This needs the permission invoices:write. It is what Automate Payments stands for here.",
    )
    unknown = "The API key is unknown, expired or revoked."
    for shown, said in (
        ("", "Send an API key as: Authorization: bh_…"),
        ("bh_test_nobody", unknown),
        ("Bearer bh_test_nobody", unknown),
        ("Bearer", "Send the API key as: Authorization: bh_…"),
        (f"Basic {weak}", "Send the API key as: Authorization: bh_…"),
    ):
        answer = Mounted(Api(""), "wayout", key=shown).post("/api/invoice", BODY)
        assert refusal(answer) == (401, said)
    assert not Invoice.objects.exists()


@pytest.mark.same_everywhere
def test_the_bare_key_opens_nothing_else(key: str) -> None:
    answer = Api("").get("/v1/me", Authorization=key)
    assert answer.status_code == 401


def test_the_page_of_a_draft_or_of_nothing_is_not_there(test_merchant: Merchant) -> None:
    anybody = Mounted(Api(""), "wayout")
    for token in (given_a_draft(test_merchant).slug, "0" * 32, "<Share Token>"):
        answer = anybody.get("/pay-invoice", {"share_token": token})
        assert refusal(answer) == (404, "There is no such invoice.")
    assert refusal(anybody.get("/pay-invoice")) == (400, "share_token: is required")
    assert refusal(anybody.get("/api/invoices")) == (404, "wayout has nothing at this address.")
    assert refusal(anybody.post("/pay-invoice", {}))[0] == 405


# Once


def test_once_per_key(wayout: Mounted) -> None:
    first = wayout.post("/api/invoice", BODY, idempotency_key="k")
    repeat = wayout.post("/api/invoice", BODY, idempotency_key="k")
    assert (repeat.content, repeat["Idempotent-Replayed"]) == (first.content, "true")
    other = {"amount": 26, "fiat_currency": "USD"}
    assert refusal(wayout.post("/api/invoice", other, idempotency_key="k"))[0] == 422
    assert (
        wayout.post("/api/invoice", BODY).json()["invoice"]["id"] != first.json()["invoice"]["id"]
    )
    assert Invoice.objects.count() == 2


@pytest.mark.usefixtures("dies_before_the_commit")
def test_no_half_is_left_of_one_that_died(wayout: Mounted) -> None:
    with pytest.raises(Crash):
        wayout.post("/api/invoice", BODY, idempotency_key="k")
    assert not Invoice.objects.exists()
    assert not Event.objects.exists()
    failpoints.hooks.clear()
    assert wayout.post("/api/invoice", BODY, idempotency_key="k").status_code == 200
    assert Invoice.objects.get().number == "TEST-0001"
