"""Numbers and amounts in a sentence: read surely, or not at all.

Babel knows how numbers are written and what currencies are called. A number that reads differently
where people write it differently is not read, but for the thousands of an English sentence.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final

from babel.numbers import (
    NumberFormatError,
    get_currency_name,
    get_currency_symbol,
    parse_decimal,
)

from checkout.bots.quick_text import cannot
from invoicing import money

NUMBER: Final = r"\d+(?:[.,'’]\d+)*"
# As Americans and Britons, as Germans, and as the Swiss write them.
_WRITTEN: Final = ("en", "de", "de_CH")
_ENGLISH_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
_COMMON: Final = (
    "aud|brl|btc|cad|chf|cny|czk|dkk|eur|gbp|hkd|huf|ils|inr|jpy|krw|mxn|nok|nzd|pln|sek|sgd|thb|"
    "usd|usdc|zar"
)
# Signs that several currencies share: which one it is, when the merchant's own is none of them.
_SHARED: Final = {"$": "USD", "£": "GBP", "¥": "JPY", "kr": ""}
_KRONER: Final = {"SEK", "NOK", "DKK", "ISK"}
_SLANG: Final = {
    "dollar": "$",
    "dollars": "$",
    "bucks": "$",
    "pound": "£",
    "pounds": "£",
    "yen": "JPY",
    "kroner": "kr",
    "kronor": "kr",
}
_VAGUE: Final = re.compile(
    r"(?:\b(?:about|around|approx(?:imately)?\.?|roughly|circa|ca\.|up to|at least|at most|"
    r"no more than|less than|more than|over|under|maybe|perhaps|between|some)|~|≈)\s*$",
    re.IGNORECASE,
)
_TAKEN_OFF: Final = re.compile(
    r"(?:\b(?:minus|less|credit\s+of|refund\s+of)\s+(?:an?\s+)?|(?:^|\s)[-−])$", re.I
)
_TAKEN_OFF_AFTER: Final = re.compile(r"\s*(?:\b(?:less|minus)\b|\s[-−])\s*\d[\d.,]*", re.I)
_MULTIPLIED: Final = re.compile(
    r"\s*(?:[x×*]\s*\d|\b(?:twice|thrice|doubled|tripled|halved|squared|times)\b"
    r"|\b\w+\s+times\b|÷)",
    re.I,
)
_BY_THE_DOZEN: Final = re.compile(r"\s*(?:/|\b(?:an?|per|the|each|every)\b)\s*dozen\b", re.I)
_CODE_BEFORE: Final = re.compile(r"(?<!\w)([A-Z]{3,4})\s$")
_ANOTHER: Final = r"\s*(?:-|–|—|/|\bto\b|\bor\b|\bvs\.?\b)\s*"
_SCALE: Final = re.compile(
    r"\s?(?:m|mm|mn|bn|b|mio|million|thousand|hundred|billion|grand)\b", re.I
)


def read_number(text: str) -> Decimal:
    """The one value that a written number can have. Raises ValidationFailed where it has two."""
    plain = text.replace("'", "’")
    values = set()
    for locale in _WRITTEN:
        try:
            values.add(parse_decimal(plain, locale=locale, strict=True))
        except (NumberFormatError, InvalidOperation):
            continue
    if len(values) == 2 and _ENGLISH_THOUSANDS.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if len(values) != 1 or not _without_zeros_before(text):
        raise cannot(
            f"has {text}, which can be read in more than one way; write 1,234.50 or 1234.50"
        )
    return values.pop()


def _without_zeros_before(text: str) -> bool:
    return not re.match(r"0\d", text)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount where it stands: its value, and the currency by the word or sign beside it."""

    value: Decimal
    mark: str
    start: int
    end: int


@cache
def _symbols() -> dict[str, str]:
    """Every sign that one currency has for itself, in English."""
    found = {"US$": "USD", "C$": "CAD", "Can$": "CAD", "AU$": "AUD", "S$": "SGD"}
    for code in money.ASSETS:
        symbol = get_currency_symbol(code, "en")
        if symbol != code and symbol not in _SHARED and not symbol.isalpha():
            found.setdefault(symbol, code)
    return found


@cache
def _names() -> dict[str, str]:
    """What English calls each currency, in small letters."""
    found = dict(_SLANG)
    for code in money.ASSETS:
        for count in (1, 2):
            name = get_currency_name(code, count, "en").lower()
            if name != code.lower() and "(" not in name:
                found.setdefault(name, code)
    return found


@cache
def called(word: str) -> tuple[str, ...]:
    """The currencies whose names end with a word, such as pesos; none for what is no such word."""
    word = word.lower()
    if word in _names() or len(word) < 3:
        return ()
    names = (
        (code, get_currency_name(code, count, "en")) for code in money.ASSETS for count in (1, 2)
    )
    return tuple(sorted({code for code, name in names if name.lower().split()[-1] == word}))


