"""Headers and context that every request has, whichever door it came through."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from invoicing import ids

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), usb=(), payment=(self), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)

Next = Callable[[HttpRequest], HttpResponse]


class RequestId:
    """Name each request, so that a reply, its log lines and a complaint can be put together."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take the caller's `X-Request-Id` if it is sane, else make one; send it back."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else ids.public_id("req")
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class PermissionsPolicy:
    """Refuse the browser features that no page here uses."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the header unless a view chose its own."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response
