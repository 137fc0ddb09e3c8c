"""Addresses of payments's dashboard."""

from django.urls import URLPattern, URLResolver, path

from payments.dashboard import (
    credit_notes,
    disputes,
    methods,
    payments,
    payouts,
    refunds,
    rehearsal,
    unmatched,
    wallets,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("invoices/<str:reference>/mark-paid/", payments.mark_paid, name="invoice_mark_paid"),
    path("payments/", payments.index, name="payments"),
    path("payments/<str:public_id>/", payments.show, name="payment"),
    path("payments/<str:public_id>/look/", payments.look_again, name="payment_look"),
    path("payments/<str:public_id>/refund/", refunds.of_payment, name="payment_refund"),
    path(
        "payments/<str:public_id>/overpayment/", refunds.of_overpayment, name="payment_overpayment"
    ),
    path("invoices/<str:reference>/refund/", refunds.of_invoice, name="invoice_refund"),
    path("refunds/", refunds.index, name="refunds"),
    path("refunds/<str:public_id>/", refunds.show, name="refund"),
    path("refunds/<str:public_id>/look/", refunds.look_again, name="refund_look"),
    path("invoices/<str:reference>/credit/", credit_notes.issue, name="invoice_credit"),
    path("credit-notes/", credit_notes.index, name="credit_notes"),
    path("credit-notes/<str:public_id>/", credit_notes.show, name="credit_note"),
    path("credit-notes/<str:public_id>/pdf/", credit_notes.pdf, name="credit_note_pdf"),
    path("disputes/", disputes.index, name="disputes"),
    path("disputes/<str:public_id>/", disputes.show, name="dispute"),
    path("disputes/<str:public_id>/evidence/", disputes.evidence, name="dispute_evidence"),
    path("disputes/<str:public_id>/files/", disputes.attach, name="dispute_attach"),
    path("disputes/<str:public_id>/files/remove/", disputes.remove, name="dispute_remove"),
    path("disputes/<str:public_id>/submit/", disputes.submit, name="dispute_submit"),
    path("disputes/<str:public_id>/concede/", disputes.concede, name="dispute_concede"),
    path("unmatched/", unmatched.index, name="unmatched"),
    path("unmatched/<str:public_id>/", unmatched.show, name="deposit"),
    path("unmatched/<str:public_id>/match/", unmatched.match, name="deposit_match"),
    path("unmatched/<str:public_id>/credit/", unmatched.credit, name="deposit_credit"),
    path("unmatched/<str:public_id>/return/", unmatched.give_back, name="deposit_return"),
    path("payouts/", payouts.index, name="payouts"),
    path("payouts/<str:public_id>/", payouts.show, name="payout"),
    path("customers/<str:public_id>/methods/ask/", methods.ask, name="customer_ask"),
    path("customers/<str:public_id>/methods/default/", methods.choose, name="customer_default"),
    path("customers/<str:public_id>/methods/remove/", methods.forget, name="customer_forget"),
    path("customers/<str:public_id>/methods/plan/", rehearsal.plan, name="customer_plan"),
    path("customers/<str:public_id>/charge/", methods.charge, name="customer_charge"),
    path("wallets/", wallets.index, name="wallets"),
    path("wallets/new/", wallets.create, name="wallet_new"),
    path("wallets/<str:public_id>/", wallets.show, name="wallet"),
    path("wallets/<str:public_id>/edit/", wallets.edit, name="wallet_edit"),
]
