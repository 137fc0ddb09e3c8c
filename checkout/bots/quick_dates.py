"""When an invoice is due, by the words for it: only what can mean one day alone."""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from babel import Locale
from isodate import Duration

from checkout.bots.quick_text import Sentence

_EN: Final = Locale("en")
_MONTHS: Final[dict[str, int]] = {
    name.lower(): number
    for width in ("wide", "abbreviated")
    for number, name in _EN.months["format"][width].items()
} | {"sept": 9}
_DAYS: Final[dict[str, int]] = {
    name.lower(): number
    for width in ("wide", "abbreviated")
    for number, name in _EN.days["format"][width].items()
}
_NUMBERS: Final = "one two three four five six seven eight nine ten eleven twelve"
_COUNTS: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(_NUMBERS.split(), 1)},
    **{"a": 1, "an": 1, "fourteen": 14, "fifteen": 15, "thirty": 30, "sixty": 60, "ninety": 90},
}

_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY: Final = "|".join(sorted(_DAYS, key=len, reverse=True))
_COUNT: Final = r"\d{1,4}|" + "|".join(sorted(_COUNTS, key=len, reverse=True))
_YEAR: Final = r"(?:,?\s*(?P<{}>\d{{4}})\b)?"
_IN: Final = (
    rf"(?P<count>{_COUNT})[\s-]+(?P<unit>day|week|month|year)s?\b(?:['’]s?)?"
    r"(?:\s+(?:time|from\s+(?:now|today))\b)?"
)
_ON: Final = "|".join(
    (
        r"(?P<iso>\d{4}-\d{2}-\d{2})\b",
        rf"(?P<m1>{_MONTH})\b\.?\s+(?:the\s+)?(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?![.,]\d)"
        + _YEAR.format("y1"),
        rf"(?:the\s+)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m2>{_MONTH})\b\.?"
        + _YEAR.format("y2"),
        rf"(?:the\s+)?end\s+of\s+(?P<m3>{_MONTH})\b" + _YEAR.format("y3"),
        r"(?P<end>(?:the\s+)?(?:end\s+of\s+(?:the\s+|this\s+)?(?:month|quarter|year)"
        r"|end\s+of\s+next\s+month|eom|month[\s-]end|year[\s-]end))\b",
        rf"(?:(?P<which>next|this|coming)\s+)?(?P<weekday>{_DAY})\b\.?",
        r"(?P<word>today|tomorrow|(?:up)?on\s+receipt|immediately|right\s+away|now)\b",
        r"the\s+(?P<d4>\d{1,2})(?:st|nd|rd|th)\b(?!\s+of)",
        r"(?P<slashed>\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?)(?![\d/])",
    )
)
_DUE: Final = (
    r"(?:(?:and|with|it['’]?s|it\s+is|which\s+is|payment|terms|to\s+be|is)[\s:]+)*"
    r"\b(?:due|payable|paid)\b(?:\s+date)?\s*:?"
)
DUE: Final = re.compile(
    rf"(?:{_DUE}\s*(?:(?:on|by|at|until|not\s+later\s+than|no\s+later\s+than)\s+)?(?:{_ON})"
    rf"|\b(?:by|until|no\s+later\s+than)\s+(?:{_ON.replace('?P<', '?P<b_')})"
    rf"|(?:{_DUE}\s*(?:in|within)?|\bwithin)\s+(?:{_IN})"
    rf"|(?:(?:and|with|payment|terms|on|of)[\s:]+)*\bnet[\s-]?(?P<net>\d{{1,3}})(?:\s+days?)?\b(?!\s*eom))"
    r"(?!\s*(?:/|[-–]\s*\d|(?:after|before|or|from|of|following|upon|since|days?)\b))",
    re.IGNORECASE,
)
_UNREAD: Final = re.compile(
    rf"(?:{_DUE}|\bnet\s?\d+|\bdeadline\b|\bin\s+(?:{_COUNT})\s+(?:\w+\s+)?(?:day|week|month)s?\b)"
    r"[^,;\n\x00]*?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$|\s+and\s)",
    re.IGNORECASE,
)


class _NoDay(Exception):  # noqa: N818 - said to whoever wrote it, and no error
    """These words are no day, or more than one; the message says what would be."""


@dataclass(frozen=True, slots=True)
class _Meant:
    day: date
    note: str = ""


def read_due(sentence: Sentence, today: date) -> date | None:
    """The day it is due, if the sentence says one; what is unsure is asked."""
    found: list[tuple[date, tuple[int, int]]] = []
    while match := DUE.search(sentence.free):
        span = match.span()
        words = {
            name.removeprefix("b_"): value for name, value in match.groupdict().items() if value
        }
        try:
            meant = _meant(words, today)
            if meant.day < today:
                raise _NoDay(f"{meant.day.isoformat()} has passed. When is it due?")
            found.append((meant.day, span))
            if meant.note:
                sentence.ask("due_at", meant.note, span)
        except _NoDay as problem:
            sentence.ask("due_at", str(problem), span)
        sentence.take(*span)
    while match := _UNREAD.search(sentence.free):
        question = "When is it due? Say it like “due in 30 days” or “due 2027-03-31”."
        sentence.ask("due_at", question, match.span())
        sentence.take(*match.span())
    if len({day for day, _ in found}) > 1:
        choices = [{"value": day.isoformat()} for day, _ in found]
        sentence.ask("due_at", "Which of these days is it due?", found[1][1], choices=choices)
        return None
    for day, span in found[:1]:
        sentence.understand("due_at", day.isoformat(), span)
        return day
    return None


