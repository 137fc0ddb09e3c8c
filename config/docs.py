"""The API reference that people read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def reference(request: HttpRequest) -> HttpResponse:
    """Show the OpenAPI document in the viewer that drf-spectacular-sidecar ships."""
    return render(request, "docs.html")
