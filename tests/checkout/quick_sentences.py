"""How a reading of a sentence is told in one line, for tables of what is understood."""

from datetime import datetime

from checkout.bots.quick_invoice import Reading, understand
from invoicing import money
from invoicing.errors import ValidationFailed
from invoicing.models import Merchant


def told(merchant: Merchant, message: str) -> str:
    """Who · lines = total · due · sent · beside · what is asked; or why it is refused."""
    try:
        reading = understand(merchant, message, sees_customers=True)
    except ValidationFailed as refusal:
        [(field, why)] = refusal.fields
        assert field == "message"
        return f"✗ {why}"
    for part in (*reading.understood, *reading.questions):
        assert part.text is None or message[part.start : part.end] == part.text
    return " · ".join(filter(None, _parts(reading))).strip()


def _parts(reading: Reading) -> list[str]:
    invoice = reading.invoice
    who = f"[{invoice.customer.name}]" if invoice.customer else invoice.recipient_name
    lines = ", ".join(
        f"{money.plain(line.quantity)} × {line.description} @ {money.plain(line.unit_price)}"
        for line in reading.lines
    )
    due, taxes = reading.wanted.due_at, reading.wanted.own_taxes() or []
    assert not isinstance(due, datetime)
    included = "incl." if reading.wanted.tax_behavior == "inclusive" else "plus"
    discount = reading.wanted.discount
    return [
        f"{who} <{invoice.recipient_email}>",
        f"{lines} = {invoice.currency} {money.to_text(invoice.total, invoice.currency)}",
        f"due {due}" if due else "",
        *(f"{included} {money.plain(tax.rate)}% {tax.name}" for tax in taxes),
        f"off {money.plain(discount.percent or discount.amount)}" if discount else "",
        f"memo {invoice.memo}" if invoice.memo else "",
        f"PO {invoice.purchase_order}" if invoice.purchase_order else "",
        "SEND" if reading.may_be_sent else "",
        " ".join(f"?{question.about}" for question in reading.questions),
    ]
