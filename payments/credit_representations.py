"""How a credit note looks as JSON."""

from typing import Any

from invoicing import money
from invoicing.models import CreditNote
from invoicing.representations import instant
from payments.giving_back import given_before
from payments.representations import refund


def credit_note(row: CreditNote) -> dict[str, Any]:
    """A credit note: what it takes back, and what became of that. A preview has no number yet."""

    def text(amount: int) -> str:
        return money.to_text(amount, row.currency)

    return {
        "id": row.public_id if row.pk else None,
        "object": "credit_note",
        "number": row.number or None,
        "livemode": row.merchant.livemode,
        "invoice_id": row.invoice.public_id,
        "invoice_number": row.invoice.number,
        "reason": row.reason,
        "memo": row.memo,
        "currency": row.currency,
        "line_items": [
            {
                **line,
                "discount": text(line["discount"]),
                "amount": text(line["amount"]),
            }
            for line in row.lines
        ],
        "subtotal": text(row.subtotal),
        "discount": text(row.discount),
        "tax": text(row.tax),
        "taxes": [
            {**tax, "base": text(tax["base"]), "amount": text(tax["amount"])} for tax in row.taxes
        ],
        "total": text(row.total),
        "off_due": text(row.off_due),
        "to_give_back": text(row.to_give_back),
        "given_back_before": text(given_before(row)),
        "refunds": [refund(one) for one in row.refunds.all()] if row.pk else [],
        "issued_at": instant(row.issued_at),
    }
