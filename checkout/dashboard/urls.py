"""Addresses of checkout's dashboard, and of the whole dashboard: one namespace, three rooms."""

from django.urls import URLPattern, URLResolver, path

from checkout.dashboard import home, pages, portal, quick
from invoicing.dashboard.urls import urlpatterns as of_invoicing
from payments.dashboard.urls import urlpatterns as of_payments

app_name = "dashboard"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("quick-invoice/", quick.create, name="quick_invoice"),
    path("quick-invoice/<str:reference>/", quick.show, name="quick_invoice_read"),
    path("settings/portal/", portal.edit, name="settings_portal"),
    path("checkout_pages/", pages.index, name="checkout_pages"),
    path("checkout_pages/new/", pages.create, name="checkout_page_new"),
    path("checkout_pages/origins/", pages.origins, name="checkout_page_origins"),
    path("checkout_pages/brand.css", pages.colors, name="checkout_page_colors"),
    path("checkout_pages/<str:public_id>/", pages.show, name="checkout_page"),
    path("checkout_pages/<str:public_id>/edit/", pages.edit, name="checkout_page_edit"),
    path("checkout_pages/<str:public_id>/active/", pages.activate, name="checkout_page_active"),
    path("checkout_pages/<str:public_id>/archive/", pages.archive, name="checkout_page_archive"),
    *of_payments,
    *of_invoicing,
]
