"""The calendar of recurring charges: nothing is skipped, doubled or drifts."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from payments.schedule import INTERVALS, MONTHS, MOST_INTERVALS, Schedule

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia")
# In the ordinary suite; M11 asks for 10,000, which `--seeds` plays.
SCHEDULES = 400
YEARS = 100


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def monthly(anchor: str, zone: str = "UTC", count: int = 1) -> Schedule:
    return Schedule(at(anchor), ZoneInfo(zone), "monthly", count)


def days(schedule: Schedule, count: int) -> list[str]:
    moments = [schedule.at(number).astimezone(schedule.zone) for number in range(count)]
    return [moment.strftime("%m-%d") for moment in moments]


def test_the_last_day_of_january_is_the_last_day_of_every_month() -> None:
    schedule = monthly("2027-01-31T10:00:00Z")
    assert days(schedule, 13) == [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30",
        "07-31", "08-31", "09-30", "10-31", "11-30", "12-31", "01-31",
    ]  # fmt: skip


def test_a_leap_day_is_the_28th_in_other_years_and_the_29th_again() -> None:
    schedule = Schedule(at("2028-02-29T10:00:00Z"), ZoneInfo("UTC"), "yearly")
    assert days(schedule, 5) == ["02-29", "02-28", "02-28", "02-28", "02-29"]


def test_quarters_and_counts() -> None:
    quarterly = Schedule(at("2026-11-30T00:00:00Z"), ZoneInfo("UTC"), "quarterly")
    assert days(quarterly, 3) == ["11-30", "02-28", "05-30"]
    assert days(monthly("2026-01-31T00:00:00Z", count=2), 3) == ["01-31", "03-31", "05-31"]
    fortnightly = Schedule(at("2026-01-01T00:00:00Z"), ZoneInfo("UTC"), "weekly", 2)
    assert days(fortnightly, 3) == ["01-01", "01-15", "01-29"]


def test_the_local_time_of_day_stays_when_the_clocks_change() -> None:
    schedule = Schedule(at("2026-03-01T09:00:00-05:00"), ZoneInfo("America/New_York"), "weekly")
    assert [schedule.at(number).isoformat() for number in (0, 1, 2)] == [
        "2026-03-01T14:00:00+00:00",
        "2026-03-08T13:00:00+00:00",  # the clocks went forward that night
        "2026-03-15T13:00:00+00:00",
    ]


def test_a_time_that_the_clocks_skip_is_the_moment_after() -> None:
    schedule = monthly("2026-02-08T02:30:00-05:00", "America/New_York")
    assert schedule.at(1).isoformat() == "2026-03-08T07:30:00+00:00"  # 03:30 by the new time
    assert schedule.at(2).isoformat() == "2026-04-08T06:30:00+00:00"


@pytest.mark.parametrize("anchor", ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"])
def test_a_time_that_comes_twice_is_the_one_that_was_meant(anchor: str) -> None:
    schedule = Schedule(at(anchor), ZoneInfo("America/New_York"), "yearly")
    assert schedule.at(0) == at(anchor)


def test_a_day_that_a_place_never_had() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    schedule = monthly("2011-11-30T12:00:00-10:00", "Pacific/Apia")
    assert [schedule.at(number).isoformat() for number in (0, 1, 2)] == [
        "2011-11-30T22:00:00+00:00",
        "2011-12-30T22:00:00+00:00",
        "2012-01-29T22:00:00+00:00",
    ]


def test_the_first_from_an_instant_counts_that_very_instant() -> None:
    schedule = monthly("2027-01-31T10:00:00Z")
    assert schedule.first_from(at("2027-02-28T10:00:00Z")) == 1
    assert schedule.first_from(at("2027-02-28T10:00:01Z")) == 2
    assert schedule.first_from(at("2026-12-31T10:00:00Z")) == -1


def test_it_never_drifts(pytestconfig: pytest.Config) -> None:
    """M11: every schedule over a hundred years, on each of five places' clocks."""
    wanted = pytestconfig.getoption("--seeds") or SCHEDULES
    for seed in range(wanted):
        rng = random.Random(f"schedule {seed}")
        interval = rng.choice(INTERVALS)
        count = rng.randint(1, 4 if rng.random() < 0.8 else MOST_INTERVALS[interval])
        zone = ZoneInfo(ZONES[seed % len(ZONES)])
        anchor = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
            seconds=rng.randrange(4 * 366 * 86_400)
        )
        _is_steady(Schedule(anchor, zone, interval, count))


def _is_steady(schedule: Schedule) -> None:
    first = schedule.anchor.astimezone(schedule.zone)
    until = schedule.anchor + timedelta(days=365.25 * YEARS)
    moments, number = [schedule.at(0)], 0
    while moments[-1] < until:
        number += 1
        moments.append(schedule.at(number))
    assert moments[0] == schedule.anchor
    for number, moment in enumerate(moments):
        local = moment.astimezone(schedule.zone)
        if schedule.interval in MONTHS:
            passed = (local.year - first.year) * 12 + local.month - first.month
            assert passed == number * schedule.count * MONTHS[schedule.interval]
            shorter = (local + timedelta(days=1)).month != local.month
            assert local.day == first.day or (local.day < first.day and shorter)
        else:
            assert (local.date() - first.date()).days == number * schedule.count * 7
        skipped = local.time() != first.time()
        assert not skipped or local.utcoffset() != (local - timedelta(hours=2)).utcoffset()
    assert all(before < after for before, after in pairwise(moments))
    for number in (0, 1, len(moments) // 2, len(moments) - 1):
        assert schedule.first_from(moments[number]) == number
        assert schedule.first_from(moments[number] + timedelta(microseconds=1)) == number + 1
