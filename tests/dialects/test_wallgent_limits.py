"""What Wallgent's dialect lists, refuses and keeps apart."""

from typing import Any

import pytest

from invoicing.actions import invoices as actions
from invoicing.models import Customer, Invoice, Merchant
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from payments.models import Payment
from tests.dialects.mounted import Mounted
from tests.factories import (
    SILENT_THEN_PAID,
    again,
    given_a_customer,
    given_a_draft,
    given_a_key,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
    start_paying,
    use_card,
    work,
)
from tests.fixtures import Api
from tests.fixtures_api import everything


@pytest.fixture
def wg(api: Api) -> Mounted:
    return Mounted(api, "wallgent")


@pytest.fixture
def body(test_merchant: Merchant) -> dict[str, Any]:
    wallet = create_wallet(test_merchant, WalletInput(name="Main", currency="USD"))
    return {
        "walletId": wallet.public_id,
        "customerId": given_a_customer(test_merchant).public_id,
        "lineItems": [{"description": "API calls (10,000)", "unitPrice": "25.00"}],
    }


def refusal(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "details", "requestId"}
    return answer.status_code, error["code"], error["message"]


# Lists


def given_one_in_each_status(merchant: Merchant) -> dict[str, list[Invoice]]:
    """Wallgent's statuses, and invoices that are in them, newest first."""
    draft, asking, paying, paid = (
        given_a_draft(merchant),
        given_an_open_invoice(merchant),
        given_an_open_invoice(merchant),
        given_an_open_invoice(merchant),
    )
    use_card(start_paying(paying), SILENT_THEN_PAID)
    work()
    pay(paid)
    void = actions.void_invoice(merchant, given_an_open_invoice(merchant).public_id)
    expired = given_an_open_invoice(merchant, expires_at="2199-01-01T00:00:00Z")
    Invoice.objects.filter(pk=expired.pk).update(expires_at="2001-01-01T00:00:00Z")
    actions.expire_invoice(expired.pk)
    lost = actions.write_off_invoice(merchant, given_an_open_invoice(merchant).public_id)
    return {
        "DRAFT": [draft],
        "FINALIZED": [paying, asking],
        "PAID": [paid],
        "VOIDED": [expired, void],
        "UNCOLLECTIBLE": [lost],
    }


def test_a_list_by_status_has_what_each_status_stands_for(
    wg: Mounted, test_merchant: Merchant
) -> None:
    everybody = given_one_in_each_status(test_merchant)
    assert again(everybody["FINALIZED"][0]).status == "paying"
    assert again(everybody["VOIDED"][0]).status == "expired"
    for status, invoices in everybody.items():
        found = wg.get("/v1/invoices", {"status": status}).json()["data"]
        assert [row["id"] for row in found] == [row.public_id for row in invoices]
        assert {row["status"] for row in found} == {status}


def test_lists_are_filtered_and_paged(
    wg: Mounted, body: dict[str, Any], test_merchant: Merchant
) -> None:
    ids = [wg.post("/v1/invoices", body).json()["id"] for _ in range(3)][::-1]
    given_a_draft(test_merchant)
    of_cleo = {"customerId": body["customerId"], "walletId": body["walletId"], "status": "DRAFT"}
    first = wg.get("/v1/invoices", {**of_cleo, "limit": 2}).json()
    assert ([row["id"] for row in first["data"]], first["hasMore"]) == (ids[:2], True)
    rest = wg.get("/v1/invoices", {**of_cleo, "limit": 2, "cursor": first["nextCursor"]}).json()
    assert [row["id"] for row in rest["data"]] == ids[2:]
    assert (rest["hasMore"], rest["nextCursor"]) == (False, None)
    assert wg.get("/v1/invoices", {"walletId": "wal_another"}).json()["data"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"status": "paid"}, "status: must be one of 'DRAFT', 'FINALIZED', 'PAID', 'VOIDED' or"),
        ({"wallet_id": "wal_1"}, "wallet_id: is not a field here"),
        ({"limit": "0"}, "limit: must be"),
        ({"cursor": "x"}, "cursor: is not one that a list has given"),
    ],
)
@pytest.mark.same_everywhere
def test_what_a_list_does_not_know_is_refused(
    wg: Mounted, query: dict[str, str], message: str
) -> None:
    status, code, said = refusal(wg.get("/v1/invoices", query))
    assert (status, code) == (400, "validation_error")
    assert said.startswith(message)


def test_a_longer_list_takes_no_more_queries(
    wg: Mounted, test_merchant: Merchant, django_assert_num_queries: Any
) -> None:
    pay(given_an_open_invoice(test_merchant))
    wg.get("/v1/invoices")
    with django_assert_num_queries(6) as few:
        wg.get("/v1/invoices")
    for _ in range(3):
        pay(given_an_open_invoice(test_merchant))
    with django_assert_num_queries(len(few)):
        assert len(wg.get("/v1/invoices").json()["data"]) == 4


# Refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"walletId": None}, "walletId: must be text"),
        ({"customerId": ""}, "customerId: must not be empty"),
        ({"lineItems": []}, "lineItems: must have at least 1 item"),
        ({"lineItems": [{"description": "x"}]}, "lineItems[0].unitPrice: is required"),
        (
            {"lineItems": [{"description": "x", "unitPrice": "-1"}]},
            "lineItems[0].unitPrice: must be at least 0",
        ),
        (
            {"lineItems": [{"description": "x", "unitPrice": "1", "quantity": 0}]},
            "lineItems[0].quantity: must be more than 0",
        ),
        (
            {"lineItems": [{"description": "x", "unitPrice": "1000000000000", "quantity": 9000}]},
            "lineItems[0].unitPrice: makes the line larger than Billhook can bill",
        ),
        ({"dueDate": "soon"}, "dueDate: must be an ISO 8601 date or time such as"),
        ({"metadata": []}, "metadata: must be an object of names and values"),
        ({"wallet_id": "wal_1"}, "wallet_id: is not a field here"),
        ({"currency": "EUR"}, "currency: is not a field here"),
    ],
)
@pytest.mark.same_everywhere
def test_a_wrong_field_is_named_as_it_was_sent(
    wg: Mounted, body: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    answer = wg.post("/v1/invoices", {**body, **change})
    status, code, said = refusal(answer)
    assert (status, code) == (400, "validation_error")
    assert said.startswith(message)
    field = answer.json()["error"]["details"]["fields"][0]["field"]
    assert said.startswith(f"{field}: ")
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("name", ["walletId", "customerId"])
def test_what_is_another_tenants_is_as_unknown_as_nothing(
    wg: Mounted, body: dict[str, Any], ben_merchant: Merchant, ben_api: Api, name: str
) -> None:
    theirs = {
        "customerId": given_a_customer(ben_merchant).public_id,
        "walletId": create_wallet(ben_merchant, WalletInput(name="His", currency="USD")).public_id,
    }[name]
    said = [refusal(wg.post("/v1/invoices", {**body, name: id})) for id in (theirs, "x_nothing")]
    assert [row[:2] for row in said] == [(404, "not_found")] * 2
    assert said[0][2].replace(theirs, "x_nothing") == said[1][2]
    made = wg.post("/v1/invoices", body).json()["id"]
    ben = Mounted(ben_api, "wallgent")
    before = everything()
    for method, path in ROUTES:
        answer = ben.get(path.format(made)) if method == "GET" else ben.post(path.format(made))
        assert refusal(answer)[:2] == (404, "not_found")
    assert ben.get("/v1/invoices").json()["data"] == []
    assert everything() == before


ROUTES = [
    ("GET", "/v1/invoices/{}"),
    ("POST", "/v1/invoices/{}/finalize"),
    ("POST", "/v1/invoices/{}/checkout"),
    ("POST", "/v1/invoices/{}/void"),
    ("POST", "/v1/invoices/{}/refund"),
]


@pytest.mark.parametrize(
    ("given", "verb", "message"),
    [
        ("open", "finalize", "This invoice is FINALIZED, so it cannot be finalized."),
        ("draft", "void", "This invoice is DRAFT, so it cannot be voided."),
        ("paid", "void", "This invoice is PAID, so it cannot be voided."),
        ("paying", "void", "This invoice is FINALIZED with a payment on its way, so it cannot be"),
        ("draft", "checkout", "This invoice is DRAFT, so"),
        ("open", "refund", "Nothing has been paid on this invoice"),
    ],
)
def test_what_a_status_does_not_allow_is_told_in_its_words(
    wg: Mounted, test_merchant: Merchant, given: str, verb: str, message: str
) -> None:
    invoice = (given_a_draft if given == "draft" else given_an_open_invoice)(test_merchant)
    if given == "paid":
        pay(invoice)
    if given == "paying":
        use_card(start_paying(invoice), SILENT_THEN_PAID)
        work()
    status, code, said = refusal(wg.post(f"/v1/invoices/{invoice.public_id}/{verb}"))
    assert (status, code) == (409, "invalid_state")
    assert said.startswith(message)
    assert again(invoice).status == given


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"amount": 0}, 400, "amount: must be more than 0"),
        ({"amount": "1.005"}, 400, "amount: "),
        ({"recurring": {"interval": "daily"}}, 400, "recurring.interval: must be one of 'weekly'"),
        (
            {"recurring": {"interval": "weekly", "endAt": "2001-01-01"}},
            400,
            "recurring.endAt: ",
        ),
        ({"recurring": {"interval": "weekly", "trialDays": 3}}, 400, "recurring.trialDays: is not"),
        ({"walletId": "wal_1"}, 404, "There is no wallet wal_1."),
        ({"paymentMethodId": "pm_1"}, 404, "This customer has no payment method pm_1."),
        ({}, 409, "This customer has no saved card or bank account"),
    ],
)
def test_a_charge_that_cannot_be_charges_nothing(
    wg: Mounted, body: dict[str, Any], change: dict[str, Any], status: int, message: str
) -> None:
    del body["lineItems"]
    wanted = {**body, "amount": "99.00", "description": "Monthly subscription", **change}
    if change:
        given_a_saved_card(Customer.objects.get())
    before = everything()
    answer = refusal(wg.post("/v1/invoices/charge", wanted))
    assert (answer[0], answer[2][: len(message)]) == (status, message)
    assert everything() == before


