"""The verb of credit notes: take back some of what an issued invoice asked for.

It locks the invoice, its payments, the counter of credit notes, and the ledger's accounts last.
"""

from invoicing import credit_notes, events, idempotency, mail
from invoicing.actions.action import action
from invoicing.errors import NotFound
from invoicing.models import CreditNote, Merchant
from payments import giving_back, refunding
from payments.inputs import CreditNoteInput


@action
def issue_credit_note(merchant: Merchant, reference: str, wanted: CreditNoteInput) -> CreditNote:
    """Issue a credit note: it lowers what is still due, and promises the rest back to the payer.

    Raises NotFound, InvalidState for an invoice that cannot be credited now, ValidationFailed for
    more than is left of it.
    """
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    list(invoice.payments.select_for_update(of=("self",)).order_by("pk"))
    note = giving_back.draft(invoice, wanted)
    back = giving_back.to_refund(note)
    credit_notes.issue(note)
    if back:
        refunding.promise_refunds(invoice, giving_back.refund_of(wanted), back, credit_note=note)
    events.record("credit_note.created", note)
    if invoice.recipient_email and wanted.send is not False:
        mail.queue_for_credit_note(note)
    idempotency.note(note.public_id)
    return note
