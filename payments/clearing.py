"""How long each way to pay takes until its money can be spent."""

from datetime import datetime, timedelta
from typing import Final

CLEARING: Final = {"card": timedelta(days=2), "sandbox": timedelta(days=2)}


def clears_at(rail: str, at: datetime) -> datetime:
    """When money that this rail brought at `at` becomes available."""
    return at + CLEARING.get(rail, timedelta(0))