# Who may


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/v1/invoices", "invoices:read"),
        ("POST", "/v1/invoices", "invoices:write"),
        ("GET", "/v1/invoices/{}", "invoices:read"),
        ("POST", "/v1/invoices/{}/finalize", "invoices:write"),
        ("POST", "/v1/invoices/{}/checkout", "payments:write"),
        ("POST", "/v1/invoices/{}/void", "invoices:write"),
        ("POST", "/v1/invoices/{}/refund", "payments:write"),
        ("POST", "/v1/invoices/charge", "payments:write"),
    ],
)
@pytest.mark.same_everywhere
def test_a_key_has_no_more_power_here_than_natively(
    test_merchant: Merchant, method: str, path: str, permission: str
) -> None:
    others = {"invoices:read", "invoices:write", "payments:read", "payments:write", "settle"}
    at = path.format(given_a_draft(test_merchant).public_id)
    before = everything()
    for key, expected in (
        (given_a_key(test_merchant, others - {permission}), (403, "missing_permission")),
        ("", (401, "unauthorized")),
        ("bh_test_nobody", (401, "unauthorized")),
    ):
        wg = Mounted(Api(key), "wallgent")
        answer = wg.get(at) if method == "GET" else wg.post(at, {})
        assert refusal(answer)[:2] == expected
        if expected[0] == 403:
            assert permission in answer.json()["error"]["message"]
    assert everything()["Invoice"] == before["Invoice"]


@pytest.mark.parametrize("path", ["", "/checkout", "/usdc"])
def test_a_payer_of_a_draft_or_of_nothing_finds_nothing(
    anonymous_api: Api, test_merchant: Merchant, path: str
) -> None:
    payer = Mounted(anonymous_api, "wallgent")
    for slug in (given_a_draft(test_merchant).slug, "0" * 32):
        at = f"/v1/invoices/pay/{slug}{path}"
        answer = payer.post(at) if path else payer.get(at)
        assert refusal(answer) == (404, "not_found", "There is no such invoice.")


@pytest.mark.same_everywhere
def test_what_is_sent_where_nothing_is_asked_for_is_refused(
    wg: Mounted, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    for path in (f"{invoice.public_id}/refund", f"pay/{invoice.slug}/usdc"):
        answer = wg.post(f"/v1/invoices/{path}", {"amount": "1.00"})
        assert refusal(answer) == (400, "validation_error", "amount: is not a field here")
    assert refusal(wg.get(f"/v1/invoices/{invoice.public_id}", {"expand": "all"}))[0] == 400
    assert refusal(wg.post("/v1/invoices", "{"))[:2] == (400, "invalid_json")
    assert refusal(wg.post("/v1/invoices/a/b"))[:2] == (404, "not_found")


def test_once_per_key(wg: Mounted, body: dict[str, Any]) -> None:
    first = wg.post("/v1/invoices", body, idempotency_key="k")
    repeat = wg.post("/v1/invoices", body, idempotency_key="k")
    assert (repeat.content, repeat["Idempotent-Replayed"]) == (first.content, "true")
    other = wg.post("/v1/invoices", {**body, "memo": "other"}, idempotency_key="k")
    assert refusal(other)[:2] == (422, "idempotency_mismatch")
    assert Invoice.objects.count() == 1
    path = f"/v1/invoices/{first.json()['id']}"
    for _ in range(2):
        assert wg.post(f"{path}/finalize", idempotency_key="f").json()["status"] == "FINALIZED"
    pay(Invoice.objects.get())
    refunds = [wg.post(f"{path}/refund", idempotency_key="r").content for _ in range(2)]
    assert refunds[0] == refunds[1]
    assert Payment.objects.get().amount_refunded == 2500
