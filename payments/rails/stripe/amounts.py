"""How little and how much Stripe charges at once, in minor units.

Source: its tables of minimum and maximum charge amounts. Currencies that are not named here it
exchanges, so their minimum depends on the day.
"""

from typing import Final

_LEAST: Final = {
    "card": {
        "USD": 50, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "EUR": 50, "INR": 50, "NZD": 50,
        "SGD": 50, "GBP": 30, "DKK": 250, "NOK": 300, "SEK": 300, "HKD": 400, "PLN": 200,
        "RON": 200, "AED": 200, "BGN": 100, "CZK": 1500, "MXN": 1000, "MYR": 200, "THB": 1000,
        "HUF": 17500, "JPY": 50,
    },
    "ach": {"USD": 50},
}  # fmt: skip
# Eight digits, and twelve for the one currency whose units are that small.
_MOST: Final = 99_999_999
_MOST_OF: Final = {"IDR": 999_999_999_999}


def least(rail: str, currency: str) -> int | None:
    """The least that a card or account is charged; None where it is not known beforehand."""
    return _LEAST.get(rail, {}).get(currency)


def most(currency: str) -> int:
    """The most that is charged at once."""
    return _MOST_OF.get(currency, _MOST)
