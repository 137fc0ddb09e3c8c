"""When a payer is reminded: rules relative to the due date, and the moments that they make.

Pure arithmetic on dates. A rule is counted in calendar days where the merchant is, so that neither
the hour an invoice was issued at nor a change of the clocks moves it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

# What is proposed to whoever switches reminders on: a word before, and two after.
OFFERED: Final[tuple[Mapping[str, Any], ...]] = tuple(
    {
        "days": days,
        "late_fee": None,
        "fee_repeats": False,
        "repeat_every_days": None,
        "repeat_at_most": None,
    }
    for days in (-3, 0, 7, 14)
)
MORNING: Final = 9


@dataclass(frozen=True, slots=True)
class Rule:
    """One reminder: so many days after the due date, negative before it.

    `late_fee` is {"percent"} of what is due, or {"amount", "currency"}. The last rule of a list
    may come again, so many days later each time.
    """

    days: int
    late_fee: Mapping[str, str] | None = None
    # Whether the fee comes again with the rule; once for each invoice otherwise.
    fee_repeats: bool = False
    repeat_every_days: int | None = None
    repeat_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule asks for a reminder. A rule's repeats count from 1."""

    at: datetime
    rule: Rule
    repeat: int = 0

    @property
    def charges(self) -> bool:
        """Whether its rule charges a late fee at this moment."""
        return self.rule.late_fee is not None and (not self.repeat or self.rule.fee_repeats)

    @property
    def days(self) -> int:
        """How many days after the due date it lies."""
        return self.rule.days + self.repeat * (self.rule.repeat_every_days or 0)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rules that hold for an invoice, and the local hour they are carried out at."""

    rules: tuple[Rule, ...]
    hour: int
    zone: ZoneInfo

    def moments(self, due_at: datetime) -> list[Moment]:
        """Every moment that the rules make for an invoice due then, the earliest first."""
        due_on = due_at.astimezone(self.zone).date()
        found = []
        for rule in self.rules:
            times = (rule.repeat_at_most or 0) if rule.repeat_every_days else 0
            for repeat in range(times + 1):
                days = timedelta(days=Moment(due_at, rule, repeat).days)
                found.append(Moment(self.morning_of(due_on + days), rule, repeat))
        return sorted(found, key=lambda moment: moment.at)

    def moments_after(
        self, due_at: datetime, after: datetime, sent: int | None = None
    ) -> list[Moment]:
        """What is still to come after this instant, the earliest first.

        `sent` is the day of the last reminder that a rule sent: another hour or time zone must not
        bring the same one again.
        """
        return [
            found
            for found in self.moments(due_at)
            if found.at > after and (sent is None or found.days > sent)
        ]

    def first_morning(self, since: datetime) -> datetime:
        """The first time that reminders go out at or after this instant."""
        day = since.astimezone(self.zone).date()
        today = self.morning_of(day)
        return today if today >= since else self.morning_of(day + timedelta(days=1))

    def morning_of(self, day: date) -> datetime:
        """When reminders go out on this day."""
        return datetime.combine(day, time(self.hour), self.zone).astimezone(UTC)


def rules_of(stored: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules as a merchant or a customer has them on file."""
    return tuple(Rule(**row) for row in stored)


def settings_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A merchant's reminders as they are on file; off, with what is offered, if there are none."""
    return {
        "enabled": stored.get("enabled", False),
        "hour": stored.get("hour", MORNING),
        "rules": stored.get("rules", [dict(rule) for rule in OFFERED]),
    }


def choice_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a customer has instead of the merchant's rules; those, if nothing is on file."""
    return {"mode": stored.get("mode", "inherit"), "rules": stored.get("rules", [])}


def schedule(
    merchant: Mapping[str, Any], customer: Mapping[str, Any], zone: ZoneInfo
) -> Schedule | None:
    """The rules that hold, or None where nobody is reminded.

    A customer's own rules hold also while the merchant's are switched off.
    """
    settings, choice = settings_of(merchant), choice_of(customer)
    rules: Sequence[Mapping[str, Any]] = settings["rules"] if settings["enabled"] else []
    if choice["mode"] != "inherit":
        rules = choice["rules"] if choice["mode"] == "own" else []
    return Schedule(rules_of(rules), settings["hour"], zone) if rules else None
