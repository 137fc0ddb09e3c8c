"""The only source of time.

The live merchant's clock is the wall clock. A test merchant owns its clock and may move it
forward, so that a year of billing can be rehearsed in a second. Machinery that is nobody's
business (deliveries, mails, leases) runs on the wall clock always.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class HasClock(Protocol):
    """Whatever owns a clock: a merchant."""

    clock_offset: timedelta
    # While the clock is on its way: where it stands, and stands still.
    clock_held_at: datetime | None


# Simulations put a virtual clock here.
read_wall: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def wall() -> datetime:
    """The instant in UTC, for leases, deliveries and whatever else no merchant can move."""
    return read_wall()


def now(merchant: HasClock) -> datetime:
    """The instant as this merchant lives it."""
    return merchant.clock_held_at or read_wall() + merchant.clock_offset
