"""Issuing a draft and sending it, in the caller's transaction and under the invoice's lock."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django_fsm import can_proceed

from invoicing import clock, documents, events, mail, numbering, reminding
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.models import Invoice, Message

# Whoever asks for the same mail again so soon asks twice by mistake.
ONE_MAIL_WITHIN: Final = timedelta(seconds=60)

# Filled by the rooms above when Django starts: what happens to an invoice the moment it is issued,
# before anybody is told what is due, such as the payer's credit being counted.
when_issued: list[Callable[[Invoice], None]] = []


def issue(invoice: Invoice) -> None:
    """Give a draft its number and snapshots; an invoice of nothing is paid at once.

    Locks the merchant's counter. Raises InvalidState once it is issued, ValidationFailed if its
    window to pay has passed.
    """
    require(invoice, "finalize", "finalized")
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
    for happening in when_issued:
        happening(invoice)
    reminding.begin(invoice)


def send(invoice: Invoice) -> Message | None:
    """Mail an issued invoice; without an address it is marked as sent all the same."""
    at = clock.now(invoice.merchant)
    invoice.sent_at = invoice.sent_at or at
    invoice.updated_at = at
    invoice.save(update_fields=["sent_at", "updated_at"])
    message = mail.queue_for_invoice(invoice, "invoice") if invoice.recipient_email else None
    # It may not have had an address before.
    reminding.reschedule(invoice)
    events.record("invoice.sent", invoice)
    return message


def is_being_mailed(invoice: Invoice) -> bool:
    """Whether the same mail was asked for a moment ago, and has gone out or still may."""
    last = invoice.messages.filter(kind="invoice").order_by("-pk").first()
    return (
        last is not None
        and last.to == invoice.recipient_email
        and last.status != "failed"
        and last.created_at > clock.wall() - ONE_MAIL_WITHIN
    )


def require(invoice: Invoice, transition: str, participle: str) -> None:
    """Raises InvalidState unless the invoice may make this transition now."""
    method: Any = getattr(invoice, transition)
    if not can_proceed(method):
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be {participle}.",
            details={"status": invoice.status},
        )
