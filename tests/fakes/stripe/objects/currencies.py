"""Which currencies can be charged, and how little and how much."""

from tests.fakes.stripe.errors import ApiError

# Source: Stripe's page on currencies; the least that a charge may be, in minor units.
_LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
# These are exchanged, and must come to about half a dollar: so many of their minor units.
_EXCHANGED = {
    "ars": 70000, "clp": 500, "cop": 200000, "ils": 200, "isk": 70, "krw": 700, "php": 3000,
    "twd": 1600, "uah": 2100, "vnd": 13000, "zar": 900,
}  # fmt: skip
_WHOLE_UNITS = frozenset(["jpy", "clp", "krw", "vnd", "isk"])
MOST = 99_999_999


def check_currency(given: str, param: str = "currency") -> str:
    currency = given.lower()
    if currency not in _LEAST and currency not in _EXCHANGED:
        raise ApiError(
            f"Invalid currency: {given}. Stripe currently supports these currencies:"
            f" {', '.join(sorted({*_LEAST, *_EXCHANGED}))}",
            param=param,
        )
    return currency


def check_amount(amount: int, given: str, param: str = "amount") -> str:
    """The currency in lower case; raises for an amount outside what Stripe takes."""
    currency = check_currency(given)
    least = _LEAST.get(currency, 1)
    exchanged = _EXCHANGED.get(currency, 1)
    if amount < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param=param)
    if amount < least:
        shown = f"{least}" if currency in _WHOLE_UNITS else f"{least // 100}.{least % 100:02}"
        sign = "$" if currency == "usd" else ""
        raise ApiError(
            f"Amount must be at least {sign}{shown} {currency}",
            code="amount_too_small",
            param=param,
        )
    if amount < exchanged:
        raise ApiError(
            f"Amount must convert to at least 50 cents. {amount} {currency} converts to"
            f" approximately ${amount / exchanged / 2:.2f}.",
            code="amount_too_small",
            param=param,
        )
    if amount > MOST:
        raise ApiError(
            "Amount must be no more than $999,999.99", code="amount_too_large", param=param
        )
    return currency
