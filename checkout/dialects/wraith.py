"""Wraith: the whole wire format."""

from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, path

from checkout.dialects.dialect import Dialect, DialectNothing, Refusal


class Wraith(Dialect):
    """How Wraith refuses."""

    system = "wraith"

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """In the native API's shape."""
        error = {"code": refusal.code, "message": refusal.message}
        return refusal.status, {"error": error}


class Nothing(Wraith, DialectNothing):
    """What this system does not have."""


urlpatterns: list[URLPattern | URLResolver] = [
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
