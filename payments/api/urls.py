"""Addresses of the payments room's API."""

from django.urls import URLPattern, URLResolver, path

from invoicing.api import paths
from payments.api import invoices, payments, sandbox, wallets

__all__ = ["paths", "urlpatterns"]

urlpatterns: list[URLPattern | URLResolver] = [
    path("invoices/<invoice:reference>/checkout", invoices.InvoiceCheckout.as_view()),
    path("invoices/<invoice:reference>/mark_paid", invoices.MarkPaid.as_view()),
    path("invoices/<invoice:reference>/payments", invoices.InvoicePayments.as_view()),
    path("payments", payments.Payments.as_view()),
    path("payments/<id:payment_id>", payments.PaymentDetail.as_view()),
    path("wallets", wallets.Wallets.as_view()),
    path("wallets/<id:wallet_id>", wallets.WalletDetail.as_view()),
    path("wallets/<id:wallet_id>/entries", wallets.WalletEntries.as_view()),
    path("sandbox/clock", sandbox.SandboxClock.as_view()),
    path("sandbox/payments", sandbox.SandboxPayments.as_view()),
]
