"""A clock that is moved steps through all that waits: each thing happens once, at its own time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing import clock as clocks
from invoicing import failpoints, stepping, tasks
from invoicing.actions import clocks as actions
from invoicing.errors import Conflict
from invoicing.models import ClockMove, Event, Invoice, Merchant
from payments import waiting
from payments.models import Notice, Payment
from payments.rails.rail import NoAnswer
from tests import factories
from tests.factories import again, given_an_open_invoice, start_paying, told, use_card
from tests.fixtures import NOON, Api, WallClock
from tests.fixtures_dashboard import Browser, text_of

DAY = timedelta(days=1)


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@contextmanager
def at(place: str, act: Callable[[], None]) -> Iterator[None]:
    """Do this whenever the failpoint is passed."""
    failpoints.hooks[place] = act
    try:
        yield
    finally:
        del failpoints.hooks[place]


def die() -> None:
    raise Killed


def given_a_year(merchant: Merchant) -> tuple[Payment, Invoice, Invoice]:
    """Money that clears in 2 days, an invoice that is due in 10, and one that expires in 20."""
    paid = factories.pay(given_an_open_invoice(merchant))
    late = given_an_open_invoice(merchant, due_at=(NOON + 10 * DAY).isoformat())
    closing = given_an_open_invoice(
        merchant,
        due_at=(NOON + 30 * DAY).isoformat(),
        expires_at=(NOON + 20 * DAY).isoformat(),
    )
    return paid, late, closing


def moved(merchant: Merchant, days: int) -> ClockMove:
    return stepping.move(lambda: actions.move_clock(merchant, NOON + days * DAY))


def check_the_year(year: tuple[Payment, Invoice, Invoice]) -> None:
    """Each thing has happened once, at its own time."""
    paid, late, closing = year
    assert again(paid).released_at == again(paid).available_at == NOON + 2 * DAY
    assert again(late).overdue_at == NOON + 10 * DAY
    assert (told(late).count("invoice.overdue"), told(closing)[-1]) == (1, "invoice.expired")
    happened = [
        (event.type, event.created_at)
        for event in Event.objects.order_by("pk")
        if event.object_id in (late.public_id, closing.public_id) and event.created_at > NOON
    ]
    assert happened == [
        ("invoice.overdue", NOON + 10 * DAY),
        ("invoice.expired", NOON + 20 * DAY),
    ]


def test_everything_happens_in_order_at_its_own_time(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    year = given_a_year(test_merchant)
    # Time goes by while it works, and is not seen in what it writes.
    with at("clock:stepped", lambda: clock.move(milliseconds=300) and None):
        answer = api.post("/v1/sandbox/clock", {"advance": "P365D"})
    assert answer.status_code == 200
    check_the_year(year)
    _, late, closing = year
    overdue, expired = late.merchant.events.filter(created_at__gt=NOON).order_by("id")
    assert answer.json() == {
        "object": "clock",
        "now": "2027-03-02T12:00:00.000Z",
        "status": "ready",
        "target": None,
        "happened": [
            {
                "at": "2026-03-12T12:00:00.000Z",
                "type": "invoice.overdue",
                "object_id": late.public_id,
                "event_id": overdue.public_id,
            },
            {
                "at": "2026-03-22T12:00:00.000Z",
                "type": "invoice.expired",
                "object_id": closing.public_id,
                "event_id": expired.public_id,
            },
        ],
        "happened_count": 2,
        "has_more": False,
    }
    assert overdue.actor_kind == "system"
    # What happens afterwards did not happen on the way.
    given_an_open_invoice(again(test_merchant))
    assert api.get("/v1/sandbox/clock").json() == answer.json()
    clock.move(hours=1)
    assert api.get("/v1/sandbox/clock").json()["now"] == "2027-03-02T13:00:00.000Z"


def test_what_a_step_leads_to_happens_at_its_own_time_too(
    test_merchant: Merchant, clock: WallClock
) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    use_card(payment, factories.SILENT_THEN_PAID)
    moved(test_merchant, 5)
    payment = again(payment)
    assert payment.status == "succeeded"
    # The provider knew after ten minutes, was asked within the next quarter of an hour, and the
    # money cleared two days after that.
    assert timedelta(minutes=10) <= payment.succeeded_at - NOON <= timedelta(minutes=25)
    assert payment.released_at == payment.available_at == payment.succeeded_at + 2 * DAY


def test_what_the_provider_has_said_is_heard_before_the_next_step(
    test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant, due_at=NOON.isoformat())
    payment = start_paying(invoice)
    use_card(payment)
    # A worker that has died holds the notice.
    Notice.objects.update(leased_until=NOON + timedelta(minutes=1))
    moved(test_merchant, 5)
    assert (again(invoice).status, again(invoice).overdue_at) == ("paid", None)
    assert again(payment).succeeded_at == NOON
    assert not Notice.objects.filter(applied_at=None).exists()


@pytest.mark.parametrize("error", [NoAnswer("the line is dead"), KeyError("x")])
def test_a_row_that_stays_due_does_not_hold_the_clock(
    error: Exception,
    test_merchant: Merchant,
    clock: WallClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[datetime] = []

    def stuck(pk: int) -> None:
        tried.append(clocks.now(again(test_merchant)))
        raise error

    payment = start_paying(given_an_open_invoice(test_merchant))
    monkeypatch.setattr(waiting.PAYMENTS, "act", stuck)
    year = given_a_year(test_merchant)
    there = moved(test_merchant, 40)
    assert (clocks.now(there.merchant), there.finished_at) == (NOON + 40 * DAY, NOON)
    check_the_year(year)
    # At its own time, and once at each moment at which the clock stood.
    assert tried == [
        NOON + timedelta(minutes=5),
        NOON + 2 * DAY,
        NOON + 10 * DAY,
        NOON + 20 * DAY,
        NOON + 30 * DAY,
    ]
    monkeypatch.undo()
    tasks.watch_due_dates()
    factories.work()
    assert again(payment).status == "canceled"


# What takes long


def test_what_takes_longer_is_carried_on_by_a_worker(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    year = given_a_year(test_merchant)
    with at("clock:stepped", lambda: clock.move(seconds=2) and None):
        answer = api.post("/v1/sandbox/clock", {"to": "2026-05-01"}).json()
    assert (answer["status"], answer["now"], answer["target"], answer["happened_count"]) == (
        "advancing",
        "2026-03-12T12:00:00.000Z",
        "2026-05-01T00:00:00.000Z",
        0,
    )
    # It stands still until somebody goes on.
    clock.move(minutes=1)
    assert api.get("/v1/sandbox/clock").json() == answer
    refused = api.post("/v1/sandbox/clock", {"advance": "P1D"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert refused.json()["error"]["message"] == (
        "The clock is on its way to 2026-05-01T00:00:00.000Z. "
        "Wait until it has arrived, then move it again."
    )
    assert refused.json()["error"]["details"] == {
        "now": "2026-03-12T12:00:00.000Z",
        "target": "2026-05-01T00:00:00.000Z",
    }
    # Nobody else does what is its to do.
    assert tasks.watch_due_dates() == 0
    assert tasks.advance_clocks() == 1
    check_the_year(year)
    answer = api.get("/v1/sandbox/clock").json()
    assert (answer["status"], answer["now"]) == ("ready", "2026-05-01T00:00:00.000Z")
    assert [each["type"] for each in answer["happened"]] == ["invoice.overdue", "invoice.expired"]
    assert tasks.advance_clocks() == 0


def test_a_clock_is_never_behind_the_one_it_would_have_been(
    test_merchant: Merchant, clock: WallClock
) -> None:
    given_an_open_invoice(test_merchant, due_at=NOON.isoformat())
    with at("clock:settled", lambda: clock.move(minutes=1) and None):
        set_out = stepping.move(lambda: actions.advance_clock(test_merchant, timedelta(seconds=5)))
    assert clocks.now(set_out.merchant) == clock.at == NOON + timedelta(minutes=1)
    assert set_out.merchant.clock_offset == timedelta(0)


def test_clocks_take_turns(
    test_merchant: Merchant, ben_merchant: Merchant, clock: WallClock
) -> None:
    for merchant in (test_merchant, ben_merchant):
        given_a_year(merchant)
        with at("clock:set_out", die), pytest.raises(Killed):
            moved(merchant, 40)
    # Whoever asked has them for a while still.
    assert tasks.advance_clocks() == 0
    clock.move(minutes=2)
    with at("clock:stepped", lambda: clock.move(seconds=20) and None):
        assert tasks.advance_clocks() == 2
    assert [move.merchant.clock_held_at for move in ClockMove.objects.order_by("pk")] == [
        NOON + 2 * DAY,
        NOON + 2 * DAY,
    ]
    assert tasks.advance_clocks() == 2
    assert not ClockMove.objects.filter(finished_at=None).exists()


# Whoever dies, and whoever comes beside


@pytest.mark.parametrize(
    "place",
    [
        "move_clock:before_commit",
        "move_clock:after_commit",
        "clock:set_out",
        "clock:settled",
        "step_clock:before_commit",
        "step_clock:after_commit",
        "clock:stepped",
        "release_payment:before_commit",
        "mark_overdue:before_commit",
        "mark_overdue:after_commit",
        "expire_invoice:after_commit",
        "end_move:before_commit",
        "end_move:after_commit",
    ],
)
def test_a_move_that_died_is_finished_with_each_thing_done_once(
    place: str, api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    year = given_a_year(test_merchant)
    body = {"to": (NOON + 40 * DAY).isoformat()}
    with at(place, die), pytest.raises(Killed):
        api.post("/v1/sandbox/clock", body, idempotency_key="k")
    clock.move(minutes=2)
    tasks.advance_clocks()
    # The same request again finds the move that it had begun, or begins it.
    answer = api.post("/v1/sandbox/clock", body, idempotency_key="k").json()
    assert (answer["status"], answer["happened_count"]) == ("ready", 2)
    # A clock that had arrived has run on since.
    waited = timedelta(minutes=2 if place == "end_move:after_commit" else 0)
    assert clocks.now(again(test_merchant)) == NOON + 40 * DAY + waited
    check_the_year(year)
    assert ClockMove.objects.count() == 1


def test_a_worker_that_dies_again_and_again_gets_on(
    test_merchant: Merchant, clock: WallClock
) -> None:
    year = given_a_year(test_merchant)
    with at("clock:stepped", die):
        with pytest.raises(Killed):
            moved(test_merchant, 40)
        for _ in range(2):
            clock.move(minutes=2)
            with pytest.raises(Killed):
                tasks.advance_clocks()
    clock.move(minutes=2)
    tasks.advance_clocks()
    check_the_year(year)


def test_only_one_steps_a_clock(test_merchant: Merchant, clock: WallClock) -> None:
    given_a_year(test_merchant)
    mine = actions.move_clock(test_merchant, NOON + 40 * DAY)
    assert actions.claim_move() is None
    clock.move(minutes=2)
    theirs = actions.claim_move()
    assert theirs == mine
    assert actions.claim_move() is None
    # Whoever has lost the lease moves the clock no more.
    assert actions.step_clock(mine, NOON + 30 * DAY) is None
    assert actions.end_move(mine) is None
    actions.put_back(mine)
    assert actions.claim_move() is None
    assert again(test_merchant).clock_held_at == NOON
    assert theirs and stepping.carry_on(theirs).finished_at


def test_a_second_move_waits_until_the_first_has_arrived(
    test_merchant: Merchant, ben_merchant: Merchant, clock: WallClock
) -> None:
    actions.move_clock(test_merchant, NOON + 40 * DAY)
    with pytest.raises(Conflict, match="2026-04-11T12:00:00.000Z"):
        actions.advance_clock(test_merchant, DAY)
    assert moved(ben_merchant, 1).finished_at
    assert again(test_merchant).clock_held_at == NOON


# How much it takes


def test_a_step_takes_as_many_queries_whatever_else_waits(
    test_merchant: Merchant, ben_merchant: Merchant, clock: WallClock
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            stepping.move(lambda: actions.advance_clock(test_merchant, DAY))
        return len(captured)

    given_an_open_invoice(test_merchant, due_at=(NOON + 99 * DAY).isoformat())
    few = queries()
    for day in range(5):
        given_an_open_invoice(test_merchant, due_at=(NOON + (200 + day) * DAY).isoformat())
        given_an_open_invoice(ben_merchant, due_at=(NOON + day * DAY).isoformat())
    assert queries() == few


def test_only_the_first_of_what_happened_is_told_at_once(
    api: Api, test_merchant: Merchant, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "TOLD_AT_ONCE", 1)
    _, late, _ = given_a_year(test_merchant)
    answer = api.post("/v1/sandbox/clock", {"advance": "P40D"}).json()
    assert [each["object_id"] for each in answer["happened"]] == [late.public_id]
    assert (answer["happened_count"], answer["has_more"]) == (2, True)


def test_nothing_of_anybody_elses_is_done_or_told(
    api: Api, ben_api: Api, test_merchant: Merchant, ben_merchant: Merchant, clock: WallClock
) -> None:
    year, his = given_a_year(test_merchant), given_a_year(ben_merchant)
    assert ben_api.post("/v1/sandbox/clock", {"advance": "P40D"}).json()["happened_count"] == 2
    check_the_year(his)
    assert (again(year[0]).released_at, again(year[1]).overdue_at) == (None, None)
    assert api.get("/v1/sandbox/clock").json()["happened"] == []
    assert api.get("/v1/sandbox/clock").json()["now"] == "2026-03-02T12:00:00.000Z"


# In the dashboard


def test_the_dashboard_tells_what_happened(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    _, late, _ = given_a_year(test_merchant)
    asked = ada_browser.submit("clock/", count="40", unit="days")
    assert "Whatever comes due until then happens" in text_of(asked)
    ada_browser.post("clock/", {"target": (NOON + 40 * DAY).isoformat()})
    page = ada_browser.get("clock/")
    event = Event.objects.get(type="invoice.overdue")
    assert f'href="/dashboard/events/{event.public_id}/"' in page.content.decode()
    assert "What happened on the way" in text_of(page)
    assert "Due date passed invoice.overdue " + late.public_id in text_of(page)
    assert "hx-trigger" not in page.content.decode()


def test_the_dashboard_shows_how_far_it_is(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    given_a_year(test_merchant)
    with at("clock:stepped", lambda: clock.move(seconds=2) and None):
        ada_browser.post("clock/", {"target": (NOON + 40 * DAY).isoformat()})
    page = ada_browser.get("clock/").content.decode()
    assert '<progress class="progress" max="100" value="25"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    assert 'hx-trigger="every 2s"' in page
    assert 'name="count"' not in page
    ada_browser.post("clock/", {"target": (NOON + 50 * DAY).isoformat()})
    assert "The clock is on its way to 2026-04-11" in ada_browser.get("clock/").content.decode()
    tasks.advance_clocks()
    assert 'name="count"' in ada_browser.get("clock/").content.decode()
