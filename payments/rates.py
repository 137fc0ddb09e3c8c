"""Exchange rates to USDC, as the operator sets them or a source says them. Pure reading."""

import json
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from invoicing import money

# These are worth one USDC each, by definition: their rate never expires.
PEGGED: Final = frozenset({"USD", "USDC"})
# A rate beyond these is a mistake of its source: nobody is to pay by it.
LEAST, MOST = Decimal("0.0000001"), Decimal("10000000")


class BadRates(ValueError):
    """What a source said cannot be understood."""


def is_address(setting: str) -> bool:
    """Whether the setting names a source to ask, rather than the rates themselves."""
    return setting.startswith(("http://", "https://"))


@lru_cache(maxsize=4)
def from_setting(setting: str) -> dict[str, Decimal]:
    """Read `EUR=1.0837,GBP=1.27`: USD for one of each. Raises BadRates."""
    pairs = [item.partition("=") for item in setting.split(",") if item.strip()]
    said = {name.strip(): value.strip() for name, _, value in pairs}
    found = _checked(said)
    if unknown := [name for name in said if name not in found]:
        raise BadRates(f"cannot set a rate for {unknown[0]!r}; it looks like EUR=1.0837,GBP=1.27")
    return found


def from_answer(text: str) -> dict[str, Decimal]:
    """Read a source's JSON. Raises BadRates.

    Either `{"EUR": "1.0837"}`, USD for one of each; or, as most public sources say it,
    `{"base": "USD", "rates": {"EUR": 0.9228}}`, so many of each for one USD.
    """
    try:
        said = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        raise BadRates("is not JSON") from None
    if not isinstance(said, dict):
        raise BadRates("is not a JSON object of rates")
    if "rates" not in said:
        return _checked(said)
    if said.get("base", "USD") != "USD" or not isinstance(said["rates"], dict):
        raise BadRates("must give its rates for one USD")
    found = _checked(said["rates"])
    return {name: money.EXACT.divide(Decimal(1), rate) for name, rate in found.items()}


def _checked(said: dict[str, Any]) -> dict[str, Decimal]:
    """The rates of currencies that are known; what else is said is left alone."""
    found = {}
    for name, value in said.items():
        if name not in money.ASSETS or name in PEGGED:
            continue
        try:
            rate = Decimal(value)
        except (InvalidOperation, TypeError, ValueError):
            raise BadRates(f"gives no number for {name}") from None
        if not rate.is_finite() or not LEAST <= rate <= MOST:
            raise BadRates(f"gives an impossible rate for {name}: {rate}")
        found[name] = rate
    return found
