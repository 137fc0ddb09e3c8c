"""The API asked from inside the process: the same views, permissions, keys and refusals."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing import clock as clocks
from invoicing.api.authentication import Caller, caller_with
from invoicing.api.inside import ask
from invoicing.models import ApiKey, Invoice, Merchant
from tests.factories import given_a_draft, given_a_key
from tests.fixtures import Api

pytestmark = pytest.mark.same_everywhere

BILL = {"currency": "USD", "line_items": [{"description": "Work", "unit_price": Decimal("19.90")}]}


@pytest.fixture
def caller(ada_key: str) -> Caller:
    return caller_with(ada_key)


def test_it_answers_what_http_answers(caller: Caller, api: Api) -> None:
    made = ask(caller, "POST", "/v1/invoices", BILL)
    assert (made.status, made.body["total"]) == (201, "19.90")
    over_http = api.get(f"/v1/invoices/{made.body['id']}")
    inside = ask(caller, "GET", f"/v1/invoices/{made.body['id']}")
    assert inside.body == over_http.json()
    assert inside.headers["Cache-Control"] == over_http.headers["Cache-Control"]
    events = ask(caller, "GET", "/v1/events", query={"object_id": made.body["id"]}).body["data"]
    assert [event["actor"]["id"] for event in events] == [caller.bot.public_id]


def test_a_key_for_repeats_is_the_same_inside_and_outside(caller: Caller, api: Api) -> None:
    first = ask(caller, "POST", "/v1/invoices", BILL, idempotency_key="order-1")
    again = ask(caller, "POST", "/v1/invoices", BILL, idempotency_key="order-1")
    assert (first.is_replay, again.is_replay, again.body) == (False, True, first.body)
    other = {"currency": "USD", "line_items": [{"description": "Work", "unit_price": "1"}]}
    refused = api.post("/v1/invoices", other, idempotency_key="order-1")
    assert refused.json()["error"]["code"] == "idempotency_mismatch"
    assert Invoice.objects.count() == 1


def test_refusals_are_answers(caller: Caller, test_merchant: Merchant) -> None:
    wrong = ask(caller, "POST", "/v1/invoices", {"line_items": []})
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "validation_error")
    strange = ask(caller, "GET", "/v1/me", query={"x": "ä&b=c"}, request_id="req_mine")
    assert strange.body["error"]["details"]["fields"][0]["field"] == "x"
    assert strange.body["error"]["request_id"] == "req_mine"
    may_little = caller_with(given_a_key(test_merchant, ["invoices:read"]))
    refused = ask(may_little, "POST", "/v1/invoices", BILL)
    assert (refused.status, refused.body["error"]["code"]) == (403, "missing_permission")
    assert ask(caller, "GET", "/v1/nothing").status == 404
    assert Invoice.objects.count() == 0


def test_a_key_that_was_revoked_opens_nothing(caller: Caller) -> None:
    ApiKey.objects.filter(pk=caller.key.pk).update(revoked_at=clocks.wall())
    revoked = Caller(caller.bot, ApiKey.objects.get(pk=caller.key.pk))
    assert ask(revoked, "GET", "/v1/me").status == 401


def test_no_digit_is_lost(caller: Caller) -> None:
    line = {"description": "Tokens", "quantity": Decimal("1000000"), "unit_price": "0.000000012345"}
    exact = {**line, "unit_price": Decimal("0.000000012345")}
    for each in (line, exact):
        body: dict[str, Any] = {"currency": "USD", "line_items": [each]}
        answer = ask(caller, "POST", "/v1/invoices", body)
        assert answer.body["line_items"][0]["unit_price"] == "0.000000012345"
    body = {**BILL, "metadata": {"half": Decimal("0.5")}}
    assert ask(caller, "POST", "/v1/invoices", body).body["metadata"] == {"half": 0.5}


def test_a_document_is_bytes(caller: Caller, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    answer = ask(caller, "GET", f"/v1/invoices/{draft.public_id}/pdf")
    assert answer.status == 200
    assert answer.body.startswith(b"%PDF-")


def test_nothing_on_the_wire_is_a_caller_inside(anonymous_api: Api) -> None:
    for headers in ({"caller_inside": "x"}, {"X_Caller_Inside": "x"}):
        assert anonymous_api.get("/v1/me", **headers).status_code == 401
    assert anonymous_api.get("/v1/me", {"caller_inside": "x"}).status_code == 401
