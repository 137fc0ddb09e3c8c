"""How often one may ask: per key, or per address where no key is needed, and headers that say so.

Headers follow draft-ietf-httpapi-ratelimit-headers-11. Counts live in the cache, so that every
process counts together.
"""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import ErrorDetail, Throttled
from rest_framework.request import Request

from invoicing import clock


def client_address(request: HttpRequest | Request) -> str:
    """The caller's address, believing as many proxies as this instance has and no more."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.TRUSTED_PROXIES
    forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not proxies or not forwarded:
        return address
    hops = [hop.strip() for hop in forwarded.split(",")]
    return hops[-min(proxies, len(hops))]


def count(request: HttpRequest | Request, scope: str, who: str) -> dict[str, str]:
    """Count this request against its scope's limit and return the headers that tell.

    Raises Throttled when the window is used up. Scopes without a limit are not counted.
    """
    limit = settings.RATE_LIMITS.get(scope)
    if limit is None:
        return {}
    allowed, window = limit
    second = int(clock.wall().timestamp())
    start = second - second % window
    key = f"rate:{scope}:{who}:{start}"
    cache.add(key, 0, timeout=window + 1)
    try:
        used = cache.incr(key)
    except ValueError:  # the window ended between the two calls
        used = 1
    reset = start + window - second
    headers = {
        "RateLimit-Policy": f'"{scope}";q={allowed};w={window}',
        "RateLimit": f'"{scope}";r={max(0, allowed - used)};t={reset}',
    }
    if used > allowed:
        raise Refused(headers, reset)
    return headers


class Refused(Throttled):
    """Too many requests; carries the headers that say when there will be more."""

    def __init__(self, headers: dict[str, str], wait: int) -> None:
        super().__init__(wait)
        self.seconds = wait
        self.detail = ErrorDetail(f"Too many requests; there will be more in {wait} seconds.")
        self.headers: dict[str, Any] = headers
