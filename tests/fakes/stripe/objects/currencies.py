"""Which currencies can be charged, and how little and how much."""

from tests.fakes.stripe.errors import ApiError

# Source: Stripe's page on currencies; the least that a charge may be, in minor units.
_LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_OTHERS = frozenset(["ars", "clp", "cop", "ils", "isk", "krw", "php", "twd", "uah", "vnd", "zar"])
_WHOLE_UNITS = frozenset(["jpy", "clp", "krw", "vnd", "isk"])
MOST = 99_999_999


def check_currency(given: str, param: str = "currency") -> str:
    currency = given.lower()
    if currency not in _LEAST and currency not in _OTHERS:
        raise ApiError(
            f"Invalid currency: {given}. Stripe currently supports these currencies:"
            f" {', '.join(sorted({*_LEAST, *_OTHERS}))}",
            param=param,
        )
    return currency


def check_amount(amount: int, given: str, param: str = "amount") -> str:
    """The currency in lower case; raises for an amount outside what Stripe takes."""
    currency = check_currency(given)
    least = _LEAST.get(currency, 1)
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
    if amount > MOST:
        raise ApiError(
            "Amount must be no more than $999,999.99", code="amount_too_large", param=param
        )
    return currency
