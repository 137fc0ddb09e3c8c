"""Addresses of payments's dashboard."""

from django.urls import URLPattern, URLResolver, path

from payments.dashboard import payments, wallets

urlpatterns: list[URLPattern | URLResolver] = [
    path("invoices/<str:reference>/mark-paid/", payments.mark_paid, name="invoice_mark_paid"),
    path("payments/", payments.index, name="payments"),
    path("payments/<str:public_id>/", payments.show, name="payment"),
    path("payments/<str:public_id>/look/", payments.look_again, name="payment_look"),
    path("wallets/", wallets.index, name="wallets"),
    path("wallets/new/", wallets.create, name="wallet_new"),
    path("wallets/<str:public_id>/", wallets.show, name="wallet"),
    path("wallets/<str:public_id>/edit/", wallets.edit, name="wallet_edit"),
]
