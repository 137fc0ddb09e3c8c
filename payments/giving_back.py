"""What a credit note gives back: the note as it would be issued now, and the refunds it needs.

Nothing here writes; issuing calls it under the locks of the invoice and its payments.
"""

from invoicing import credit_notes
from invoicing.credit_notes import WantedLine
from invoicing.errors import InvalidState
from invoicing.models import CreditNote, Invoice
from payments.inputs import CreditNoteInput, RefundInput, in_minor_units
from payments.models import DISPUTES_OPEN, IN_FLIGHT


def draft(invoice: Invoice, wanted: CreditNoteInput) -> CreditNote:
    """The note as it would be issued now; nothing is saved. Raises as issuing does."""
    _undisturbed(invoice)
    return credit_notes.draft(
        invoice,
        in_minor_units(wanted.amount, invoice.currency),
        [WantedLine(line.id, line.quantity) for line in wanted.line_items or ()],
        wanted.reason,
        wanted.memo,
    )


def to_refund(note: CreditNote) -> int:
    """What a drafted note sends back, in minor units: what no refund has given back before."""
    earlier = sum(row.to_give_back for row in note.invoice.credit_notes.all())
    missing = earlier + note.to_give_back - note.invoice.amount_refunded
    return max(min(missing, note.to_give_back), 0)


def given_before(note: CreditNote) -> int:
    """How much of what a note takes back of money paid was given back without it, in minor units.

    It does not go back again.
    """
    own = sum(row.amount for row in note.refunds.all()) if note.pk else to_refund(note)
    return note.to_give_back - own


def _undisturbed(invoice: Invoice) -> None:
    """Raises InvalidState while it is not settled how much of the invoice has been paid."""
    details = {"status": invoice.status}
    if invoice.payments.filter(status__in=IN_FLIGHT).exists():
        raise InvalidState(
            "A payment for this invoice is on its way, so it cannot be credited; wait until it is "
            "known what became of it.",
            details=details,
        )
    if invoice.disputes.filter(status__in=DISPUTES_OPEN).exists():
        raise InvalidState(
            "The payer's bank disputes a payment of this invoice, so it cannot be credited before "
            "the dispute is closed.",
            details=details,
        )


def refund_of(wanted: CreditNoteInput) -> RefundInput:
    """The refund that a note asks for."""
    known = {"requested_by_customer", "duplicate", "fraudulent"}
    return RefundInput.model_validate(
        {
            "reason": wanted.reason if wanted.reason in known else "other",
            "destination": wanted.destination,
            "wallet_id": wanted.wallet_id,
        }
    )
