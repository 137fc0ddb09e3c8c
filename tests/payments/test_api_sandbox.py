"""Rehearsal over the API: the test clock moves, and test cards pay without a browser."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing import clock as clocks
from invoicing.models import Merchant
from payments.models import Payment
from tests.factories import (
    ASKS_APPROVAL,
    DECLINED,
    SILENT_THEN_NOTHING,
    SILENT_THEN_PAID,
    VISA,
    again,
    given_a_draft,
    given_a_key,
    given_an_open_invoice,
    told,
    work,
)
from tests.fixtures import NOON, Api, WallClock

LIVE_REFUSAL = "This works with test keys only (bh_test_…)."


def at_rest(now: str) -> dict[str, Any]:
    """What the clock answers where nothing happened on the way."""
    return {
        "object": "clock",
        "now": now,
        "status": "ready",
        "target": None,
        "happened": [],
        "happened_count": 0,
        "has_more": False,
    }


def test_the_clock_says_what_time_it_is(api: Api, clock: WallClock) -> None:
    assert api.get("/v1/sandbox/clock").json() == at_rest("2026-03-02T12:00:00.000Z")


@pytest.mark.parametrize(
    ("body", "now"),
    [
        ({"advance": "P40D"}, "2026-04-11T12:00:00.000Z"),
        ({"advance": "PT90M"}, "2026-03-02T13:30:00.000Z"),
        ({"advance": "P1M"}, "2026-04-02T12:00:00.000Z"),
        ({"advance": "P1Y2M3DT4H5M6S"}, "2027-05-05T16:05:06.000Z"),
        ({"advance": "P2W"}, "2026-03-16T12:00:00.000Z"),
        ({"to": "2026-12-31T23:30:00+02:00"}, "2026-12-31T21:30:00.000Z"),
        ({"to": "2026-12-31"}, "2026-12-31T00:00:00.000Z"),
    ],
)
def test_the_clock_moves_forward(
    api: Api, clock: WallClock, test_merchant: Merchant, body: dict[str, str], now: str
) -> None:
    assert api.post("/v1/sandbox/clock", body).json() == at_rest(now)
    assert api.get("/v1/sandbox/clock").json()["now"] == now
    clock.move(hours=1)
    assert clocks.now(again(test_merchant)) - clock.at == again(test_merchant).clock_offset


def test_moves_add_up(api: Api, clock: WallClock) -> None:
    for _ in range(3):
        api.post("/v1/sandbox/clock", {"advance": "P1D"})
    assert api.get("/v1/sandbox/clock").json()["now"] == "2026-03-05T12:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"advance": "P1D", "to": "2027-01-01"}, ""),
        ({"advance": None}, ""),
        ({"advance": "40 days"}, "advance"),
        ({"advance": "-P1D"}, "advance"),
        ({"advance": "P"}, "advance"),
        ({"advance": "PT"}, "advance"),
        ({"advance": "P1DT"}, "advance"),
        ({"advance": "P0D"}, "advance"),
        ({"advance": "P４D"}, "advance"),
        ({"advance": "P1.5D"}, "advance"),
        ({"advance": "P9999999Y"}, "advance"),
        ({"advance": "P999999Y"}, "advance"),
        ({"advance": "P51Y"}, "advance"),
        ({"advance": 40}, "advance"),
        ({"advance": True}, "advance"),
        ({"advance": ["P1D"]}, "advance"),
        ({"to": "2026-03-01"}, "to"),
        ({"to": "2026-03-02T11:59:59Z"}, "to"),
        ({"to": "2077-01-01"}, "to"),
        ({"to": 1767225600}, "to"),
        ({"to": "2027-01-01T00:00:00"}, "to"),
        ({"by": "P1D"}, "by"),
    ],
)
def test_the_clock_does_not_move_otherwise(
    api: Api, clock: WallClock, test_merchant: Merchant, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/v1/sandbox/clock", body)
    assert answer.status_code == 400
    fields = [problem["field"] for problem in answer.json()["error"]["details"]["fields"]]
    assert field in fields
    assert again(test_merchant).clock_offset == timedelta(0)


def test_a_repeat_with_the_same_key_moves_the_clock_once(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    first, second = (
        api.post("/v1/sandbox/clock", {"advance": "P40D"}, idempotency_key="k") for _ in range(2)
    )
    assert second["Idempotent-Replayed"] == "true"
    assert second.json() == first.json()
    assert again(test_merchant).clock_offset == timedelta(days=40)
    # All has happened when it answers, and no worker is waited for.
    assert told(invoice)[-1] == "invoice.overdue"


def test_live_keys_cannot_rehearse(live: Merchant) -> None:
    bot = Api(given_a_key(live))
    invoice = given_an_open_invoice(live)
    answers = [
        bot.get("/v1/sandbox/clock"),
        bot.post("/v1/sandbox/clock", {"advance": "P1D"}),
        bot.post("/v1/sandbox/payments", {"invoice_id": invoice.public_id, "card": VISA}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "test_mode_only")
        assert answer.json()["error"]["message"] == LIVE_REFUSAL
    assert not Payment.objects.exists()


@pytest.mark.parametrize("card", [VISA, "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_a_card_pays(api: Api, test_merchant: Merchant, card: str) -> None:
    invoice = given_an_open_invoice(test_merchant)
    answer = api.post("/v1/sandbox/payments", {"invoice_id": invoice.public_id, "card": card})
    assert answer.status_code == 201
    payment = answer.json()
    assert (payment["status"], payment["received"]) == ("succeeded", "100.00")
    assert api.get(f"/v1/invoices/{invoice.public_id}").json()["status"] == "paid"
    work()  # the provider's own notice changes nothing any more
    assert Payment.objects.count() == 1


def test_the_invoice_may_be_named_by_its_number(api: Api, test_merchant: Merchant) -> None:
    given_an_open_invoice(test_merchant)
    body = {"invoice_id": "TEST-0001", "card": VISA}
    assert api.post("/v1/sandbox/payments", body).json()["status"] == "succeeded"


def test_a_declined_card_leaves_the_payment_open_for_another(
    api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    body = {"invoice_id": invoice.public_id, "card": DECLINED}
    declined = api.post("/v1/sandbox/payments", body).json()
    assert (declined["status"], declined["failure"]["code"]) == ("pending", "card_declined")
    paid = api.post("/v1/sandbox/payments", {**body, "card": VISA}).json()
    assert (paid["id"], paid["status"]) == (declined["id"], "succeeded")
    assert "invoice.payment_failed" in told(invoice)


@pytest.mark.parametrize(
    ("approve", "status", "failure"),
    [
        (None, "pending", None),
        (True, "succeeded", None),
        (False, "pending", "authentication_failed"),
    ],
)
def test_a_card_that_asks_gets_the_cardholders_answer(
    api: Api, test_merchant: Merchant, approve: bool | None, status: str, failure: str | None
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    body = {"invoice_id": invoice.public_id, "card": ASKS_APPROVAL, "approve": approve}
    payment = api.post("/v1/sandbox/payments", body).json()
    assert payment["status"] == status
    assert (payment["failure"] or {}).get("code") == failure


@pytest.mark.parametrize(
    ("card", "status"), [(SILENT_THEN_PAID, "paid"), (SILENT_THEN_NOTHING, "open")]
)
def test_a_provider_that_falls_silent_is_asked_again_when_its_time_has_come(
    api: Api, test_merchant: Merchant, clock: WallClock, card: str, status: str
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    body = {"invoice_id": invoice.public_id, "card": card}
    assert api.post("/v1/sandbox/payments", body).json()["status"] == "unknown"
    path = f"/v1/invoices/{invoice.public_id}"
    assert api.get(path).json()["status"] == "paying"
    # It knows after ten minutes, and is asked once a quarter of an hour by then.
    api.post("/v1/sandbox/clock", {"advance": "PT25M"})
    assert api.get(path).json()["status"] == status
    assert clock.at == NOON


def test_a_part_is_paid_with_a_card(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, allow_partial=True)
    body = {"invoice_id": invoice.public_id, "card": VISA, "amount": "25"}
    assert api.post("/v1/sandbox/payments", body).json()["received"] == "25.00"
    left = api.get(f"/v1/invoices/{invoice.public_id}").json()
    assert (left["status"], left["amount_due"]) == ("open", "75.00")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"card": VISA}, 400, "invoice_id"),
        ({"invoice_id": "inv_none"}, 400, "card"),
        ({"invoice_id": "inv_none", "card": VISA}, 404, None),
        ({"invoice_id": "a\x00b", "card": VISA}, 400, "invoice_id"),
        ({"invoice_id": "x" * 65, "card": VISA}, 400, "invoice_id"),
        ({"invoice_id": "inv_none", "card": "4242424242424241"}, 400, "card"),
        ({"invoice_id": "inv_none", "card": "４２４２424242424242"}, 400, "card"),
        ({"invoice_id": "inv_none", "card": 4242424242424242}, 400, "card"),
        ({"invoice_id": "inv_none", "card": "42"}, 400, "card"),
        ({"invoice_id": "inv_none", "card": ""}, 400, "card"),
        ({"invoice_id": "inv_none", "card": VISA, "approve": "yes"}, 400, "approve"),
        ({"invoice_id": "inv_none", "card": VISA, "amount": "0"}, 400, "amount"),
        ({"invoice_id": "inv_none", "card": VISA, "cvc": "123"}, 400, "cvc"),
    ],
)
def test_a_card_payment_must_be_asked_for_rightly(
    api: Api, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = api.post("/v1/sandbox/payments", body)
    assert answer.status_code == status
    if field:
        fields = [problem["field"] for problem in answer.json()["error"]["details"]["fields"]]
        assert fields == [field]
    assert not Payment.objects.exists()


def test_a_draft_cannot_be_paid(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    answer = api.post("/v1/sandbox/payments", {"invoice_id": draft.public_id, "card": VISA})
    assert (answer.status_code, answer.json()["error"]["details"]) == (409, {"status": "draft"})


def test_a_card_number_that_is_no_test_card_is_refused_with_those_that_are(
    api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    body = {"invoice_id": invoice.public_id, "card": "4111111111111111"}
    answer = api.post("/v1/sandbox/payments", body)
    assert answer.status_code == 400
    (problem,) = answer.json()["error"]["details"]["fields"]
    assert problem["field"] == "card"
    assert problem["message"].startswith("is not known here; use one of these test cards: 4242")
    # No payment is left waiting for another card.
    assert not Payment.objects.exists()


@pytest.mark.parametrize("advance", ["P1000000D", "PT1000000S", "P1Y10000000M"])
def test_a_duration_that_is_too_long_is_said_to_be_too_long(api: Api, advance: str) -> None:
    answer = api.post("/v1/sandbox/clock", {"advance": advance})
    assert answer.status_code == 400
    (problem,) = answer.json()["error"]["details"]["fields"]
    assert problem["message"] == "is too long: each of its numbers has at most six digits"
