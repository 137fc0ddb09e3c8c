"""The API's documentation, for machines and for people."""

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from config import reference
from invoicing.api.openapi import complete
from invoicing.event_types import TYPES
from invoicing.permissions import FOR_BOTS, PERMISSIONS
from payments.sandbox.cards import CARDS, SAVED_CARDS


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of this instance; made once, for it never changes."""
    with _making:
        return _made()


@cache
def _made() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    return complete(generator().get_schema(public=True))


# Two that are made at once take each other's parts: the views' inspectors are shared.
_making = Lock()


@cache
def sections() -> list[reference.Section]:
    """The same, cut into what people read."""
    return reference.sections(document())


@require_safe
@cache_control(public=True, max_age=300)
def openapi(request: HttpRequest) -> HttpResponse:
    """The document itself. Tools on other sites may read it too."""
    return JsonResponse(document(), headers={"Access-Control-Allow-Origin": "*"})


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The reference to read, with what one should know before."""
    permissions = [(name, text) for name, text in PERMISSIONS.items() if name in FOR_BOTS]
    return render(
        request,
        "docs.html",
        {
            "sections": sections(),
            "permissions": permissions,
            "event_types": TYPES.items(),
            "cards": (*CARDS, *SAVED_CARDS),
            "limits": settings.RATE_LIMITS,
        },
    )
