"""Gwop's clients: the documented requests, answers held against its own schemas, and a drive."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from checkout.dialects.gwop import MERCHANTS
from invoicing.actions.invoices import finalize_invoice, void_invoice, write_off_invoice
from invoicing.models import Invoice, Merchant
from payments.models import Payment
from tests.factories import (
    given_a_draft,
    given_a_key,
    given_an_open_invoice,
    let_pass,
    pay,
    start_paying,
    use_card,
    work,
)
from tests.fixtures import Api, WallClock

BELOW, HOST = "/compat/gwop", {"host": "gwop.localhost"}
PATH = f"{BELOW}/v1/invoices"
KEY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
# The bodies of the document's own examples, as they stand there.
MINIMAL = '{"amount_usdc":1000000}'
WHOLE = (
    '{"amount_usdc":5000000,"description":"Starter plan — 300 credits",'
    '"metadata":{"plan_id":"starter"},"metadata_public":false}'
)


@cache
def validator(name: str) -> Draft202012Validator:
    """One of the schemas in Gwop's own document, with no field beside those it names."""
    document = yaml.safe_load((Path(__file__).parent / "gwop.yaml").read_text())
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def holds(name: str, body: Any) -> None:
    assert [error.message for error in validator(name).iter_errors(body)] == []


def create(api: Api, body: Any = MINIMAL, **headers: str) -> Any:
    return api.post(PATH, body, **headers)


@pytest.mark.once
def test_the_schemas_can_find_something_wrong() -> None:
    with pytest.raises(AssertionError):
        holds("CreateInvoiceResponse", {"id": 7})