def _meant(words: dict[str, str], today: date) -> _Meant:
    """The day that the words mean, where today is this day. Raises _NoDay."""
    if "count" in words:
        return _Meant(_later(today, words["count"].lower(), words["unit"].lower()))
    if "net" in words:
        return _Meant(today + timedelta(days=int(words["net"])))
    for name, read in _READERS.items():
        if name in words:
            return read(words, today)
    raise _NoDay("When is it due?")


def _later(today: date, count: str, unit: str) -> date:
    number = int(count) if count.isdigit() else _COUNTS[count]
    if unit in {"day", "week"}:
        return today + timedelta(days=number * (7 if unit == "week" else 1))
    if number > 1200:
        raise _NoDay("That is too far away. When is it due?")
    # The same day so many months on; the month's last day where it has fewer.
    later: date = today + Duration(months=number * (12 if unit == "year" else 1))
    return later


def _iso(words: dict[str, str], today: date) -> _Meant:
    try:
        return _Meant(date.fromisoformat(words["iso"]))
    except ValueError:
        raise _NoDay(f"There is no day {words['iso']}. When is it due?") from None


def _named(day: str, month: str, year: str) -> Callable[[dict[str, str], date], _Meant]:
    def read(words: dict[str, str], today: date) -> _Meant:
        number, of = int(words[day]), _MONTHS[words[month].lower()]
        given = words.get(year)
        meant = _the(number, of, int(given) if given else today.year)
        if given or meant >= today:
            return _Meant(meant)
        meant = _the(number, of, today.year + 1)
        return _Meant(
            meant, f"This day has passed, so {meant.isoformat()} was taken. Name the year."
        )

    return read


def _the(day: int, month: int, year: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        name = _EN.months["format"]["wide"][month]
        raise _NoDay(f"There is no {name} {day}, {year}. When is it due?") from None


def _end_of_named(words: dict[str, str], today: date) -> _Meant:
    month, given = _MONTHS[words["m3"].lower()], words.get("y3")
    year = int(given) if given else today.year + (month < today.month)
    if year < 1:
        raise _NoDay("When is it due?")
    return _Meant(date(year, month, monthrange(year, month)[1]))


def _end_of(words: dict[str, str], today: date) -> _Meant:
    said, month, year = words["end"].lower(), today.month, today.year
    if "year" in said:
        month = 12
    elif "quarter" in said:
        month = (month + 2) // 3 * 3
    elif "next" in said:
        month, year = month % 12 + 1, year + month // 12
    return _Meant(date(year, month, monthrange(year, month)[1]))


def _weekday(words: dict[str, str], today: date) -> _Meant:
    ahead = (_DAYS[words["weekday"].lower()] - today.weekday()) % 7
    meant = today + timedelta(days=ahead or 7)
    is_in_this_week = meant.isocalendar()[:2] == today.isocalendar()[:2]
    if words.get("which", "").lower() != "next" or not is_in_this_week:
        return _Meant(meant)
    after = meant + timedelta(days=7)
    return _Meant(
        meant,
        f"The first one from today, {meant.isoformat()}, was taken. "
        f"Write {after.isoformat()} if you mean the week after.",
    )


def _word(words: dict[str, str], today: date) -> _Meant:
    return _Meant(today + timedelta(days=1) if words["word"].lower() == "tomorrow" else today)


def _day_of_month(words: dict[str, str], today: date) -> _Meant:
    number = int(words["d4"])
    if not 1 <= number <= 28 and not (
        number <= 31 and number <= monthrange(today.year, today.month)[1]
    ):
        raise _NoDay("Of which month? Name it, as in “due March 31”.")
    meant = today.replace(day=number)
    if meant < today:
        meant = meant.replace(year=today.year + today.month // 12, month=today.month % 12 + 1)
    return _Meant(meant)


def _slashed(words: dict[str, str], today: date) -> _Meant:
    raise _NoDay(
        f"{words['slashed']} is read differently in different countries. "
        "Name the month, or write it like 2027-03-31."
    )


_READERS: Final[dict[str, Callable[[dict[str, str], date], _Meant]]] = {
    "iso": _iso,
    "d1": _named("d1", "m1", "y1"),
    "d2": _named("d2", "m2", "y2"),
    "m3": _end_of_named,
    "end": _end_of,
    "weekday": _weekday,
    "word": _word,
    "d4": _day_of_month,
    "slashed": _slashed,
}
