"""When a recurring charge falls due: anchor + k intervals on the calendar, and nothing else.

No period is computed from the one before it, so month ends, leap years and changes of the clock
cannot make a schedule drift: the 31st is the last day of a shorter month and the 31st again after
it (Stripe's rule for billing anchors).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from isodate import Duration

WEEKS: Final = {"weekly": 1}
MONTHS: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}
INTERVALS: Final = (*WEEKS, *MONTHS)
# The longest time between two charges: five years.
MOST_INTERVALS: Final = {"weekly": 260, "monthly": 60, "quarterly": 20, "yearly": 5}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rhythm of instants, numbered from the anchor: 0 is the anchor itself, -1 the one before."""

    anchor: datetime
    zone: ZoneInfo
    interval: str
    count: int = 1

    def at(self, number: int) -> datetime:
        """The instant of this number, in UTC, at the anchor's local time of day.

        A local time that the clocks skip is the same distance after midnight by the old time, one
        that comes twice is the one that the anchor means. Raises OverflowError or ValueError
        beyond the calendar.
        """
        local = self.anchor.astimezone(self.zone).replace(tzinfo=None)
        steps = number * self.count
        if self.interval in WEEKS:
            moved = local + timedelta(weeks=steps * WEEKS[self.interval])
        else:
            # The same day so many months on; the month's last day where it has fewer.
            months = Duration(months=steps * MONTHS[self.interval])
            moved = (local + months).replace(fold=local.fold)
        instant = moved.replace(tzinfo=self.zone).astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) != moved:
            # Skipped by the clocks: whichever time the anchor's fold means, count on by the old.
            instant = moved.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
        return instant

    def first_from(self, instant: datetime) -> int:
        """The number of the first instant that is not before this one."""
        local, anchor = (
            moment.astimezone(self.zone).replace(tzinfo=None) for moment in (instant, self.anchor)
        )
        if self.interval in WEEKS:
            number = (local - anchor).days // (7 * WEEKS[self.interval] * self.count)
        else:
            months = (local.year - anchor.year) * 12 + local.month - anchor.month
            number = months // (MONTHS[self.interval] * self.count)
        # A guess by the calendar, at most one too high for the time of day.
        number -= 1
        while self.at(number) < instant:
            number += 1
        return number