def _longest_first(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _pattern() -> re.Pattern[str]:
    codes = "|".join(money.ASSETS)
    signs = _longest_first([*_symbols(), *_SHARED])
    names = _longest_first(list(_names()))
    return re.compile(
        rf"(?<![\w.'’#$€£¥/])(?P<before>(?:{codes}|{_COMMON})(?=\W|\d)|{signs})?"
        rf"(?P<gap>\s?)(?P<minus>[-−](?=\d))?"
        rf"(?P<number>{NUMBER})(?P<thousands>\s?[kK](?!\w))?(?![\d])"
        rf"(?:\s?(?P<after>(?:{codes}|{_COMMON})\b|(?:{signs})(?![\w])|(?i:{names})\b))?"
    )


def prices(free: str) -> list[Price]:
    """Every amount that has a currency beside it, from left to right.

    Raises ValidationFailed for one that cannot be read surely.
    """
    found = []
    for match in _pattern().finditer(free):
        before, after = match["before"] or "", match["after"] or ""
        if not before and not after:
            continue
        found.append(_price(free, match, before, after))
    return found


def _price(free: str, match: re.Match[str], before: str, after: str) -> Price:
    written = match.group(0).strip()
    start = match.start("before") if before else match.start("number")
    if match["minus"] or _TAKEN_OFF.search(free, 0, start):
        raise cannot(f"takes {written} off; say it as a discount, such as “$20 discount”")
    if _VAGUE.search(free, 0, start):
        raise cannot(f"has {written} only as a rough figure; write the exact amount")
    rest = free[match.end() :]
    if rest[:1].isalnum() or rest.startswith("_"):
        raise cannot(f"has “{written}{rest[:1]}…”; write the amount in plain digits")
    if off := _TAKEN_OFF_AFTER.match(rest):
        raise cannot(f"says “{written}{off[0]}”; say what is taken off as a discount")
    if _BY_THE_DOZEN.match(rest):
        raise cannot("has a price for a dozen; write the price of one, as in “48 eggs at $0.25”")
    if _MULTIPLIED.match(rest):
        raise cannot(f"multiplies {written}; write it like “3 hours at $40”")
    mark = _one_mark(before, after, written)
    if before and (code := _CODE_BEFORE.search(free, 0, start)) and code[1] in money.ASSETS:
        mark, start = _one_mark(code[1], mark, written), code.start(1)
    if re.match(rf"{_ANOTHER}(?:\D{{0,4}})\d", rest) and not re.match(r"\s*-\s\D", rest):
        raise cannot(f"has {written} and another amount to choose from; write one")
    if not match["thousands"] and (scale := _SCALE.match(rest)):
        raise cannot(f"has “{written}{scale.group(0)}”; write the amount out in digits")
    if re.match(r"[ \u00a0\u202f]\d{3}(?!\d)", rest) and not after:
        raise cannot(f"has “{written} …” with a gap between its digits; write 1,234 or 1234")
    value = read_number(match["number"]) * (1000 if match["thousands"] else 1)
    end = (
        match.end("after") if after else match.end("thousands" if match["thousands"] else "number")
    )
    return Price(value, mark, start, end)


def _one_mark(before: str, after: str, written: str) -> str:
    first, second = _code(before), _code(after)
    if not first or not second or first == second:
        return second or first
    for sign, code in ((first, second), (second, first)):
        if sign in _SHARED and code in family(sign):
            return code
    raise cannot(f"names two currencies in {written}; name one")


def _code(word: str) -> str:
    """A currency's code for whatever was written, or the sign that several share."""
    if not word or word in _SHARED:
        return word
    return _symbols().get(word) or _names().get(word.lower()) or word.upper()


@cache
def family(sign: str) -> frozenset[str]:
    """The currencies that share a sign."""
    if sign == "kr":
        return frozenset(_KRONER)
    if sign == "¥":
        return frozenset({"JPY", "CNY"})
    word = {"$": ("dollar", "peso"), "£": ("pound",)}[sign]
    return frozenset(
        code
        for code in money.ASSETS
        if get_currency_name(code, 1, "en").lower().endswith(word)
        or get_currency_symbol(code, "en").endswith(sign)
    )


def currency_of(mark: str, house: str, whose: str, ask: Callable[[str], None]) -> tuple[str, str]:
    """The currency behind a mark, and why that one where the mark does not say it by itself.

    `house` is the customer's or the merchant's own. Asks where it is taken for another's. Raises
    ValidationFailed where nothing says which of several it is.
    """
    if not mark:
        return house, f"no currency is named, and {house} is {whose}"
    if mark not in _SHARED:
        return mark, ""
    if house in family(mark):
        return house, f"{mark} may be several currencies, and {house} is {whose}"
    if not _SHARED[mark]:
        choices = ", ".join(sorted(family(mark)))
        raise cannot(f"has {mark}, which may be any of {choices}; write the currency's code")
    code = _SHARED[mark]
    if mark == "£":
        return code, ""
    ask(f"{mark} was taken as {code}. Write another code if it is another currency.")
    return code, f"{mark} alone mostly means {code}; {whose} is {house}"
