"""What is billed: each item's words, quantity and price.

A sentence is cut at commas and at "and"; a piece without a price belongs to its neighbour.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from checkout.bots.quick_money import NUMBER, Price, called, prices, read_number
from checkout.bots.quick_text import TAKEN, Sentence, cannot

_CUT: Final = re.compile(
    r"(?<!\d),|,(?!\d)|[;\n]|\s\+\s|\s&\s|\s(?:and|plus)\s|\.(?=[\s\x00]|$)", re.I
)
_NUMBERS: Final = "one two three four five six seven eight nine ten eleven twelve"
_WORDS: Final = {word: Decimal(number) for number, word in enumerate(_NUMBERS.split(), 1)}
_QUANTITY: Final = rf"(?:{NUMBER}|{'|'.join(_WORDS)}|half an|an?)"
_HEAD: Final = re.compile(rf"(?P<quantity>{_QUANTITY})\s*(?P<times>[x×*])?(?:\s+|$)", re.I)
_EACH: Final = re.compile(
    r"\s*(?:\b(?P<each>each|apiece|a\s+piece|per\s+piece|per\s+unit)\b"
    r"|(?:/\s?|\bper\s+|\ban?\s+)(?P<unit>hours?|hrs?|h|days?|weeks?|months?|mo|years?|yr|minutes?|min|"
    r"km|kg|item|page|word|seat|user|license|licence|night|session|ticket)\b)",
    re.I,
)
_AT: Final = re.compile(r"\s*(?P<at>\bat\b|@|(?<=\s)[x×*])\s*$|^\s*(?P<at2>@|[x×*])\s*$", re.I)
_BEFORE: Final = re.compile(
    r"(?:[\s\x00]*(?:\b(?:for|of|is|to|costs?|an?|the)|[:=(–—-]))+[\s\x00]*$", re.I
)
_BEGINNING: Final = re.compile(r"^(?:[\s:,(\x00–—-]|(?:for|of|an?|the|on|and|plus|with)\b)+", re.I)
_BARE: Final = re.compile(
    rf"^\s*(?:(?:for|of|at)\s+)?(?P<number>{NUMBER})(?=\s*(?:$|[,;\x00]|\.(?:[\s\x00]|$)|for\b|and\b|plus\b))",
    re.I,
)
_BARE_AT: Final = re.compile(rf"(?:\bat\s+|@\s*)(?P<number>{NUMBER})(?![\w%])", re.I)
_SHARE: Final = re.compile(
    r"(?:\d\s?%|[½¼¾⅓⅔]|\d/\d|\b(?:half|third|thirds|quarter|quarters))(?:\s+of)?(?:\s+the)?\s*$",
    re.I,
)
_MULTIPLE: Final = re.compile(
    r"\b(?:double|twice|triple|treble|thrice|quadruple|times)(?:\s+of)?(?:\s+the)?\s*$", re.I
)
_TOTAL: Final = re.compile(r"^(?:in\s+)?(?:total(?:ing|ling|s)?|altogether|all\s+in|sum)$", re.I)
_PERIODS: Final = {"week", "month", "year"}
_UNITS: Final = {
    "mo": "month",
    "yr": "year",
    "hrs": "hour",
    "hr": "hour",
    "h": "hour",
    "min": "minute",
}
PLACEHOLDER: Final = "Amount due"


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are, and where that stands."""

    value: Decimal
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """One line as it was understood."""

    description: str
    # How many, where the price is that of each.
    count: Count | None
    price: Price
    start: int
    end: int
    # The words that are understood, and are part of no description.
    used: tuple[tuple[int, int], ...]


def read_items(sentence: Sentence, start: int, memo: str) -> tuple[list[Item], Price | None]:
    """The items from there on, and the total that the sentence names beside them, if any.

    Raises ValidationFailed where no amount, or not one for each item, can be read surely.
    """
    free = sentence.free
    found = [price for price in prices(free) if price.start >= start] or _bare(free, start)
    if not found:
        _check_for_a_currency(free[start:])
        raise cannot("names no amount; write one with its currency, such as “$250”")
    if len(marks := {price.mark for price in found if price.mark}) > 1:
        raise cannot(f"names two currencies, {' and '.join(sorted(marks))}; an invoice has one")
    total = None
    items = []
    used: list[tuple[int, int]] = _joints(free, start, found)
    for first, last in _pieces(free, start, found):
        inside = [price for price in found if first <= price.start < last]
        if len(inside) > 1:
            raise cannot(
                f"has two amounts in “{sentence.words(first, last)}”; put a comma between the items"
            )
        item = _item(sentence, first, last, inside[0])
        used += item.used
        if _TOTAL.match(item.description) and len(found) > 1:
            if total:
                raise cannot("names more than one total; name one")
            total = inside[0]
        else:
            items.append(item)
    for span in used:
        sentence.take(*span)
    return [_described(sentence, item, memo, len(items)) for item in items], total


def _check_for_a_currency(free: str) -> None:
    for match in re.finditer(rf"(?<![\w.,])({NUMBER})\s([A-Za-z]+)\b", free):
        if codes := called(match[2]):
            raise cannot(f"has “{match[0]}”, which may be {', '.join(codes)}; write the code")


def _described(sentence: Sentence, item: Item, memo: str, of: int) -> Item:
    """The item with words for it: the memo's for a single one that has none of its own."""
    description = item.description
    if _TOTAL.match(description):
        description = ""
    if not description and of > 1:
        raise cannot("has an amount without saying what it is for; name each item")
    if not description:
        description = memo or PLACEHOLDER
        if not memo:
            question = f"What is it for? The line says “{PLACEHOLDER}”."
            sentence.ask("description", question, holds_back=False)
    return replace(item, description=description)


