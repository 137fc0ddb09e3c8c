"""What a recipe promises: its blocks in order, and whether an answer looks as it is shown.

A block is marked by a comment before it: `run` is a piece of shell, `answer` the JSON that the
piece before prints, `prints` its lines, `tool` a call by MCP, `from` words of a program.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

LANGUAGES: Final = {
    "run": "sh",
    "answer": "json",
    "prints": "text",
    "tool": "json",
    "from": "python",
}
_BLOCK: Final = re.compile(r"(?:<!-- (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ID: Final = re.compile(r"([a-z]+_)[0-9a-f]{24}")
# Shown to be understood, so they must be right and not only alike.
_EXACT: Final = re.compile(r"[a-z_]+|[0-9.]+|[A-Z]{3}")


@dataclass(frozen=True)
class Block:
    """One block: what it is, what is said of it, and its text."""

    kind: str
    said: list[str]
    text: str


def blocks(page: str) -> list[Block]:
    """All blocks of a page. Raises AssertionError at one that is not marked, or not as it is."""
    found = []
    for mark, language, text in _BLOCK.findall(page):
        kind, *said = mark.split()
        assert LANGUAGES.get(kind) == language, f"{mark!r} before ```{language}"
        found.append(Block(kind, said, text))
    return found


def unlike(shown: Any, answered: Any, where: str = "$") -> str:
    """Where an answer differs from what a page shows of it; nothing where it does not.

    An answer may have more fields, and longer lists.
    """
    if type(shown) is not type(answered):
        return f"{where}: {answered!r} where {shown!r} is shown"
    if isinstance(shown, dict):
        pairs = [(f"{where}.{name}", shown[name], answered.get(name, ...)) for name in shown]
    elif isinstance(shown, list):
        if len(answered) < len(shown):
            return f"{where}: {len(answered)} where {len(shown)} are shown"
        pairs = [(f"{where}[{at}]", one, answered[at]) for at, one in enumerate(shown)]
    else:
        return "" if _alike(shown, answered) else f"{where}: {answered!r} where {shown!r} is shown"
    return next((found for place, *two in pairs if (found := unlike(*two, place))), "")


def _alike(shown: Any, answered: Any) -> bool:
    if not isinstance(shown, str) or shown == "…":
        return isinstance(shown, str) or shown == answered
    if found := _ID.fullmatch(shown):
        return _ID.fullmatch(answered) is not None and answered.startswith(found[1])
    return shown == answered if _EXACT.fullmatch(shown) else bool(answered)


def printed(shown: str, lines: str) -> bool:
    """Whether these lines were printed; … stands for anything within a line."""
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    return re.fullmatch(pattern, lines.strip()) is not None
