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
    """The least that a card or account is charged; None where it is not known beforehand.

    A test card of the sandbox is charged what a card is, so that refusals can be rehearsed.
    """
    return _LEAST.get("card" if rail == "sandbox" else rail, {}).get(currency)


def refusal(rail: str, amount: int, currency: str) -> str:
    """The code by which an amount is refused where it was not known beforehand, or nothing."""
    if amount > most(currency):
        return "amount_too_large"
    return "amount_too_small" if amount < (least(rail, currency) or 0) else ""


def most(currency: str) -> int:
    """The most that is charged at once."""
    return _MOST_OF.get(currency, _MOST)
