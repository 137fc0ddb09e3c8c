"""`/mcp`: the tools over streamable HTTP, for clients of either era of the protocol."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api import errors
from invoicing.api.endpoint import Endpoint
from invoicing.api.parser import loads
from invoicing.api.views import ApiView
from invoicing.errors import ValidationFailed

if TYPE_CHECKING:
    from mcp import types

    from checkout.bots.mcp_projection import Tool

_SERVER_ERROR: Final = -32000
_NO_BATCHES: Final = "Batches are not taken: send one JSON-RPC message in each request."
_KEPT: Final = ("content-type", "allow")


class Mcp(ApiView):
    """Everything is a POST of one message; there are no sessions and no streams."""

    # The protocol describes itself.
    schema = None  # type: ignore[assignment]

    def refuse_what_is_not_asked(self) -> None:
        """What is sent is the protocol's."""

    def count(self, scope: str, who: str) -> None:
        """A call of a tool is counted where it is answered, and any other message here."""
        if scope != "api":
            super().count(scope, who)

    @Endpoint("Speak MCP", has_keys=False)
    def post(self, request: Request) -> HttpResponse:
        """One message of the Model Context Protocol."""
        # The protocol's package takes a second to import, which few processes need.
        from checkout.bots.mcp_calls import call
        from checkout.bots.mcp_http import exchange
        from checkout.bots.mcp_server import tools_for

        body = request._request.read(self.max_bytes + 1)
        if len(body) > self.max_bytes:
            raise self.too_large()
        if body.lstrip().startswith(b"["):
            super().count("api", self.caller.key.prefix)
            raise ValidationFailed([("", _NO_BATCHES)])
        arguments = _arguments(body)
        if arguments is None:
            super().count("api", self.caller.key.prefix)
        told: dict[str, str] = {}

        def work(tool: "Tool", given: dict[str, Any]) -> "types.CallToolResult":
            # As they were written: the package reads numbers as floats.
            exact = given if arguments is None else arguments
            result, headers = call(self.caller, tool, exact, getattr(request, "request_id", ""))
            told.update(headers)
            return result

        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["host"] = request._request.get_host()
        said = exchange(body, headers, _origin(), tools_for(self.caller), work)
        if arguments is not None and not told:
            # It was refused before it came so far as to be counted.
            super().count("api", self.caller.key.prefix)
        response = HttpResponse(said.body, status=said.status)
        del response["Content-Type"]
        for name, value in said.headers.items():
            if name.lower() in _KEPT:
                response[name] = value
        for name in ("RateLimit", "RateLimit-Policy"):
            if name in told:
                response[name] = told[name]
        return response

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response]:
        """The native one, in JSON-RPC's words."""
        return _tell


def _tell(error: Exception, context: Mapping[str, Any]) -> Response:
    response = errors.handle(error, context)
    said = response.data["error"]
    response.data = {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": _SERVER_ERROR, "message": said["message"], "data": said},
    }
    return response


def _arguments(body: bytes) -> dict[str, Any] | None:
    """The arguments of a call of a known tool, no digit lost; None for every other message."""
    from checkout.bots.mcp_server import by_name

    with suppress(errors.InvalidJson, ValidationFailed):
        message = loads(body)
        params = message.get("params") if isinstance(message, dict) else None
        if (
            isinstance(params, dict)
            and message.get("method") == "tools/call"
            and isinstance(params.get("name"), str)
            and params["name"] in by_name()
        ):
            arguments = params.get("arguments") or {}
            return arguments if isinstance(arguments, dict) else None
    return None


def _origin() -> str:
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{parts.scheme}://{parts.netloc}"
