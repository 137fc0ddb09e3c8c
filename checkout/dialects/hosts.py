"""Hosts that speak another system's dialect, and nothing else, from their root."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port

from checkout.dialects import addresses_of


class DialectHosts:
    """Answer a host named in COMPAT_HOSTS with its system's addresses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Choose the addresses by the host's name."""
        host, _ = split_domain_port(request.get_host())
        if system := settings.COMPAT_HOSTS.get(host):
            request.path_inside = f"/compat/{system}{request.path}"  # type: ignore[attr-defined]
            request.urlconf = addresses_of(system)
        return self.get_response(request)
