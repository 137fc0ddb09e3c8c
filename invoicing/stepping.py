"""Moving a test merchant's clock: all that waits happens on the way, in order, at its own time.

The clock goes from one moment at which something is due to the next, and stands still there until
that is done. Each step is committed by itself, so whoever steps may die anywhere: the clock stands
where it stood, and a worker goes on from there.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from invoicing import clock, idempotency, sweeps
from invoicing.actions import clocks
from invoicing.actor import SYSTEM, acting
from invoicing.failpoints import failpoint
from invoicing.models import ClockMove, Event, Merchant
from invoicing.sweeps import Round

# A client waits ten seconds or more for an answer; most moves are over within one.
INLINE_FOR: Final = timedelta(seconds=3)
# Then another merchant's clock gets its turn.
TURN: Final = timedelta(seconds=20)
# How much of what has happened is told at once; the rest is in the feed of events.
TOLD_AT_ONCE: Final = 100


def move(begin: Callable[[], ClockMove]) -> ClockMove:
    """Begin a move and step it for as long as somebody may be kept waiting; a worker goes on.

    A request that is repeated after its first run has died finds the move that it had begun.
    """
    begun = idempotency.noted()
    if begun:
        return ClockMove.objects.select_related("merchant").get(pk=int(begun))
    set_out = begin()
    failpoint("clock:set_out")
    # What happens on the way is nobody's request.
    with acting(SYSTEM), idempotency.guarded(None):
        return _take_turn(set_out, INLINE_FOR, patient=False)


def carry_on(under_way: ClockMove) -> ClockMove:
    """A worker's turn at a move that it has claimed."""
    return _take_turn(under_way, TURN, patient=True)


def _take_turn(under_way: ClockMove, time: timedelta, *, patient: bool) -> ClockMove:
    try:
        return _step(under_way, time, patient=patient)
    except Exception:
        clocks.put_back(_again(under_way))
        raise


def _step(under_way: ClockMove, time: timedelta, *, patient: bool) -> ClockMove:
    """Go from moment to moment until the clock is there, time is up, or the lease is lost.

    Who is patient finishes every moment that was begun, so that each turn gets the clock on.
    """
    until = clock.wall() + time

    def is_over() -> bool:
        return clock.wall() >= until

    while True:
        here = under_way.merchant
        if not _settle(here, Round((lambda: False) if patient else is_over)):
            break
        failpoint("clock:settled")
        at = sweeps.next_at(here, clock.now(here))
        if at is None or at > under_way.to_at:
            return clocks.end_move(under_way) or _again(under_way)
        stepped = clocks.step_clock(under_way, at)
        if stepped is None:
            return _again(under_way)
        under_way = stepped
        failpoint("clock:stepped")
        if is_over():
            break
    clocks.put_back(under_way)
    return _again(under_way)


def _settle(merchant: Merchant, this: Round) -> bool:
    """Do all that is due at this moment, and what that leads to; False if time was up before.

    Nothing is tried twice: what stays due, its provider being silent say, is tried again at the
    next moment and must not hold the clock here for ever.
    """
    while True:
        before = this.tries
        _hear()
        for sweep in sweeps.registered:
            tries = this.tries
            sweep.run(merchant, this)
            if this.tries > tries:
                _hear()
        if this.enough():
            return False
        if this.tries == before:
            return True


def _hear() -> None:
    for listen in sweeps.between:
        listen()


def _again(under_way: ClockMove) -> ClockMove:
    return ClockMove.objects.select_related("merchant").get(pk=under_way.pk)


def happened(under_way: ClockMove) -> tuple[list[Event], int]:
    """The first of what has happened on the way, in order, and how much it is in all."""
    rows = Event.objects.filter(
        merchant=under_way.merchant_id, pk__gt=under_way.after_event_id
    ).order_by("pk")
    if under_way.until_event_id is not None:
        rows = rows.filter(pk__lte=under_way.until_event_id)
    first = list(rows.defer("body")[: TOLD_AT_ONCE + 1])
    count = rows.count() if len(first) > TOLD_AT_ONCE else len(first)
    return first[:TOLD_AT_ONCE], count
