"""What stands on a credit note."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from invoicing.documents import (
    INK,
    InvoiceDocument,
    Line,
    Party,
    TaxLine,
    day_of,
    language_of,
    logo_of,
)
from invoicing.models import CreditNote


def document_of(note: CreditNote) -> InvoiceDocument:
    """A credit note as a document: all of it is frozen in the note."""
    invoice, seller, buyer = note.invoice, note.seller_snapshot, note.buyer_snapshot
    rates = {line.public_id: line.taxes for line in invoice.lines.all()}
    return InvoiceDocument(
        kind="credit_note",
        number=note.number,
        issued_on=day_of(note.issued_at, ZoneInfo(seller.get("timezone") or "UTC")),
        currency=note.currency,
        language=language_of(invoice),
        paper=seller.get("paper") or "A4",
        seller=Party.of(seller),
        buyer=Party.of(buyer),
        purchase_order=invoice.purchase_order,
        lines=tuple(
            Line(
                description=line["description"],
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                discount=line["discount"],
                tax_rates=tuple(Decimal(tax["rate"]) for tax in rates.get(line["line_id"], ())),
                amount=line["amount"],
            )
            for line in note.lines
        ),
        subtotal=note.subtotal,
        discount=note.discount,
        taxes=tuple(TaxLine(**{**tax, "rate": Decimal(tax["rate"])}) for tax in note.taxes),
        total=note.total,
        amount_due=0,
        memo=note.memo,
        footer=seller.get("footer", ""),
        logo=logo_of(invoice, seller.get("logo", "")),
        brand_color=seller.get("brand_color", INK),
        invoice_number=invoice.number or "",
        reason=note.reason,
        off_due=note.off_due,
        given_back=note.to_give_back,
    )
