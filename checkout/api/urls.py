"""Addresses of the checkout room's API, and what is said where there is none."""

from django.urls import URLPattern, URLResolver, path

from checkout.api import checkout_pages, portal, public, quick_invoices, sales, x402
from invoicing.api import paths
from invoicing.api.views import NothingHere

__all__ = ["paths", "urlpatterns"]

SLUG = "invoices/pay/<payer_slug:slug>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("checkout_pages", checkout_pages.CheckoutPages.as_view()),
    path("checkout_pages/<id:page_id>", checkout_pages.CheckoutPageDetail.as_view()),
    path("portal", portal.Portal.as_view()),
    path("checkout_settings", checkout_pages.CheckoutSettings.as_view()),
    path("sales", sales.Sales.as_view()),
    path("sales/totals", sales.SalesTotals.as_view()),
    path(SLUG, public.PublicInvoice.as_view()),
    path(f"{SLUG}/checkout", public.PublicCheckout.as_view()),
    path(f"{SLUG}/x402", x402.PublicX402.as_view()),
    path(f"{SLUG}/usdc", public.PublicUsdc.as_view()),
    path(f"{SLUG}/claim", public.PublicClaim.as_view()),
    path("quick_invoices", quick_invoices.QuickInvoices.as_view()),
    # This room's addresses are the last below /v1.
    path("", NothingHere.as_view()),
    path("<anything:unknown>", NothingHere.as_view()),
]
