"""A sentence while it is read: what has been understood of it, and what still stands there.

Text that a rule has understood is blanked out, so that no two rules read the same words; text in
quotation marks and e-mail addresses stand there as signs, so that no rule reads inside of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from invoicing.errors import ValidationFailed

TAKEN, QUOTED, ADDRESS = "\x00", "\x01", "\x02"
_QUOTES: Final = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»")
_SEPARATORS: Final = " \t\n,;:.-–—!?"


@dataclass(frozen=True, slots=True)
class Understood:
    """One thing that was understood: its plain value, and the words it came from, if any."""

    what: str
    value: Any
    text: str | None = None
    start: int | None = None
    end: int | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that matters and was not understood surely: the words, and what to ask.

    `holds_back` is whether an invoice with it must not be sent unseen.
    """

    about: str
    question: str
    text: str | None = None
    start: int | None = None
    end: int | None = None
    choices: list[dict[str, str]] = field(default_factory=list)
    holds_back: bool = True


def cannot(why: str) -> ValidationFailed:
    """What is raised for a message from which no invoice can be made surely."""
    return ValidationFailed([("message", why)])


class Sentence:
    """The text, what of it no rule has taken yet, and what the others have made of theirs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.free = _QUOTES.sub(_as_signs, text)
        self.understood: list[Understood] = []
        self.questions: list[Question] = []
        self.doubts: list[Question] = []

    def take(self, start: int, end: int) -> None:
        """Let no other rule read these characters."""
        self.free = self.free[:start] + TAKEN * (end - start) + self.free[end:]

    def hide(self, start: int, end: int) -> None:
        """Show an address as a sign."""
        self.free = self.free[:start] + ADDRESS * (end - start) + self.free[end:]

    def understand(
        self, what: str, value: Any, span: tuple[int, int] | None = None, because: str = ""
    ) -> None:
        """Note what was understood, from these characters or from none."""
        if span is None:
            self.understood.append(Understood(what, value, because=because))
            return
        start, end = self.trimmed(*span)
        text = self.text[start:end]
        self.understood.append(Understood(what, value, text, start, end, because))

    def ask(
        self,
        about: str,
        question: str,
        span: tuple[int, int] | None = None,
        *,
        choices: list[dict[str, str]] | None = None,
        holds_back: bool = True,
    ) -> None:
        """Note what was not understood surely."""
        start, end = self.trimmed(*span) if span else (None, None)
        text = self.text[start:end] if span else None
        asked = Question(about, question, text, start, end, choices or [], holds_back)
        self.questions.append(asked)

    def doubt(self, about: str, question: str, span: tuple[int, int] | None = None) -> None:
        """Note what is good enough for a draft, and asked where the invoice is to be sent."""
        self.ask(about, question, span)
        self.doubts.append(self.questions.pop())

    def where(self, what: str) -> tuple[int, int] | None:
        """The words from which something was understood."""
        for part in self.understood:
            if part.what == what and part.start is not None and part.end is not None:
                return part.start, part.end
        return None

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """A span without the blanks and separators at its ends."""
        while end > start and self.text[end - 1] in " \t\n,;":
            end -= 1
        while start < end and self.text[start] in " \t\n,;:–—":
            start += 1
        return start, end

    def left_of(self, start: int, end: int) -> tuple[int, int]:
        """A span without what other rules have taken at its ends."""
        blank = f" \t\n,;:.–—{TAKEN}{ADDRESS}"
        while end > start and self.free[end - 1] in blank:
            end -= 1
        while start < end and self.free[start] in blank:
            start += 1
        return start, end

    def words(self, start: int, end: int) -> str:
        """What stands there and was not taken, in one line, without quotation marks."""
        left = "".join(
            char if sign not in (TAKEN, ADDRESS) else " "
            for char, sign in zip(self.text[start:end], self.free[start:end], strict=True)
        )
        left = re.sub(r"\s*([,;.])(?:\s*[,;.])+(?=\s|$)", r"\1", re.sub(r"\s+", " ", left))
        left = re.sub(r"<\s*>|\(\s*\)", " ", re.sub(r"\s+([,;])", r"\1", left))
        left = re.sub(r"\s+", " ", left).strip(_SEPARATORS)
        return left[1:-1] if _QUOTES.fullmatch(left) else left


def _as_signs(match: re.Match[str]) -> str:
    found = match.group(0)
    return found[0] + QUOTED * (len(found) - 2) + found[-1]


def every(pattern: re.Pattern[str], sentence: Sentence) -> Iterator[re.Match[str]]:
    """Each place that a pattern finds in what is free; what is taken on the way is not found."""
    position = 0
    while match := pattern.search(sentence.free, position):
        yield match
        position = max(match.end(), match.start() + 1)
