"""Asking the API from inside the process: what a tool asks for, and what a person let a bot do.

The very views that answer over HTTP answer here, so that permissions, limits, keys for repeats
and refusals are the same and stand once.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve
from django.utils import translation

from invoicing import ids
from invoicing.api.authentication import Caller
from invoicing.api.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Answer:
    """What the view answered: the body read from its JSON, bytes where it is none."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_replay(self) -> bool:
        """Whether it was kept from an earlier request with the same key."""
        return "Idempotent-Replayed" in self.headers

    @property
    def text(self) -> str:
        """The body as JSON; null where it is none, as of an answer that has no body."""
        return written(None if isinstance(self.body, bytes) else self.body)


def ask(
    caller: Caller,
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, Any] | None = None,
    *,
    idempotency_key: str = "",
    request_id: str = "",
) -> Answer:
    """Ask what stands at this path (`/v1/…`, not quoted) as if the caller had shown their key.

    Never inside a transaction: what is asked for commits its own. Raises Resolver404 for a path
    outside every address.
    """
    request = _request(method, path, body, query or {})
    request.caller_inside = caller  # type: ignore[attr-defined]
    request.request_id = request_id or ids.public_id("req")  # type: ignore[attr-defined]
    if idempotency_key:
        request.META["HTTP_IDEMPOTENCY_KEY"] = idempotency_key
    found = resolve(path, settings.ROOT_URLCONF)
    with translation.override("en"):
        response = found.func(request, *found.args, **found.kwargs)
        if callable(getattr(response, "render", None)):
            response = response.render()
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    content = b"" if response.streaming else response.content
    return Answer(
        response.status_code,
        json.loads(content) if is_json and content else content,
        dict(response.headers),
    )


def endpoint_at(method: str, path: str) -> tuple[str, Endpoint | None]:
    """What answers at this path: its address as documented, and what it says of the method."""
    try:
        found = resolve(path, settings.ROOT_URLCONF)
    except Resolver404:
        return "", None
    address = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", found.route)
    endpoints = getattr(getattr(found.func, "view_class", None), "endpoints", {})
    return address, endpoints.get(method.lower())


def _request(method: str, path: str, body: Any, query: Mapping[str, Any]) -> WSGIRequest:
    content = b"" if body is None else written(body).encode()
    return WSGIRequest(
        {
            "REQUEST_METHOD": method,
            # The gateway's rule: bytes, each written as one character.
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": urlencode(query),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "SERVER_NAME": "inside",
            "SERVER_PORT": "80",
            "wsgi.input": BytesIO(content),
            "wsgi.url_scheme": "https" if settings.HTTPS else "http",
        }
    )


def written(value: Any) -> str:
    """The value as JSON, Decimals digit by digit."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(k))}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(written, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)
