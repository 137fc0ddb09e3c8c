"""The verbs of an invoice's life: draft, change, delete, issue, send, view, void, write off.

Each locks the invoice first and the merchant's counter last.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Q
from django_fsm import can_proceed

from invoicing import clock, drafts, events, idempotency, issuing
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.inputs import InvoiceChanges, InvoiceInput
from invoicing.models import Invoice, LineItem, Merchant, Message


@action
def create_invoice(merchant: Merchant, wanted: InvoiceInput) -> Invoice:
    """Save a draft. Raises NotFound for another's customer or wallet, ValidationFailed."""
    invoice, lines = drafts.draft(merchant, wanted)
    drafts.keep(invoice, lines)
    return invoice


@action
def send_new_invoice(merchant: Merchant, wanted: InvoiceInput) -> Invoice:
    """Draft, issue and mail at once: all of it happens, or nothing. Raises what each raises."""
    invoice, lines = drafts.draft(merchant, wanted)
    drafts.keep(invoice, lines)
    issuing.issue(invoice)
    issuing.send(invoice)
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
    _as_seen(invoice, seen)
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
    """Remove a draft for good. Raises InvalidState once it is issued, saying what can be done."""
    invoice = _locked(merchant, reference)
    _only_drafts(invoice, "deleted", _INSTEAD_OF_DELETING)
    events.record("invoice.deleted", invoice)
    invoice.delete()


@action
def finalize_invoice(
    merchant: Merchant, reference: str, *, seen: datetime | None = None
) -> Invoice:
    """Issue a draft: it gets its number and snapshots, and asks for money from now on.

    `seen` is the `updated_at` of what the caller has read: Conflict if it has changed since.
    """
    invoice = _locked(merchant, reference)
    if invoice.status == "draft":
        _as_seen(invoice, seen)
    issuing.issue(invoice)
    return invoice


@action
def issue_invoice(merchant: Merchant, wanted: InvoiceInput) -> Invoice:
    """Draft and issue at once, for callers who know no drafts: both happen, or neither.

    Raises what either raises: NotFound for another's customer or wallet, ValidationFailed.
    """
    invoice, lines = drafts.draft(merchant, wanted)
    drafts.keep(invoice, lines)
    issuing.issue(invoice)
    return invoice


@action
def send_invoice(
    merchant: Merchant, reference: str, to: str | None = None, *, seen: datetime | None = None
) -> Invoice:
    """Mail the invoice with its PDF, issuing a draft first; sending again repeats the mail, but
    within a minute and to the same address it is taken for the same wish.

    Without an address it is still marked as sent, and says so: the link can be shared otherwise.
    `seen` is the `updated_at` of the draft that was read: Conflict if it has changed since.
    """
    invoice = _locked(merchant, reference)
    if invoice.status == "draft":
        _as_seen(invoice, seen)
        issuing.issue(invoice)
    if invoice.status not in {"open", "paying", "paid", "uncollectible"}:
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be sent.",
            details={"status": invoice.status},
        )
    if to:
        invoice.recipient_email = to
        invoice.save(update_fields=["recipient_email"])
    if not issuing.is_being_mailed(invoice):
        issuing.send(invoice)
    return invoice


@action
def send_draft(
    merchant: Merchant, reference: str, claimed_for: timedelta
) -> tuple[Invoice, Message | None]:
    """Issue a draft and queue its mail, claimed for a caller who tries it at once.

    Raises InvalidState for what is no draft. Without an address there is no mail.
    """
    invoice = _locked(merchant, reference)
    _only_drafts(invoice, "sent like this")
    issuing.issue(invoice)
    message = issuing.send(invoice)
    if message is not None:
        message.leased_until = clock.wall() + claimed_for
        message.save(update_fields=["leased_until"])
    idempotency.note(invoice.public_id)
    return invoice, message


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
    """Stop asking for this money; the number stays. Raises InvalidState with money in flight.

    Its late fees are voided with it, but for those that were paid or are being paid.
    """
    invoice = _locked(merchant, reference)
    issuing.require(invoice, "void", "voided")
    if invoice.amount_paid > invoice.amount_refunded:
        raise InvalidState(
            "Part of this invoice has been paid; refund it before voiding.",
            details={"status": invoice.status},
        )
    if invoice.credit_notes.exists():
        raise InvalidState(
            "Part of this invoice has been credited; credit the rest instead of voiding.",
            details={"status": invoice.status},
        )
    at = clock.now(merchant)
    rows = [invoice]
    if invoice.reminders_sent:
        asking = Q(status__in=["open", "uncollectible"], amount_paid=0, amount_credited=0)
        rows += invoice.late_fees.locked().filter(asking).order_by("pk")
    for row in rows:
        row.void(at)
        row.updated_at = at
        row.save()
        events.record("invoice.voided", row)
    return invoice


@action
def write_off_invoice(merchant: Merchant, reference: str) -> Invoice:
    """Give up expecting this money; it may still be paid late."""
    invoice = _locked(merchant, reference)
    issuing.require(invoice, "write_off", "marked uncollectible")
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


def _locked(merchant: Merchant, reference: str) -> Invoice:
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    return invoice


def _as_seen(invoice: Invoice, seen: datetime | None) -> None:
    """Refuse to go on with a draft that is no longer the one that was looked at."""
    if seen is not None and seen != invoice.updated_at:
        raise Conflict(
            "Somebody else has changed this draft since you opened it; open it again to see how."
        )


_INSTEAD_OF_DELETING = {
    "open": "Void it instead.",
    "uncollectible": "Void it instead.",
    "paying": "Wait until it is known what became of the payment on its way.",
    "paid": "It stays as the record of what was paid; a refund or a credit note corrects it.",
    "void": "It stays so that no number is missing, and asks for nothing.",
    "expired": "It stays so that no number is missing, and asks for nothing.",
}


def _only_drafts(
    invoice: Invoice, participle: str, instead: Mapping[str, str] | None = None
) -> None:
    if invoice.status != "draft":
        advice = (instead or {}).get(invoice.status, "")
        raise InvalidState(
            f"This invoice is {invoice.status}; only a draft can be {participle}. {advice}".strip(),
            details={"status": invoice.status},
        )
