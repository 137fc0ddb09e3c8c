"""How long each way to pay takes until its money can be spent."""

from datetime import datetime, timedelta
from typing import Final

CARD: Final = timedelta(days=2)
# ACH takes four days on which banks work: these are the ones on which they do not.
ACH_WORKING_DAYS: Final = 4
WEEKEND: Final = (5, 6)
# No clock knows when a chain calls a transfer final.
ON_CHAIN: Final = frozenset({"usdc", "x402"})


def clears_at(rail: str, at: datetime) -> datetime | None:
    """When money that this rail brought at `at` becomes available, until its provider says.

    None where only its provider can say.
    """
    if rail in ON_CHAIN:
        return None
    if rail in {"card", "sandbox"}:
        return at + CARD
    if rail == "ach":
        return _after_working_days(at, ACH_WORKING_DAYS)
    return at


def _after_working_days(at: datetime, days: int) -> datetime:
    while days:
        at += timedelta(days=1)
        days -= at.weekday() not in WEEKEND
    return at
