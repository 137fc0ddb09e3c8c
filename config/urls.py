"""The map of every address Billhook answers."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

from config import docs, health

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("v1/openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("v1/", include("invoicing.api.urls")),
    path("v1/", include("payments.api.urls")),
    path("v1/", include("checkout.api.urls")),
    path("docs", docs.reference, name="docs"),
    path("dashboard/", include("checkout.dashboard.urls")),
    path("dashboard/", include("payments.dashboard.urls")),
    path("dashboard/", include("invoicing.dashboard.urls")),
    path("sandbox/", include("payments.sandbox.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("checkout.pages.urls")),
]
