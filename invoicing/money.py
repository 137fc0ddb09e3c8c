"""Amounts of money: whole numbers of an asset's minor units, and nothing else.

Decimal appears only where text is read or written, float never.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import (
    format_currency,
    format_decimal,
    get_currency_symbol,
    get_minus_sign_symbol,
)
from iso4217 import Currency as IsoCurrency

# 10 trillion of a two-decimal currency; thousands of them still fit a 64-bit ledger balance,
# and one of them is an exact number in every JSON reader.
MAX_MINOR = 10**15
MAX_UNIT_PRICE_PLACES = 12
MAX_QUANTITY_PLACES = 6

TOO_MANY_DIGITS = "has too many digits: at most 18 before the point, and 18 after it"

_PLAIN_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)
_LONG_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency or token: its code and how many decimals its minor unit has."""

    code: str
    decimals: int
    name: str

    def __str__(self) -> str:
        return self.code


def _iso_assets() -> dict[str, Asset]:
    """Every ISO 4217 currency that has a minor unit: metals, bonds and test codes have none."""
    return {
        currency.code: Asset(currency.code, currency.exponent, currency.currency_name)
        for currency in IsoCurrency
        if currency.exponent is not None
    }


_TOKENS = {
    "USDC": Asset("USDC", 6, "USD Coin"),
    "BTC": Asset("BTC", 8, "Bitcoin"),
}
ASSETS: dict[str, Asset] = {**_iso_assets(), **_TOKENS}


def asset(code: str) -> Asset:
    """The asset with this code. Raises ValueError naming the code if there is none."""
    try:
        return ASSETS[code]
    except KeyError:
        raise ValueError(
            f"{code!r} is not a currency Billhook knows; use an ISO 4217 code such as USD, "
            "or USDC or BTC."
        ) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """A whole number of minor units of one asset."""

    amount: int
    asset: Asset

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError("Money takes an int of minor units")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.asset)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.asset)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return to_text(self.amount, self.asset.code)

    def _same(self, other: "Money") -> int:
        if other.asset.code != self.asset.code:
            raise ValueError(f"{self.asset} and {other.asset} do not mix")
        return other.amount


def parse_decimal(text: str, *, places: int, minimum: Decimal | None = None) -> Decimal:
    """Read plain decimal text: ASCII digits, optional minus and point, no exponent or separators.

    Raises ValueError saying what would be right.
    """
    if not _PLAIN_DECIMAL.fullmatch(text):
        if _LONG_DECIMAL.fullmatch(text):
            raise ValueError(TOO_MANY_DIGITS)
        raise ValueError('must be a plain decimal number such as "12.50"')
    value = Decimal(text)
    if not value:
        value = abs(value)  # there is no minus nothing
    exponent = value.normalize(EXACT).as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        raise ValueError(f"must have at most {places} decimal places")
    if minimum is not None and value < minimum:
        raise ValueError(f"must be {minimum:f} or more")
    return value


def from_text(text: str, code: str) -> int:
    """Minor units of `code` for plain decimal text. Raises ValueError with the remedy."""
    decimals = asset(code).decimals
    value = parse_decimal(text, places=decimals)
    return to_minor(value, decimals)


def to_minor(value: Decimal, decimals: int) -> int:
    """Minor units of an exact decimal amount. Raises ValueError if out of range or too fine."""
    scaled = value.scaleb(decimals, EXACT)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"must have at most {decimals} decimal places")
    if abs(scaled) > MAX_MINOR:
        raise ValueError("is larger than Billhook can bill")
    return int(scaled)


def to_decimal(amount: int, code: str) -> Decimal:
    """The amount as a Decimal with exactly the asset's places, for the wire."""
    with localcontext(EXACT):
        return Decimal(amount).scaleb(-asset(code).decimals)


def to_text(amount: int, code: str) -> str:
    """The amount as wire text with exactly the asset's places: 1250 USD is "12.50"."""
    decimals = asset(code).decimals
    if decimals == 0:
        return str(amount)
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def plain(value: Decimal) -> str:
    """A decimal as text without exponent or trailing zeros: Decimal("1.50") is "1.5"."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_half_up(value: Decimal) -> int:
    """The nearest whole number; halves go away from zero."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP, context=EXACT))


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")


def _with_places(pattern: str, minimum: int, maximum: int) -> str:
    """A CLDR number pattern whose fraction has between `minimum` and `maximum` places."""
    fraction = "0" * minimum + "#" * (maximum - minimum)
    return re.sub(r"0(\.0+)?(?=[^0#.,]*(;|$))", "0" + ("." + fraction if fraction else ""), pattern)


def format_money(amount: int, code: str, language: str = "en") -> str:
    """The amount as people of this language write it, with all of the asset's places."""
    decimals = asset(code).decimals
    return _format(to_decimal(amount, code), code, language, decimals, decimals)


def format_price(value: Decimal, code: str, language: str = "en") -> str:
    """A unit price as people write it: the asset's places, or more where the price is finer."""
    decimals = asset(code).decimals
    return _format(value, code, language, decimals, max(decimals, MAX_UNIT_PRICE_PLACES))


def _format(value: Decimal, code: str, language: str, minimum: int, maximum: int) -> str:
    locale = _locale(language)
    pattern = _with_places(locale.currency_formats["standard"].pattern, minimum, maximum)
    symbol = str(get_currency_symbol(code, locale))
    if symbol == code:
        # Letters touching digits read badly: "USDC 1.25", not "USDC1.25".
        pattern = re.sub(r"¤(?=[#0])", "¤\u00a0", pattern)
    text = str(format_currency(value, code, format=pattern, locale=locale, currency_digits=False))
    if locale.text_direction == "rtl" and re.search("[A-Z]", symbol):
        # Else "US$" falls apart into "$US" where text runs from right to left.
        text = text.replace(symbol, f"\u2066{symbol}\u2069")
    # The language's own sign: in Arabic and Hebrew it carries the mark that keeps it on the left.
    return text.replace("-", get_minus_sign_symbol(locale), 1) if value < 0 else text


def format_number(value: Decimal, language: str = "en") -> str:
    """A quantity or rate as people of this language write it."""
    return str(format_decimal(value, format="#,##0.############", locale=_locale(language)))
