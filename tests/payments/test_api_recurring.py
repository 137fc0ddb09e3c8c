"""Recurring charges by the API."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from invoicing.models import Customer, Invoice, Merchant, Message
from payments.models import Payment, RecurringCharge
from tests.factories import LATER_NO_FUNDS, given_a_customer, given_a_saved_card
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(clock: WallClock, test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def membership(customer: Customer, **fields: Any) -> dict[str, Any]:
    return {
        "customer_id": customer.public_id,
        "amount": "99.00",
        "description": "Membership",
        "interval": "monthly",
        **fields,
    }


def test_one_is_created_charged_and_shown(api: Api, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    body = membership(cleo, tax_rate="19", metadata={"plan": "small"})
    answer = api.post("/v1/recurring_charges", body, idempotency_key="k")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["status"], told["amount"], told["tax_rate"]) == ("active", "117.81", "19")
    assert told["line_items"] == [
        {"description": "Membership", "quantity": "1", "unit_price": "99.00"}
    ]
    assert (told["start_at"], told["next_charge_at"]) == (
        "2026-03-02T12:00:00.000Z",
        "2026-04-02T12:00:00.000Z",
    )
    assert told["open_periods"] == []
    again = api.post("/v1/recurring_charges", body, idempotency_key="k")
    assert again.content == answer.content
    assert (RecurringCharge.objects.count(), Payment.objects.count()) == (1, 1)
    path = f"/v1/recurring_charges/{told['id']}"
    assert api.get(path).json() == told
    (period,) = api.get(f"{path}/periods").json()["data"]
    assert (period["status"], period["number"], period["failure"]) == ("paid", 1, None)
    assert api.get("/v1/recurring_charges?status=active").json()["data"] == [told]
    assert api.get("/v1/recurring_charges?status=ended").json()["data"] == []
    query = f"/v1/recurring_charges?customer_id={cleo.public_id}"
    assert api.get(query).json()["data"] == [told]
    invoice = Invoice.objects.get()
    assert (invoice.metadata, invoice.tax) == ({"plan": "small"}, 1881)


def test_a_charge_may_start_one(api: Api, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    body = {
        "customer_id": cleo.public_id,
        "amount": "99.00",
        "description": "Monthly subscription",
        "recurring": {"interval": "monthly", "end_at": "2027-03-02T12:00:00Z"},
    }
    answer = api.post("/v1/invoices/charge", body, idempotency_key="k")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["invoice"]["status"], told["payment"]["status"]) == ("paid", "succeeded")
    assert told["recurring_charge"]["end_at"] == "2027-03-02T12:00:00.000Z"
    assert api.post("/v1/invoices/charge", body, idempotency_key="k").content == answer.content
    later = {**body, "recurring": {"interval": "weekly", "trial_days": 7}}
    told = api.post("/v1/invoices/charge", later).json()
    assert (told["invoice"], told["payment"]) == (None, None)
    assert told["recurring_charge"]["next_charge_at"] == "2026-03-09T12:00:00.000Z"
    assert Payment.objects.count() == 1


def test_a_failure_is_answered_and_stands_in_the_open_periods(api: Api, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    told = api.post("/v1/recurring_charges", membership(cleo)).json()
    assert told["status"] == "past_due"
    (period,) = told["open_periods"]
    assert period["failure"] == {
        "code": "insufficient_funds",
        "message": "The card has insufficient funds.",
        "advice": "retry",
    }
    assert (period["retry_at"], period["amount_due"]) == ("2026-03-04T12:00:00.000Z", "99.00")


def test_the_upcoming_invoice_is_seen_before(api: Api, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    told = api.post("/v1/recurring_charges", membership(cleo)).json()
    path = f"/v1/recurring_charges/{told['id']}"
    api.patch(path, {"amount": "119.00"})
    coming = api.get(f"{path}/upcoming").json()
    assert (coming["number"], coming["charge_at"]) == (2, "2026-04-02T12:00:00.000Z")
    assert (coming["invoice"]["total"], coming["invoice"]["number"]) == ("119.00", None)
    assert coming["invoice"]["memo"] == "Apr 2, 2026 – May 1, 2026"
    api.post(f"{path}/cancel", {"at": "period_end"})
    assert api.get(f"{path}/upcoming").status_code == 409


def test_pause_resume_and_cancel(api: Api, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    begun = api.post("/v1/recurring_charges", membership(cleo)).json()
    path = f"/v1/recurring_charges/{begun['id']}"
    paused = api.post(f"{path}/pause", {"until": "2026-05-10"}).json()
    assert (paused["status"], paused["resumes_at"]) == ("paused", "2026-05-10T00:00:00.000Z")
    assert paused["next_charge_at"] is None
    resumed = api.post(f"{path}/resume").json()
    assert (resumed["status"], resumed["next_charge_at"]) == ("active", "2026-04-02T12:00:00.000Z")
    ended = api.post(f"{path}/cancel", {"reason": "Moved away"}).json()
    assert (ended["status"], ended["reason"]) == ("ended", "Moved away")
    for verb in ("pause", "resume", "cancel"):
        answer = api.post(f"{path}/{verb}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")


def test_the_dunning_policy(api: Api, cleo: Customer) -> None:
    assert api.get("/v1/dunning_policy").json() == {
        "object": "dunning_policy",
        "retries": [{"days": days, "at": None} for days in (2, 5, 7, 7)],
        "then": "end",
        "invoice": "uncollectible",
        "mail_payer": True,
        "announce_days": 3,
        "updated_at": None,
    }
    body = {"retries": [{"days": 1}, {"days": 0, "at": "09:00"}], "then": "pause"}
    assert api.patch("/v1/dunning_policy", body).status_code == 200
    changed = api.patch("/v1/dunning_policy", {"announce_days": 7}).json()
    assert changed["retries"] == [{"days": 1, "at": None}, {"days": 0, "at": "09:00"}]
    assert (changed["then"], changed["announce_days"]) == ("pause", 7)
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    told = api.post("/v1/recurring_charges", membership(cleo)).json()
    assert told["open_periods"][0]["retry_at"] == "2026-03-03T12:00:00.000Z"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"recurring": {"interval": "daily"}}, "recurring.interval"),
        ({"recurring": {"interval": "monthly", "end_at": "2026-01-01"}}, "recurring.end_at"),
        ({"recurring": {}}, "recurring.interval"),
        ({"recurring": {"interval": "monthly", "every": 2}}, "recurring.every"),
        ({"recurring": {"interval": "monthly"}, "amount": "9.999"}, "amount"),
    ],
)
def test_a_charge_with_a_wrong_rhythm_changes_nothing(
    api: Api, cleo: Customer, wrong: dict[str, Any], field: str
) -> None:
    given_a_saved_card(cleo)
    body = {"customer_id": cleo.public_id, "amount": "9", "description": "Box", **wrong}
    answer = api.post("/v1/invoices/charge", body)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["error"]["details"]["fields"]] == [field]
    assert not RecurringCharge.objects.exists()
    assert not Invoice.objects.exists()


def test_a_year_by_the_api_alone(api: Api, clock: WallClock, cleo: Customer) -> None:
    """A saved test card, a membership from January 31st on, and the clock moved by a year."""
    methods = f"/v1/customers/{cleo.public_id}/payment_methods"
    card = api.post(methods, {"type": "card", "number": "4242424242424242"}).json()
    api.post("/v1/sandbox/clock", {"to": "2027-01-31T09:00:00Z"})
    body = membership(cleo, anchor="2027-01-31T09:00:00Z")
    path = f"/v1/recurring_charges/{api.post('/v1/recurring_charges', body).json()['id']}"
    moved = api.post("/v1/sandbox/clock", {"to": "2028-01-30T00:00:00Z"}).json()
    assert (moved["status"], moved["now"]) == ("ready", "2028-01-30T00:00:00.000Z")
    happened = [one["type"] for one in moved["happened"]]
    assert (happened.count("invoice.upcoming"), happened.count("invoice.paid")) == (12, 11)
    assert [one["at"] for one in moved["happened"]] == sorted(
        one["at"] for one in moved["happened"]
    )
    periods = api.get(f"{path}/periods?limit=100").json()["data"][::-1]
    assert [one["period_start"][5:10] for one in periods] == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30"),
        *("07-31", "08-31", "09-30", "10-31", "11-30", "12-31"),
    ]
    assert [one["invoice_number"] for one in periods] == [f"TEST-{n:04}" for n in range(1, 13)]
    assert {one["status"] for one in periods} == {"paid"}
    (wallet,) = api.get("/v1/wallets").json()["data"]
    net = Decimal("99.00") - Decimal("3.17") - Decimal("0.50")
    assert Decimal(wallet["available"]) == 12 * net
    # Now two declines in the middle of a period, and after them no more success at all.
    decline = {"outcome": "decline", "code": "insufficient_funds"}
    plan = f"/v1/sandbox/payment_methods/{card['id']}"
    api.post(plan, {"next": [decline, decline]})
    api.post("/v1/sandbox/clock", {"to": "2028-02-28T00:00:00Z"})
    (last, *_) = api.get(f"{path}/periods").json()["data"]
    assert (last["status"], last["retries_made"], last["number"]) == ("paid", 2, 13)
    api.post(plan, {"next": [decline] * 5})
    moved = api.post("/v1/sandbox/clock", {"to": "2028-03-31T00:00:00Z"}).json()
    happened = [one["type"] for one in moved["happened"]]
    assert happened.count("invoice.payment_failed") == 5
    assert happened[-2:] == ["invoice.uncollectible", "recurring_charge.ended"]
    told = api.get(path).json()
    assert (told["status"], told["next_charge_at"]) == ("ended", None)
    kinds = Message.objects.order_by("id").values_list("kind", flat=True)
    assert Counter(kinds) == {"receipt": 13, "charge_failed": 6, "charge_given_up": 1}


def test_a_page_takes_as_many_queries_for_one_as_for_many(
    api: Api, cleo: Customer, django_assert_max_num_queries: Any
) -> None:
    given_a_saved_card(cleo)
    for number in range(4):
        api.post("/v1/recurring_charges", membership(cleo, amount=f"{number + 1}.00"))
    with django_assert_max_num_queries(8):
        assert len(api.get("/v1/recurring_charges").json()["data"]) == 4
