"""Sweeps: what waits for a date is done on its merchant's own clock, and nothing holds it up."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from invoicing import sweeps
from invoicing.due import due
from invoicing.models import Invoice, Merchant
from invoicing.sweeps import Round, Sweep
from payments import waiting as payments_waiting
from tests.factories import again, given_a_merchant, given_an_open_invoice, let_pass


class Silence(Exception):
    """A provider that does not answer."""


@pytest.fixture
def done() -> list[int]:
    """The rows that were done, in order."""
    return []


def given_due(merchant: Merchant, clock: Any, *days: int) -> list[int]:
    """Open invoices that come due in so many days, in order."""
    return [
        given_an_open_invoice(merchant, due_at=(clock.at + timedelta(days=day)).isoformat()).pk
        for day in days
    ]


def sweep(act: Any, **how: Any) -> Sweep:
    """The invoices of whoever has any, by their due date."""
    return Sweep(Invoice.objects.filter(status="open"), "due_at", act, **how)


def test_what_is_due_is_done_on_each_merchants_own_clock(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    mine, his, real = (given_due(each, clock, 1)[0] for each in (test_merchant, ben_merchant, live))
    waits = sweep(done.append)
    assert (waits.run(), done) == (0, [])
    let_pass(ben_merchant, "1 00:00:00")
    assert (waits.run(), done) == (1, [his])
    clock.move(days=1)
    assert (waits.run(), sorted(done)) == (3, sorted([his, his, mine, real]))


def test_one_merchants_is_done_alone(
    test_merchant: Merchant, ben_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    mine, _ = (given_due(each, clock, -1)[0] for each in (test_merchant, ben_merchant))
    assert (sweep(done.append).run(test_merchant), done) == (1, [mine])


def test_a_clock_that_is_on_its_way_is_left_to_whoever_moves_it(
    test_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    (mine,) = given_due(test_merchant, clock, -1)
    Merchant.objects.filter(pk=test_merchant.pk).update(clock_held_at=clock.at)
    assert sweep(done.append).run() == 0
    assert (sweep(done.append).run(again(test_merchant)), done) == (1, [mine])
    Merchant.objects.filter(pk=test_merchant.pk).update(
        clock_held_at=None, clock_offset=timedelta(days=1)
    )
    assert sweep(done.append).run() == 1


def test_the_earliest_is_done_first_and_a_batch_is_bounded(
    test_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    first, second, third = given_due(test_merchant, clock, -3, -2, -1)
    late = sweep(done.append, at_once=2)
    assert (late.run(), done) == (2, [first, second])
    this = Round()
    assert [late.run(test_merchant, this) for _ in range(3)] == [2, 1, 0]
    assert done[2:] == [first, second, third]
    assert this.tries == 3


def test_it_says_what_comes_next(
    test_merchant: Merchant, ben_merchant: Merchant, clock: Any
) -> None:
    waits = sweep(int)
    assert waits.next_at(test_merchant) is None
    given_due(test_merchant, clock, 5, 2)
    given_an_open_invoice(ben_merchant)
    assert waits.next_at(test_merchant) == clock.at + timedelta(days=2)
    assert waits.next_at(test_merchant, clock.at + timedelta(days=2)) == clock.at + timedelta(
        days=5
    )
    assert waits.next_at(test_merchant, clock.at + timedelta(days=5)) is None
    assert sweeps.next_at(test_merchant) == clock.at + timedelta(days=2)


def test_a_poisonous_row_stops_nobody(
    test_merchant: Merchant, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = given_due(test_merchant, clock, -2, -1)

    def choke(pk: int) -> None:
        if pk == bad:
            raise KeyError("x")

    assert sweep(choke).run() == 1
    (record,) = caplog.records
    assert (record.message, vars(record)["row"], vars(record)["table"]) == (
        "a row was skipped",
        bad,
        "Invoice.due_at",
    )


def test_what_says_that_there_was_nothing_to_do_is_not_counted(
    test_merchant: Merchant, clock: Any
) -> None:
    given_due(test_merchant, clock, -1)
    assert sweep(lambda pk: False).run() == 0


def test_after_a_few_silences_in_a_row_the_rest_waits(
    test_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    rows = given_due(test_merchant, clock, *range(-9, 0))

    def ask(pk: int) -> None:
        done.append(pk)
        # One answer begins the count anew.
        if pk != rows[2]:
            raise Silence

    silent = sweep(ask, silence=(Silence,))
    assert (silent.run(), done) == (1, rows[:6])
    this = Round()
    assert [silent.run(test_merchant, this) for _ in range(2)] == [1, 0]
    assert len(done) == 12


def test_one_silence_is_no_reason_to_let_the_others_wait(
    test_merchant: Merchant, ben_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    given_due(test_merchant, clock, *range(-9, 0))
    (other,) = given_due(ben_merchant, clock, -1)

    def ask(pk: int) -> None:
        done.append(pk)
        if pk != other:
            raise Silence

    mine = Q(merchant=test_merchant)
    assert sweep(ask, silence=(Silence,), apart=(mine, ~mine)).run() == 1
    assert (len(done), done[-1]) == (4, other)


def test_what_was_tried_at_one_moment_is_not_tried_there_again(
    test_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    stuck, moving, behind = given_due(test_merchant, clock, -3, -2, -1)

    def act(pk: int) -> None:
        done.append(pk)
        if pk == moving:
            # Another date of its, which has passed as well.
            Invoice.objects.filter(pk=pk).update(due_at=clock.at)

    this, slow = Round(), sweep(act, at_once=1)
    while slow.run(test_merchant, this):
        pass
    assert done == [stuck, moving, behind, moving]


def test_a_round_may_end_between_two_rows(
    test_merchant: Merchant, clock: Any, done: list[int]
) -> None:
    given_due(test_merchant, clock, -3, -2, -1)
    late = sweep(done.append)
    assert late.run(test_merchant, Round(enough=lambda: len(done) == 2)) == 2


def test_what_providers_say_comes_before_what_the_calendar_says() -> None:
    assert list(map(repr, sweeps.registered)) == [
        "Payment.next_look_at",
        "Refund.next_look_at",
        "MethodSetup.next_look_at",
        "DisputeSubmission.next_look_at",
        "Dispute.next_look_at",
        "Transfer.moves_at",
        "Payment.available_at",
        "RecurringCharge.end_at",
        "RecurringCharge.resumes_at",
        "RecurringPeriod.retry_at",
        "RecurringCharge.next_at",
        "RecurringCharge.announce_at",
        "Invoice.due_at",
        "Invoice.expires_at",
        "Customer.reminders_changed_at",
        "Inquiry.holds_until",
        "Invoice.next_reminder_at",
        "Approval.expires_at",
    ]


@pytest.mark.parametrize("number", range(17))
def test_an_index_answers_each_question(number: int, test_merchant: Merchant, clock: Any) -> None:
    waits = sweeps.registered[number]
    here = waits.rows.filter(**{waits.merchant: test_merchant.pk})
    asked = [
        *(
            waits.rows.filter(is_due).order_by(waits.due)
            for is_due in due(waits.due, waits.merchant)
        ),
        here.filter(**{f"{waits.due}__lte": clock.at}).order_by(waits.due),
        here.filter(**{f"{waits.due}__gt": clock.at}).order_by(waits.due),
    ]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Few rows are quicker read as they come.
            cursor.execute("SET LOCAL enable_seqscan = off")
    for rows in asked:
        plan = rows.values_list("pk", waits.due)[:10].explain()
        assert "Seq Scan" not in plan
        assert [line for line in plan.splitlines() if "SCAN" in line and "INDEX" not in line] == []


@pytest.mark.parametrize("number", range(8))
def test_the_number_of_queries_does_not_grow_with_the_number_of_clocks(
    number: int, ben: Any, test_merchant: Merchant, clock: Any
) -> None:
    waits = sweeps.registered[number]

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            waits.run()
        return len(captured)

    few = queries()
    for day in range(1, 6):
        let_pass(given_a_merchant(ben, name=f"Ben {day}"), f"{day} 00:00:00")
    assert queries() == few == 2 * len(waits.apart)
    assert few == (10 if waits is payments_waiting.PAYMENTS else 2)
    with CaptureQueriesContext(connection) as captured:
        waits.run(test_merchant)
        waits.next_at(test_merchant)
    assert len(captured) == len(waits.apart) + 1
