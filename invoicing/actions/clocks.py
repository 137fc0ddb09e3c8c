"""The verbs of a test merchant's clock: set it on its way, step it, let it run again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from isodate import Duration

from invoicing import clock, idempotency
from invoicing.actions.action import action
from invoicing.doorbell import ring
from invoicing.errors import Conflict, InvalidState, ValidationFailed
from invoicing.models import ClockMove, Merchant
from invoicing.representations import instant

MAX_CLOCK_OFFSET = timedelta(days=366 * 50)
# As long as a task may run, and given anew with each step: whoever has it is alive.
LEASE = timedelta(minutes=2)
TASK = "invoicing.tasks.advance_clocks"


@action
def move_clock(merchant: Merchant, to: datetime) -> ClockMove:
    """Set a test merchant's clock on its way to this instant, leased to whoever asked.

    Raises InvalidState for a live merchant, Conflict while the clock is on its way already,
    ValidationFailed for the past or the far future.
    """
    row = _resting(merchant)
    if to < clock.now(row):
        raise ValidationFailed([("to", "must not be in the past: a clock only moves forward")])
    return _set_out(row, to, "to")


@action
def advance_clock(merchant: Merchant, by: timedelta | Duration) -> ClockMove:
    """Set a test merchant's clock on its way so much forward, from wherever it stands.

    Raises InvalidState for a live merchant, Conflict while the clock is on its way already,
    ValidationFailed for the far future.
    """
    row = _resting(merchant)
    try:
        to = clock.now(row) + by
    except (OverflowError, ValueError):
        raise ValidationFailed([("advance", "leaves the calendar")]) from None
    return _set_out(row, to, "advance")


@action
def step_clock(move: ClockMove, at: datetime) -> ClockMove | None:
    """Put the clock to this instant, where it stands still; None if the lease was lost."""
    row = _leased(move)
    if row is None:
        return None
    row.leased_until = clock.wall() + LEASE
    row.save(update_fields=["leased_until"])
    row.merchant.clock_held_at = max(at, clock.now(row.merchant))
    row.merchant.save(update_fields=["clock_held_at"])
    return row


@action
def end_move(move: ClockMove) -> ClockMove | None:
    """Let the clock run on from where it was to go; None if the lease was lost.

    Where the real time has overtaken it meanwhile, it is as if it had never been moved: waiting
    costs nobody time either.
    """
    row = _leased(move)
    if row is None:
        return None
    at = clock.wall()
    row.finished_at, row.leased_until = at, None
    row.until_event_id = _last_event(row.merchant)
    row.save(update_fields=["finished_at", "leased_until", "until_event_id"])
    row.merchant.clock_offset = max(row.to_at - at, row.merchant.clock_offset)
    row.merchant.clock_held_at = None
    row.merchant.save(update_fields=["clock_offset", "clock_held_at"])
    return row


@action
def put_back(move: ClockMove) -> None:
    """Let a worker carry on with a move."""
    ClockMove.objects.filter(pk=move.pk, leased_until=move.leased_until, finished_at=None).update(
        leased_until=None
    )
    ring(TASK)


def claim_move(but_not: Iterable[int] = ()) -> ClockMove | None:
    """Take a move that nobody steps, until the lease ends."""
    at = clock.wall()
    with transaction.atomic(durable=True):
        row = (
            ClockMove.objects.filter(finished_at=None)
            .exclude(leased_until__gt=at)
            .exclude(pk__in=but_not)
            .select_related("merchant")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("id")
            .first()
        )
        if row is not None:
            row.leased_until = at + LEASE
            row.save(update_fields=["leased_until"])
    return row


def _resting(merchant: Merchant) -> Merchant:
    """The locked merchant, whose clock nobody moves."""
    row = Merchant.objects.select_for_update().get(pk=merchant.pk)
    under_way = row.clock_moves.filter(finished_at=None).first()
    if under_way is not None:
        target = instant(under_way.to_at)
        raise Conflict(
            f"The clock is on its way to {target}. Wait until it has arrived, then move it again.",
            details={"now": instant(clock.now(row)), "target": target},
        )
    return row


def _set_out(row: Merchant, to: datetime, field: str) -> ClockMove:
    if row.livemode:
        raise InvalidState("Only a test merchant's clock can be moved.")
    at = clock.wall()
    if to - at > MAX_CLOCK_OFFSET:
        raise ValidationFailed([(field, "must stay within 50 years of the present")])
    row.clock_held_at = clock.now(row)
    row.save(update_fields=["clock_held_at"])
    move = ClockMove.objects.create(
        merchant=row,
        from_at=row.clock_held_at,
        to_at=to,
        after_event_id=_last_event(row),
        leased_until=at + LEASE,
        created_at=at,
    )
    idempotency.note(str(move.pk))
    return move


def _leased(move: ClockMove) -> ClockMove | None:
    """The move, locked, with its merchant, if the lease is still the one that was given."""
    merchant = Merchant.objects.select_for_update(no_key=True).get(pk=move.merchant_id)
    row = (
        ClockMove.objects.select_for_update()
        .filter(pk=move.pk, leased_until=move.leased_until, finished_at=None)
        .first()
    )
    if row is not None:
        row.merchant = merchant
    return row


def _last_event(merchant: Merchant) -> int:
    return merchant.events.aggregate(last=Max("pk"))["last"] or 0
