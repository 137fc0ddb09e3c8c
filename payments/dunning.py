"""How a failed recurring charge is tried again: when, how often, and what comes in the end.

Pure: from rules and what has happened to the next moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from payments.rails.rail import Advice

# What the networks allow for one purchase. Cards: fifteen tries in thirty days (Visa, the
# stricter of the two over a month). ACH: a returned debit may be presented twice more (Nacha).
CARD_TRIES: Final = 15
CARD_TRIES_WITHIN: Final = timedelta(days=30)
ACH_RETRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Retry:
    """So many days after the failure before it, at a local time of day or at the same one."""

    days: int
    at: time | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """A merchant's choices: the retries, and what becomes of the schedule and the invoice."""

    retries: tuple[Retry, ...] = (Retry(2), Retry(5), Retry(7), Retry(7))
    then: str = "end"
    invoice: str = "uncollectible"
    mail_payer: bool = True


DEFAULT: Final = Rules()


def read_rules(stored: Mapping[str, Any] | None) -> Rules:
    """Rules as a row keeps them; what it leaves out is as usual."""
    if not stored:
        return DEFAULT
    chosen = stored.get("retries")
    retries = tuple(
        Retry(each["days"], time.fromisoformat(each["at"]) if each.get("at") else None)
        for each in chosen or ()
    )
    return Rules(
        DEFAULT.retries if chosen is None else retries,
        stored.get("then", DEFAULT.then),
        stored.get("invoice", DEFAULT.invoice),
        stored.get("mail_payer", DEFAULT.mail_payer),
    )


def write_rules(rules: Rules) -> dict[str, Any]:
    """Rules as a row keeps them and the API shows them."""
    return {
        "retries": [
            {"days": each.days, "at": each.at.isoformat("minutes") if each.at else None}
            for each in rules.retries
        ],
        "then": rules.then,
        "invoice": rules.invoice,
        "mail_payer": rules.mail_payer,
    }


def next_retry(rules: Rules, made: int, failed_at: datetime, zone: ZoneInfo) -> datetime | None:
    """When to try again after so many retries; None when there is none left."""
    if made >= len(rules.retries):
        return None
    retry = rules.retries[made]
    failed = failed_at.astimezone(zone)
    local = failed.replace(microsecond=0) + timedelta(days=retry.days)
    if retry.at is not None:
        on_the_day = local.replace(
            hour=retry.at.hour, minute=retry.at.minute, second=0, microsecond=0, fold=0
        )
        has_passed = on_the_day < local or on_the_day <= failed
        local = on_the_day + timedelta(days=1) if has_passed else on_the_day
    return local.astimezone(UTC)


def last_retry(rules: Rules, made: int, failed_at: datetime, zone: ZoneInfo) -> datetime | None:
    """When the last of the retries that are left would be; None when there is none."""
    last = None
    while (at := next_retry(rules, made, last or failed_at, zone)) is not None:
        last, made = at, made + 1
    return last


def is_worthwhile(advice: str, *, same_method: bool) -> bool:
    """Whether charging again can help: what the bank forbids or the payer must mend, cannot."""
    return not same_method or advice not in {Advice.CUSTOMER, Advice.NEVER}
