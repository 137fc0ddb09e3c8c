"""What an endpoint says of itself: once, for the door, the documentation and the tests."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

H = TypeVar("H", bound=Callable[..., Any])
METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one address, said above its handler: `@Endpoint("List invoices", needs=…)`.

    `needs` is the permission it takes, None where any key will do. `answers` is the shape of its
    body, or of each row where it is a `page`. `refuses` are the statuses it may answer besides
    those that every endpoint has, `also` those that are no errors, with the shapes of their
    bodies. `takes` are headers that mean something here. `has_keys` is whether an Idempotency-Key
    does. `tool` is what bots call it where that is not its summary, and `stands_for` the tools that
    another system's endpoint does the work of.
    """

    summary: str
    needs: str | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    page: bool = False
    status: int = 200
    refuses: tuple[int, ...] = ()
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    has_keys: bool = True
    media_type: str = "application/json"
    example: Mapping[str, Any] = field(default_factory=dict)
    tool: str = ""
    stands_for: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """All that a bot must be allowed to use before it may use this."""
        return self.stands_for or (self.name,)

    @property
    def name(self) -> str:
        """What bots call it, as a rule its summary without articles: `refund_invoice`."""
        if self.tool:
            return self.tool
        words = re.findall(r"[a-z0-9]+", self.summary.lower().replace("'s ", " "))
        return "_".join(word for word in words if word not in {"a", "an", "the"})

    def __call__(self, handler: H) -> H:
        handler.endpoint = self  # type: ignore[attr-defined]
        return handler


def endpoints_of(view: type) -> dict[str, Endpoint]:
    """What a view answers to, by method. Raises TypeError for a handler that says nothing."""
    found = {}
    for method in METHODS:
        handler = getattr(view, method, None)
        if handler is not None:
            said = getattr(handler, "endpoint", None)
            if said is None:
                raise TypeError(f"{view.__name__}.{method} does not say what it is")
            found[method] = said
    return found
