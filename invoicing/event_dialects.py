"""Events in the words of other systems, for endpoints that ask for them.

What is told is made of an event's stored body and of nothing else, so that it says what was true
then, however late it is delivered.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from invoicing.event_types import TYPES


@dataclass(frozen=True, slots=True)
class EventDialect:
    """One system's events: which of our types it knows, and what it calls each.

    `tell` makes its body, given its name for the event and our body.
    """

    names: Mapping[str, str]
    tell: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


# Filled by the rooms above when Django starts: system → how it tells of events.
registered: dict[str, EventDialect] = {}


def knows(dialect: str, event_type: str) -> bool:
    """Whether a dialect can tell of such an event; "" is our own, which can tell of all."""
    return not dialect or (dialect in registered and event_type in registered[dialect].names)


def types_of(dialect: str) -> list[str]:
    """The types of our own that a dialect can tell of."""
    return [name for name in TYPES if knows(dialect, name)]


def body_of(dialect: str, event_type: str, body: str) -> str:
    """What is delivered of an event, as text. Raises KeyError for one the dialect cannot tell."""
    if not dialect:
        return body
    words = registered[dialect]
    told = words.tell(words.names[event_type], json.loads(body))
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
