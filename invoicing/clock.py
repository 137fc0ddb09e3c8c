"""The only source of time.

The live merchant's clock is the wall clock. A test merchant owns its clock and may move it
forward, so that a year of billing can be rehearsed in a second. Machinery that is nobody's
business (deliveries, mails, leases) runs on the wall clock always.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db.models import Q


class HasClock(Protocol):
    """Whatever owns a clock: a merchant."""

    clock_offset: timedelta


# Simulations put a virtual clock here.
read_wall: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def wall() -> datetime:
    """The instant in UTC, for leases, deliveries and whatever else no merchant can move."""
    return read_wall()


def now(merchant: HasClock) -> datetime:
    """The instant as this merchant lives it."""
    return read_wall() + merchant.clock_offset


def due(field: str, merchant: str = "merchant") -> Iterator[tuple[datetime, Q]]:
    """For each clock in use, its time and the condition "this field is due on that clock".

    All merchants on the wall clock share the first; every moved clock adds one. `merchant` is
    the path from the rows to their merchant.
    """
    from invoicing.models import Merchant

    instant = read_wall()
    yield instant, Q(**{f"{merchant}__clock_offset": timedelta(0), f"{field}__lte": instant})
    moved = Merchant.objects.exclude(clock_offset=timedelta(0)).values_list("pk", "clock_offset")
    for pk, offset in moved:
        condition: dict[str, Any] = {f"{merchant}_id": pk, f"{field}__lte": instant + offset}
        yield instant + offset, Q(**condition)
