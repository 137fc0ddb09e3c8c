"""Declaring an invoice paid as often as anybody likes: it is marked once, and stays paid."""

from invoicing import money
from invoicing.errors import InvalidState
from invoicing.models import Invoice, Merchant
from payments import flows
from payments.inputs import MarkPaidInput


def settle(merchant: Merchant, reference: str, wanted: MarkPaidInput) -> Invoice:
    """Mark an invoice paid unless it is: of many who say so, one does it, and all hear it is.

    Raises what mark_paid raises, and InvalidState for a transaction that brought only a part.
    """
    rows = merchant.invoices.referred_to(reference)
    if not rows.filter(status="paid").exists():
        try:
            flows.mark_paid(merchant, reference, wanted)
        except InvalidState:
            # Somebody else was a moment sooner.
            if not rows.filter(status="paid").exists():
                raise
    invoice = rows.get()
    if invoice.status != "paid":
        due = money.to_text(invoice.amount_due, invoice.currency)
        raise InvalidState(
            f"The transaction brought only a part: {due} {invoice.currency} is still due.",
            details={"status": invoice.status},
        )
    return invoice
