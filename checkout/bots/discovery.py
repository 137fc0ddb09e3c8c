"""How a bot that knows nothing but this host learns what it can do here."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from checkout.bots.one_url import X402
from invoicing.representations import public_url

_ANYBODY: Final = {"Access-Control-Allow-Origin": "*"}


@require_safe
@cache_control(public=True, max_age=300)
def llms(request: HttpRequest) -> HttpResponse:
    """What a language model should read first (llmstxt.org)."""
    context = {"url": settings.PUBLIC_URL, "x402": X402}
    answer = render(request, "bots/llms.txt", context, "text/plain; charset=utf-8")
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


@require_safe
@cache_control(public=True, max_age=300)
def api_catalog(request: HttpRequest) -> HttpResponse:
    """Where the APIs of this host are, and what describes them (RFC 9727, as a linkset of
    RFC 9264)."""
    described = {
        "service-desc": [{"href": public_url("/v1/openapi.json"), "type": "application/json"}],
        "service-doc": [{"href": public_url("/docs"), "type": "text/html"}],
        "describedby": [{"href": public_url("/llms.txt"), "type": "text/plain"}],
        "status": [{"href": public_url("/readyz"), "type": "application/json"}],
    }
    catalog = {
        "linkset": [
            {
                "anchor": public_url("/.well-known/api-catalog"),
                "item": [{"href": public_url("/v1")}, {"href": public_url("/mcp")}],
            },
            {"anchor": public_url("/v1"), **described},
            {"anchor": public_url("/mcp"), "describedby": described["describedby"]},
        ]
    }
    kind = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
    return JsonResponse(catalog, content_type=kind, headers=_ANYBODY)
