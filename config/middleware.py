"""Headers and context that every request has, whichever door it came through."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from invoicing import ids

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), usb=(), payment=(self), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
# Merchants and bots are spoken to in English alone; half of a page in another language, from the
# words that it shares with payers' pages, would help nobody.
IN_ENGLISH = ("/accounts/", "/compat/", "/dashboard/", "/docs", "/mailbox/", "/mcp", "/v1/")

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


class Language(LocaleMiddleware):
    """Speak the browser's language, where pages are written in more than one."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose it for as long as the request lasts."""
        if request.path_info.startswith(IN_ENGLISH):
            translation.activate("en")
            request.LANGUAGE_CODE = "en"
        else:
            super().process_request(request)
