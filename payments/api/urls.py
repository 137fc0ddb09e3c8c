"""Addresses of the payments room's API."""

from django.urls import URLPattern, URLResolver, path

from invoicing.api import paths
from payments.api import (
    charges,
    credit_notes,
    deposits,
    disputes,
    invoices,
    methods,
    payments,
    payouts,
    recurring,
    refunds,
    sandbox,
    wallets,
)

__all__ = ["paths", "urlpatterns"]

urlpatterns: list[URLPattern | URLResolver] = [
    path("invoices/charge", charges.Charges.as_view()),
    path("invoices/<invoice:reference>/charge", charges.InvoiceCharge.as_view()),
    path("invoices/<invoice:reference>/refund", refunds.InvoiceRefund.as_view()),
    path("invoices/<invoice:reference>/refunds", refunds.InvoiceRefunds.as_view()),
    path("invoices/<invoice:reference>/checkout", invoices.InvoiceCheckout.as_view()),
    path("invoices/<invoice:reference>/mark_paid", invoices.MarkPaid.as_view()),
    path("invoices/<invoice:reference>/payments", invoices.InvoicePayments.as_view()),
    path("invoices/<invoice:reference>/credit_notes", credit_notes.InvoiceCreditNotes.as_view()),
    path("credit_notes", credit_notes.CreditNotes.as_view()),
    path("credit_notes/preview", credit_notes.CreditNotePreviews.as_view()),
    path("credit_notes/<id:credit_note_id>", credit_notes.CreditNoteDetail.as_view()),
    path("credit_notes/<id:credit_note_id>/pdf", credit_notes.CreditNotePdf.as_view()),
    path("payments", payments.Payments.as_view()),
    path("payments/<id:payment_id>", payments.PaymentDetail.as_view()),
    path("payments/<id:payment_id>/refund_overpayment", refunds.PaymentOverpayment.as_view()),
    path("refunds", refunds.Refunds.as_view()),
    path("refunds/<id:refund_id>", refunds.RefundDetail.as_view()),
    path("customers/<id:customer_id>/credit", methods.CustomerCredit.as_view()),
    path("customers/<id:customer_id>/payment_methods", methods.CustomerMethods.as_view()),
    path(
        "customers/<id:customer_id>/payment_methods/<id:method_id>", methods.MethodDetail.as_view()
    ),
    path(
        "customers/<id:customer_id>/payment_methods/<id:method_id>/default",
        methods.MethodDefault.as_view(),
    ),
    path("payment_method_setups/<id:setup_id>", methods.SetupDetail.as_view()),
    path("disputes", disputes.Disputes.as_view()),
    path("disputes/<id:dispute_id>", disputes.DisputeDetail.as_view()),
    path("disputes/<id:dispute_id>/files", disputes.DisputeFiles.as_view()),
    path("disputes/<id:dispute_id>/files/<id:field>", disputes.DisputeFileDetail.as_view()),
    path("disputes/<id:dispute_id>/submit", disputes.DisputeSubmit.as_view()),
    path("disputes/<id:dispute_id>/concede", disputes.DisputeConcede.as_view()),
    path("deposits", deposits.Deposits.as_view()),
    path("deposits/<id:deposit_id>", deposits.DepositDetail.as_view()),
    path("deposits/<id:deposit_id>/match", deposits.DepositMatching.as_view()),
    path("deposits/<id:deposit_id>/credit", deposits.DepositCrediting.as_view()),
    path("deposits/<id:deposit_id>/refund", deposits.DepositRefund.as_view()),
    path("payouts", payouts.Payouts.as_view()),
    path("payouts/<id:payout_id>", payouts.PayoutDetail.as_view()),
    path("recurring_charges", recurring.RecurringCharges.as_view()),
    path("recurring_charges/<id:recurring_id>", recurring.RecurringDetail.as_view()),
    path("recurring_charges/<id:recurring_id>/pause", recurring.RecurringPause.as_view()),
    path("recurring_charges/<id:recurring_id>/resume", recurring.RecurringResume.as_view()),
    path("recurring_charges/<id:recurring_id>/cancel", recurring.RecurringCancel.as_view()),
    path("recurring_charges/<id:recurring_id>/periods", recurring.RecurringPeriods.as_view()),
    path("recurring_charges/<id:recurring_id>/upcoming", recurring.RecurringUpcoming.as_view()),
    path("dunning_policy", recurring.Policy.as_view()),
    path("wallets", wallets.Wallets.as_view()),
    path("wallets/<id:wallet_id>", wallets.WalletDetail.as_view()),
    path("wallets/<id:wallet_id>/entries", wallets.WalletEntries.as_view()),
    path("sandbox/clock", sandbox.SandboxClock.as_view()),
    path("sandbox/payments", sandbox.SandboxPayments.as_view()),
    path("sandbox/payment_methods/<id:method_id>", sandbox.SandboxMethods.as_view()),
]
