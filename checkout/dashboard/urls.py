"""Addresses of checkout's dashboard, and of the whole dashboard: one namespace, three rooms."""

from django.urls import URLPattern, URLResolver, path

from checkout.dashboard import home, portal, quick
from invoicing.dashboard.urls import urlpatterns as of_invoicing
from payments.dashboard.urls import urlpatterns as of_payments

app_name = "dashboard"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("quick-invoice/", quick.create, name="quick_invoice"),
    path("quick-invoice/<str:reference>/", quick.show, name="quick_invoice_read"),
    path("settings/portal/", portal.edit, name="settings_portal"),
    *of_payments,
    *of_invoicing,
]
