"""The verbs of an invoice's life: draft, change, delete, finalize, send, view, void, write off.

Each locks the invoice first and the merchant's counter last.
"""

from datetime import datetime, timedelta
from typing import Any

from django_fsm import can_proceed

from invoicing import clock, documents, drafts, events, mail, numbering
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.inputs import InvoiceChanges, InvoiceInput
from invoicing.models import Invoice, LineItem, Merchant


@action
def create_invoice(merchant: Merchant, wanted: InvoiceInput) -> Invoice:
    """Save a draft. Raises NotFound for another's customer or wallet, ValidationFailed."""
    invoice, lines = drafts.draft(merchant, wanted)
    invoice.save(force_insert=True)
    LineItem.objects.bulk_create(lines)
    invoice.begin_with(lines)
    events.record("invoice.created", invoice)
    return invoice


@action
def update_invoice(
    merchant: Merchant, reference: str, changes: InvoiceChanges, *, seen: datetime | None = None
) -> Invoice:
    """Change a draft; only what is named changes. Raises InvalidState once it is issued.

    `seen` is the `updated_at` of the draft that the changes were made to: Conflict if somebody
    else has changed it since.
    """
    invoice = _locked(merchant, reference)
    _only_drafts(invoice, "changed")
    if seen is not None and seen != invoice.updated_at:
        raise Conflict(
            "Somebody else has changed this draft since you opened it; open it again to see how."
        )
    wanted = drafts.merged(invoice, changes)
    lines = drafts.fill(invoice, wanted)
    invoice.updated_at = clock.now(merchant)
    invoice.save()
    invoice.lines.all().delete()
    LineItem.objects.bulk_create(lines)
    events.record("invoice.updated", invoice)
    return invoice


@action
def delete_invoice(merchant: Merchant, reference: str) -> None:
    """Remove a draft for good. Raises InvalidState once it is issued: void it instead."""
    invoice = _locked(merchant, reference)
    _only_drafts(invoice, "deleted; void it instead")
    events.record("invoice.deleted", invoice)
    invoice.delete()


@action
def finalize_invoice(merchant: Merchant, reference: str) -> Invoice:
    """Issue a draft: it gets its number and snapshots, and asks for money from now on."""
    invoice = _locked(merchant, reference)
    _issue(invoice)
    return invoice


@action
def send_invoice(merchant: Merchant, reference: str, to: str | None = None) -> Invoice:
    """Mail the invoice with its PDF, issuing a draft first; sending again repeats the mail.

    Without an address it is still marked as sent, and says so: the link can be shared otherwise.
    """
    invoice = _locked(merchant, reference)
    if invoice.status == "draft":
        _issue(invoice)
    if invoice.status not in {"open", "paying", "paid", "uncollectible"}:
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be sent.",
            details={"status": invoice.status},
        )
    if to:
        invoice.recipient_email = to
    at = clock.now(merchant)
    invoice.sent_at = invoice.sent_at or at
    invoice.updated_at = at
    invoice.save(update_fields=["sent_at", "recipient_email", "updated_at"])
    if invoice.recipient_email:
        mail.queue_for_invoice(invoice, "invoice")
    events.record("invoice.sent", invoice)
    return invoice


@action
def record_view(invoice_pk: int) -> bool:
    """Note that the payer has opened the invoice; only the first time is told."""
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if invoice.viewed_at or invoice.status == "draft":
        return False
    invoice.viewed_at = clock.now(invoice.merchant)
    invoice.save(update_fields=["viewed_at"])
    events.record("invoice.viewed", invoice)
    return True


@action
def void_invoice(merchant: Merchant, reference: str) -> Invoice:
    """Stop asking for this money; the number stays. Raises InvalidState with money in flight."""
    invoice = _locked(merchant, reference)
    _require(invoice, "void", "voided")
    if invoice.amount_paid > invoice.amount_refunded:
        raise InvalidState(
            "Part of this invoice has been paid; refund it before voiding.",
            details={"status": invoice.status},
        )
    at = clock.now(merchant)
    invoice.void(at)
    invoice.updated_at = at
    invoice.save()
    events.record("invoice.voided", invoice)
    return invoice


@action
def write_off_invoice(merchant: Merchant, reference: str) -> Invoice:
    """Give up expecting this money; it may still be paid late."""
    invoice = _locked(merchant, reference)
    _require(invoice, "write_off", "marked uncollectible")
    invoice.write_off()
    invoice.updated_at = clock.now(merchant)
    invoice.save()
    events.record("invoice.uncollectible", invoice)
    return invoice


@action
def expire_invoice(invoice_pk: int) -> bool:
    """Close the payment window if it has passed and nothing is in flight."""
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    at = clock.now(invoice.merchant)
    if not can_proceed(invoice.expire) or not invoice.expires_at or invoice.expires_at > at:
        return False
    invoice.expire()
    invoice.updated_at = at
    invoice.save()
    events.record("invoice.expired", invoice)
    return True


@action
def mark_overdue(invoice_pk: int) -> bool:
    """Note that the due date has passed, once."""
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    at = clock.now(invoice.merchant)
    if invoice.overdue_at or invoice.status != "open" or not invoice.due_at or invoice.due_at > at:
        return False
    invoice.overdue_at = at
    invoice.save(update_fields=["overdue_at"])
    events.record("invoice.overdue", invoice)
    return True


def _issue(invoice: Invoice) -> None:
    """Finalize within the caller's transaction; an invoice of nothing is paid at once."""
    _require(invoice, "finalize", "finalized")
    merchant = invoice.merchant
    at = clock.now(merchant)
    if invoice.expires_at and invoice.expires_at <= at:
        raise ValidationFailed([("expires_at", "has passed; change it before finalizing")])
    invoice.due_at = invoice.due_at or at + timedelta(days=merchant.due_days)
    invoice.seller_snapshot = documents.snapshot_of_seller(merchant)
    invoice.buyer_snapshot = documents.snapshot_of_buyer(invoice)
    invoice.updated_at = at
    number, value = numbering.next_number(merchant)
    invoice.finalize(number, value, at)
    invoice.save()
    events.record("invoice.finalized", invoice)
    if invoice.total == 0:
        invoice.settle(at)
        invoice.save()
        events.record("invoice.paid", invoice)


def _locked(merchant: Merchant, reference: str) -> Invoice:
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    return invoice


def _only_drafts(invoice: Invoice, verb: str) -> None:
    if invoice.status != "draft":
        raise InvalidState(
            f"This invoice is {invoice.status}; only a draft can be {verb}."
            if ";" not in verb
            else f"This invoice is {invoice.status} and cannot be {verb}.",
            details={"status": invoice.status},
        )


def _require(invoice: Invoice, transition: str, participle: str) -> None:
    method: Any = getattr(invoice, transition)
    if not can_proceed(method):
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be {participle}.",
            details={"status": invoice.status},
        )
