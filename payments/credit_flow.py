"""Crediting in steps: the note commits, then the providers are asked to send back what it gives."""

from invoicing import idempotency
from invoicing.failpoints import failpoint
from invoicing.models import CreditNote, Merchant
from payments import flows
from payments.actions import credit_notes
from payments.inputs import CreditNoteInput
from payments.models import Payment


def credit(merchant: Merchant, reference: str, wanted: CreditNoteInput) -> CreditNote:
    """Issue a credit note, and ask the providers to send back what had been paid of it."""
    begun = idempotency.noted()
    note = merchant.credit_notes.filter(public_id=begun).first() if begun else None
    note = note or credit_notes.issue_credit_note(merchant, reference, wanted)
    failpoint("credit:after_issue")
    carry_out(note)
    return note


def carry_out(note: CreditNote) -> None:
    """Send its refunds, and close pages that still ask for what was due before."""
    for row in note.refunds.order_by("pk").only("pk"):
        flows.send_back(row.pk)
    if note.off_due:
        for waiting in Payment.objects.filter(invoice=note.invoice_id, status="pending").only("pk"):
            flows.cancel(waiting.pk)
