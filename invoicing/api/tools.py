"""What bots can be allowed to use: every endpoint that takes a key, by its name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from invoicing.api.holding import ALWAYS, NEVER
from invoicing.api.views import ApiView


@dataclass(frozen=True, slots=True)
class Tool:
    """An endpoint as a bot calls it, and where the documentation lists it."""

    name: str
    summary: str
    tag: str
    changes: bool


@cache
def allowable() -> dict[str, Tool]:
    """What a leash may name, by name: not what every bot may, nor what none on a leash may."""
    found = {}
    for view in _views(get_resolver(settings.ROOT_URLCONF).url_patterns):
        for method, said in view.endpoints.items():
            if said.name not in ALWAYS and said.needs != NEVER:
                found[said.name] = Tool(said.name, said.summary, view.tag, method != "get")
    return found


def names() -> frozenset[str]:
    """All that a leash may name."""
    return frozenset(allowable()) | ALWAYS


def _views(patterns: Iterable[Any]) -> Iterator[type[ApiView]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if not str(pattern.pattern).startswith("compat/"):
                yield from _views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None) or getattr(
                pattern.callback, "cls", None
            )
            # What no documentation lists is no tool: a protocol, or what is not there.
            if isinstance(view, type) and issubclass(view, ApiView) and view.tag:
                yield view