def _bare(free: str, start: int) -> list[Price]:
    """Amounts without a currency, where a number can be nothing else."""
    found = [
        Price(read_number(match["number"]), "", *match.span("number"))
        for match in _BARE_AT.finditer(free, start)
    ]
    match = _BARE.match(free[start:])
    if not found and match:
        rest = free[start + match.end() :]
        if re.match(r"\s*(?:-|–|/|\bor\b|\bto\b)\s*\d", rest):
            raise cannot(f"has {match['number']} and another amount to choose from; write one")
        first, last = match.span("number")
        found = [Price(read_number(match["number"]), "", start + first, start + last)]
    return found


def _pieces(free: str, start: int, found: list[Price]) -> list[tuple[int, int]]:
    """Where each item begins and ends: one price in each."""
    cuts = [start]
    for match in _CUT.finditer(free, start):
        if not any(price.start < match.end() and match.start() < price.end for price in found):
            cuts += [match.start(), match.end()]
    cuts.append(len(free))
    pieces: list[list[int]] = []
    waiting: int | None = None
    for first, last in zip(cuts[::2], cuts[1::2], strict=True):
        price = next((one for one in found if first <= one.start < last), None)
        if price:
            pieces.append([first if waiting is None else waiting, last])
            waiting = None
        elif not free[first:last].strip(f" {TAKEN}\t"):
            continue
        elif pieces and _goes_on(free, pieces[-1], found):
            pieces[-1][1] = last
        elif waiting is None:
            waiting = first
    if waiting is not None and pieces:
        pieces[-1][1] = cuts[-1]
    return [(first, last) for first, last in pieces]


def _joints(free: str, start: int, found: list[Price]) -> list[tuple[int, int]]:
    """Where "plus" does no more than join two items that have a price each."""
    cuts = list(_CUT.finditer(free, start))
    edges = [start, *(place for cut in cuts for place in cut.span()), len(free)]
    priced = [
        any(first <= price.start < last for price in found)
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]
    return [
        cut.span()
        for place, cut in enumerate(cuts)
        if cut[0].strip().lower() in {"plus", "+"} and priced[place] and priced[place + 1]
    ]


def _goes_on(free: str, piece: list[int], found: list[Price]) -> bool:
    """Whether words stand after the price already, so that what follows belongs to them."""
    price = next(one for one in found if piece[0] <= one.start < piece[1])
    return bool(free[price.end : piece[1]].strip(f" {TAKEN}.,"))


def _item(sentence: Sentence, start: int, end: int, price: Price) -> Item:
    free = sentence.free
    before, after = free[start : price.start], price.end
    unit = ""
    each = _EACH.match(free, after, end)
    if each:
        after = each.end()
        unit = re.sub(r"s$", "", (each["unit"] or "").lower())
        unit = _UNITS.get(each["unit"].lower() if each["unit"] else "", unit)
    if _SHARE.search(before):
        raise cannot("asks for a share of an amount; write the amount itself")
    if _MULTIPLE.search(before):
        raise cannot("asks for a multiple of an amount; write the amount itself")
    at = _AT.search(before)
    stop = start + (at.start() if at else len(before))
    if not at and (trailing := _BEFORE.search(before)):
        stop = start + trailing.start()
    begin = _after_beginning(free, start, stop)
    rest = _after_beginning(free, after, end)
    count, begin, rest = _count(sentence, (begin, stop), (rest, end), bool(at), each, unit)
    words = " ".join(filter(None, (sentence.words(begin, stop), sentence.words(rest, end))))
    used = [(price.start, after)]
    if at:
        used.append((stop, start + at.end()))
    if count:
        used.append((count.start, begin if count.start < price.start else rest))
    return Item(words, count, price, *sentence.left_of(start, end), used=tuple(used))


def _after_beginning(free: str, start: int, end: int) -> int:
    match = _BEGINNING.match(free[start:end])
    return start + match.end() if match else start


def _count(
    sentence: Sentence,
    head: tuple[int, int],
    tail: tuple[int, int],
    at: bool,
    each: re.Match[str] | None,
    unit: str,
) -> tuple[Count | None, int, int]:
    """How many, if that is said; and where the words of each side begin after it."""
    for start, end in (head, tail):
        match = _HEAD.match(sentence.free[start:end] + " ")
        if match is None or not _is_number(match["quantity"]):
            continue
        words = sentence.free[start + match.end() : end]
        if start == head[0] and not (at or each or match["times"]):
            if not words.strip():
                alone = sentence.text[start:end].strip()
                raise cannot(
                    f"has “{alone}” beside an amount; say what it counts, as in “3 hours at $40”"
                )
            break
        if start == tail[0] and not each:
            break
        # What is counted is what the price is for: hours by the hour.
        if unit and not _counts(words.lower(), unit):
            raise cannot(
                f"has a price for each {unit} and counts something else; say how many {unit}s"
            )
        number = match["quantity"].lower()
        value = _WORDS.get(number) or read_number(number)
        after = min(start + match.end(), end)
        count = Count(value, start, start + len(match["quantity"]))
        return (count, after, tail[0]) if start == head[0] else (count, head[0], after)
    if each and unit in _PERIODS:
        question = "This makes one invoice. To bill again and again, set up a recurring charge."
        sentence.ask("recurring", question, each.span())
    elif each:
        raise cannot(
            f"has a price for each, and not how many {unit}s"
            if unit
            else "has a price for each, and not how many of them"
        )
    return None, head[0], tail[0]


def _is_number(text: str) -> bool:
    return text[0].isdigit() or text.lower() in _WORDS


def _counts(words: str, unit: str) -> bool:
    first = re.match(r"\s*([a-z]+)", words)
    if not first:
        return True
    counted = re.sub(r"s$", "", first.group(1))
    return _UNITS.get(first.group(1), counted) == unit
