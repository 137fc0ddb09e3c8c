"""The map of every address Billhook answers."""

from django.contrib import admin
from django.urls import include, path

from checkout.api.mcp import Mcp
from checkout.dialects import SYSTEMS, addresses_of
from config import docs, health

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("v1/openapi.json", docs.openapi, name="openapi"),
    # The upper room first: "invoices/charge" is a verb, not an invoice of that name.
    path("v1/", include("payments.api.urls")),
    path("v1/", include("invoicing.api.urls")),
    path("v1/", include("checkout.api.urls")),
    path("mcp", Mcp.as_view(), name="mcp"),
    path("mcp/", Mcp.as_view()),
    *(path(f"compat/{system}/", include(addresses_of(system))) for system in SYSTEMS),
    path("docs", docs.show, name="docs"),
    path("dashboard/", include("checkout.dashboard.urls")),
    path("webhooks/", include("payments.webhooks.urls")),
    path("sandbox/", include("payments.sandbox.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("checkout.pages.urls")),
]