def test_the_documented_request_gets_the_documented_answer(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    made = create(api, WHOLE)
    assert made.status_code == 201
    said = made.json()
    holds("CreateInvoiceResponse", said)
    row = Invoice.objects.get()
    path = f"/v1/invoices/inv_{row.slug}"
    assert said == {
        "id": str(row.uuid),
        "public_invoice_id": f"inv_{row.slug}",
        "merchant_id": str(uuid5(MERCHANTS, test_merchant.public_id)),
        "amount_usdc": 5000000,
        "currency": "USDC",
        "status": "OPEN",
        "description": "Starter plan — 300 credits",
        "metadata": {"plan_id": "starter"},
        "metadata_public": False,
        "created_at": "2026-03-02T12:00:00.000Z",
        "expires_at": "2026-03-02T12:15:00.000Z",
        "paid_at": None,
        "payment_url": f"http://127.0.0.1:8000/i/{row.slug}",
        "agent_protocol": {
            "version": "1.0",
            "flow": "invoice_checkout",
            "state": "invoice_open",
            "goal": "Pay 5.000000 USDC.",
            "steps": [
                f"POST {path}/checkout to begin; no key is needed. "
                "An Idempotency-Key makes a retry safe.",
                "Open the url in the answer and pay there.",
                "Poll until status is PAID.",
            ],
            "next_action": {
                "method": "POST",
                "path": f"{path}/checkout",
                "body_template": {},
                "expect_status": [200],
                "retry": {
                    "strategy": "fixed_interval",
                    "retry_after_seconds": 3,
                    "max_attempts": 5,
                },
            },
            "completion_check": {
                "method": "GET",
                "path": path,
                "field": "status",
                "success_value": "PAID",
            },
            "receipt_policy": {
                "mode": "hard_optional",
                "optional_receipt_email": False,
                "prompt_when_available": False,
                "do_not_block_on_absent": True,
            },
        },
    }
    assert UUID(said["merchant_id"]).version == 5
    native = api.get(f"/v1/invoices/{said['id']}").json()
    assert (native["currency"], native["total"]) == ("USDC", "5.000000")
    assert native["agent_protocol"]["completion_check"]["success_value"] == "paid"


@pytest.mark.parametrize("base", ["", BELOW])
def test_an_agent_gets_it_paid_by_what_it_is_told(
    api: Api, anonymous_api: Api, base: str, clock: WallClock
) -> None:
    headers = {} if base else HOST

    def ask(who: Api, method: str, path: str, body: Any = None) -> Any:
        answer = who.send(method, f"{base}{path}", body, **headers)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    made = ask(api, "POST", "/v1/invoices", MINIMAL)
    said = made["agent_protocol"]
    action, check = said["next_action"], said["completion_check"]
    begun = ask(anonymous_api, action["method"], action["path"], action["body_template"])
    assert begun["url"].startswith("http://127.0.0.1:8000/sandbox/")
    use_card(Payment.objects.get(public_id=begun["payment"]["id"]))
    work()
    seen = ask(anonymous_api, check["method"], check["path"])
    assert seen[check["field"]] == check["success_value"]
    assert seen["agent_protocol"]["state"] == "invoice_paid"
    assert "next_action" not in seen["agent_protocol"]
    assert ask(api, "GET", f"/v1/invoices/{made['id']}")["status"] == "PAID"
    holds("CreateInvoiceResponse", ask(api, "GET", f"/v1/invoices/{made['id']}"))


def test_a_wallet_pays_at_the_address_it_is_told(api: Api, anonymous_api: Api) -> None:
    slug = create(api).json()["public_invoice_id"]
    asked = anonymous_api.post(f"{PATH}/{slug}/usdc", {"chain": "sandbox"}).json()
    assert asked["amount"] == "1.000000"
    deposit = {"address": asked["address"], "amount": asked["amount"]}
    assert api.post("/v1/sandbox/deposits", deposit).status_code == 201
    work()
    assert anonymous_api.get(f"{PATH}/{slug}").json()["status"] in {"PAYING", "PAID"}


def test_each_way_to_pay_is_a_flow_with_a_door(
    api: Api, anonymous_api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USDC_CHAINS = "base-sepolia=http://127.0.0.1:9"
    settings.X402_FACILITATOR_URL = "http://127.0.0.1:9"

    def told() -> tuple[str, str, Any]:
        said = create(api).json()
        holds("CreateInvoiceResponse", said)
        path = said["agent_protocol"]["next_action"]["path"]
        assert path.startswith(f"/v1/invoices/{said['public_invoice_id']}/")
        flow, state = said["agent_protocol"]["flow"], said["agent_protocol"]["state"]
        return flow, state, anonymous_api.post(f"{BELOW}{path}")

    flow, state, challenge = told()
    assert (flow, state, challenge.status_code) == ("invoice_x402", "payment_required", 402)
    assert challenge.json()["accepts"][0]["maxAmountRequired"] == "1000000"
    settings.X402_FACILITATOR_URL = ""
    monkeypatch.setattr("checkout.bots.agent_protocol.rails_of", lambda invoice: [])
    flow, state, asked = told()
    assert (flow, state, asked.status_code) == ("invoice_gwop_wallet", "invoice_open", 200)
    assert asked.json()["amount"] == "1.000000"
    refused = anonymous_api.post(f"{PATH}/inv_{Invoice.objects.latest('pk').slug}/x402")
    assert refused.status_code == 404
    holds("ErrorResponse", refused.json())


def test_every_state_has_its_status(
    api: Api, anonymous_api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    rows = []
    for _ in range(6):
        create(api)
        rows.append(Invoice.objects.latest("pk"))
    pay(rows[1])
    use_card(start_paying(rows[2]), "4000000000005126")
    void_invoice(test_merchant, rows[3].public_id)
    write_off_invoice(test_merchant, rows[4].public_id)
    seen = {row.slug: status(anonymous_api, row) for row in rows}
    expected = ["OPEN", "PAID", "OPEN", "CANCELED", "CANCELED", "OPEN"]
    assert [seen[row.slug] for row in rows[:2] + rows[3:]] == expected[:2] + expected[3:]
    assert seen[rows[2].slug] in {"OPEN", "PAYING"}
    let_pass(test_merchant, "PT15M")
    # Before any worker has written it down.
    assert status(anonymous_api, rows[0]) == "EXPIRED"
    found = api.get(PATH, {"status": "EXPIRED"}).json()["data"]
    assert str(rows[0].uuid) in {row["id"] for row in found}
    work()
    assert status(anonymous_api, rows[0]) == "EXPIRED"
    canceled = api.get(PATH, {"status": "CANCELED"}).json()["data"]
    assert [row["id"] for row in canceled] == [str(rows[4].uuid), str(rows[3].uuid)]
    for row in api.get(PATH).json()["data"]:
        holds("CreateInvoiceResponse", row)


def status(payer: Api, row: Invoice) -> Any:
    return payer.get(f"{PATH}/inv_{row.slug}").json()["status"]


@pytest.mark.same_everywhere
def test_the_payer_sees_metadata_only_if_it_is_public(api: Api, anonymous_api: Api) -> None:
    for public in (True, False):
        body = {"amount_usdc": 1, "metadata": {"a": 1.5}, "metadata_public": public}
        said = create(api, body).json()
        assert said["metadata"] == {"a": 1.5}
        seen = anonymous_api.get(f"{PATH}/{said['public_invoice_id']}").json()
        assert seen.get("metadata") == ({"a": 1.5} if public else None)
        assert ("metadata" in seen, "id" in seen) == (public, False)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("{", "invalid_json", None),
        ({}, "validation_error", "amount_usdc"),
        ({"amount_usdc": 0}, "validation_error", "amount_usdc"),
        ({"amount_usdc": 1.5}, "validation_error", "amount_usdc"),
        ({"amount_usdc": "1"}, "validation_error", "amount_usdc"),
        ({"amount_usdc": True}, "validation_error", "amount_usdc"),
        ({"amount_usdc": 10**15 + 1}, "validation_error", "amount_usdc"),
        ({"amount_usdc": 1, "expires_in_seconds": 59}, "validation_error", "expires_in_seconds"),
        ({"amount_usdc": 1, "expires_in_seconds": 10**7}, "validation_error", "expires_in_seconds"),
        ({"amount_usdc": 1, "metadata": []}, "validation_error", "metadata"),
        ({"amount_usdc": 1, "metadata_public": 1}, "validation_error", "metadata_public"),
        ({"amount_usdc": 1, "description": "x" * 501}, "validation_error", "description"),
        ({"amount_usdc": 1, "amount": 1}, "validation_error", "amount"),
    ],
)
@pytest.mark.same_everywhere
def test_what_is_wrong_is_named(api: Api, body: Any, code: str, field: str | None) -> None:
    answer = create(api, body)
    said = answer.json()
    assert answer.status_code == 400
    holds("ErrorResponse", said)
    assert said["error"]["code"] == code
    assert said["error"]["requestId"] == answer["X-Request-Id"]
    if field:
        assert said["error"]["details"]["fields"][0]["field"] == field
    assert not Invoice.objects.exists()


def test_a_key_for_retries_is_a_uuid_and_makes_one_invoice(api: Api) -> None:
    for key in ("order-1", "7c9e6679-7425-10de-944b-e07fc1f90ae7", KEY.replace("-", "")):
        answer = create(api, idempotency_key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")
    first, second = (create(api, idempotency_key=KEY) for _ in range(2))
    assert (first.status_code, first.content) == (201, second.content)
    assert Invoice.objects.count() == 1
    # A UUID is the same in capitals.
    assert create(api, idempotency_key=KEY.upper()).json() == first.json()
    other = create(api, WHOLE, idempotency_key=KEY)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


def test_cancel_stops_it_unless_money_is_on_its_way(api: Api, test_merchant: Merchant) -> None:
    said = create(api).json()
    canceled = api.post(f"{PATH}/{said['id']}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "CANCELED")
    assert canceled.json()["agent_protocol"]["state"] == "invoice_unavailable"
    again = api.post(f"{PATH}/{said['id']}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "invalid_state")
    assert again.json()["error"]["details"] == {"status": "CANCELED"}


def other_currency(merchant: Merchant) -> Invoice:
    return given_an_open_invoice(merchant)


def draft(merchant: Merchant) -> Invoice:
    return given_a_draft(merchant, currency="USDC")


@pytest.mark.parametrize("make", [other_currency, draft])
@pytest.mark.same_everywhere
def test_what_it_cannot_tell_of_is_not_there(
    api: Api, anonymous_api: Api, test_merchant: Merchant, make: Callable[[Merchant], Invoice]
) -> None:
    row = make(test_merchant)
    assert api.get(f"{PATH}/{row.uuid}").status_code == 404
    assert anonymous_api.get(f"{PATH}/inv_{row.slug}").status_code == 404
    assert api.get(PATH).json()["data"] == []


@pytest.mark.same_everywhere
def test_others_find_nothing(api: Api, ben_api: Api, anonymous_api: Api) -> None:
    said = create(api).json()
    nobody = ben_api.get(f"{PATH}/{KEY}")
    for answer in (
        ben_api.get(f"{PATH}/{said['id']}"),
        ben_api.post(f"{PATH}/{said['id']}/cancel"),
    ):
        assert answer.status_code == 404
        holds("ErrorResponse", answer.json())
        theirs = answer.json()["error"]["message"].replace(said["id"], KEY)
        assert theirs == nobody.json()["error"]["message"]
    assert ben_api.get(PATH).json()["data"] == []
    for path in (f"{PATH}/{said['id']}", PATH):
        assert anonymous_api.get(path).status_code == 401
    # What the merchant calls it opens nothing to a payer.
    row = Invoice.objects.get()
    assert anonymous_api.get(f"{PATH}/{row.public_id}").status_code == 404
    assert re.fullmatch("inv_[0-9a-f]{32}", said["public_invoice_id"])


@pytest.mark.same_everywhere
def test_permissions_and_limits_refuse_in_its_shape(
    test_merchant: Merchant, anonymous_api: Api, settings: Any
) -> None:
    reader = Api(given_a_key(test_merchant, ["invoices:read"]))
    refused = create(reader)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_permission")
    assert create(anonymous_api).status_code == 401
    settings.RATE_LIMITS = {"api": (1, 60)}
    api = Api(given_a_key(test_merchant))
    answers = [create(api) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]
    holds("RateLimitError", answers[1].json())
    assert answers[1].json()["error"]["code"] == "rate_limited"
    assert int(answers[1]["Retry-After"]) >= 1


@pytest.mark.same_everywhere
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    api: Api, test_merchant: Merchant, django_assert_max_num_queries: Any
) -> None:
    for _ in range(2):
        create(api)
    finalize_invoice(test_merchant, draft(test_merchant).public_id)
    api.get("/v1/me")
    with django_assert_max_num_queries(3):
        assert len(api.get(PATH).json()["data"]) == 3
