"""What stands in the invoice editor when it opens: nothing much, or a draft as it was saved."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from invoicing import money
from invoicing.models import Invoice, LineItem, Merchant


def initial_of(merchant: Merchant, invoice: Invoice | None) -> dict[str, Any]:
    if invoice is None:
        return {
            "recipient_type": "human",
            "tax_behavior": "exclusive",
            "discount_kind": "percent",
            "currency": "",
        }
    customer, rows = invoice.customer, list(invoice.lines.all())
    zone = ZoneInfo(merchant.timezone)
    kind, value = _discount(invoice.discount_percent, invoice.discount_amount, invoice.currency)

    def own(recipient: str, on_file: str) -> str:
        # What only repeats the customer follows the customer.
        return "" if customer and recipient == on_file else recipient

    def as_day(instant: datetime | None) -> str:
        return instant.astimezone(zone).date().isoformat() if instant else ""

    copied = ("title", "message", "memo", "notes", "purchase_order", "language", "currency")
    return {
        **{name: getattr(invoice, name) for name in copied},
        "customer_id": customer.public_id if customer else "",
        "recipient_name": own(invoice.recipient_name, customer.name if customer else ""),
        "recipient_email": own(invoice.recipient_email, customer.email if customer else ""),
        "recipient_type": invoice.recipient_type,
        "wallet_id": invoice.wallet.public_id if invoice.wallet else "",
        "allow_partial": invoice.allow_partial,
        "metadata_public": invoice.metadata_public,
        "tax_behavior": "inclusive"
        if rows and all(row.tax_inclusive for row in rows)
        else "exclusive",
        "discount_value": value,
        "discount_kind": kind,
        "due_at": as_day(invoice.due_at),
        "expires_at": as_day(invoice.expires_at),
    }


def initial_of_line(row: LineItem, currency: str, inclusive: bool) -> dict[str, Any]:
    kind, value = _discount(row.discount_percent, row.discount_amount, currency)
    behavior = "inclusive" if row.tax_inclusive else "exclusive"
    return {
        "description": row.description,
        "quantity": money.plain(row.quantity),
        "unit_price": money.plain(row.unit_price),
        "discount_value": value,
        "discount_kind": kind,
        "taxes": row.taxes,
        "tax_behavior": "" if row.tax_inclusive == inclusive else behavior,
    }


def _discount(percent: Decimal | None, amount: int | None, currency: str) -> tuple[str, str]:
    if amount is not None:
        return "amount", money.to_text(amount, currency)
    return "percent", "" if percent is None else money.plain(percent)
