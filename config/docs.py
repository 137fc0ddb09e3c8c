"""The API reference that people read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def reference(request: HttpRequest) -> HttpResponse:
    """Show the OpenAPI document through the viewer shipped with drf-spectacular-sidecar."""
    return render(request, "docs.html")
