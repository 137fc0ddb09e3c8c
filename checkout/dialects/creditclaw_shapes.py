"""CreditClaw: how its objects look, with amounts as numbers of dollars."""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from checkout.models import CheckoutPage
from checkout.page_representations import rail_of
from invoicing import money
from invoicing.models import Invoice, LineItem, Message
from invoicing.representations import instant, public_url

USD: Final = "USD"


def status_of(row: Invoice) -> str:
    """An invoice's status in its words."""
    if row.status in {"open", "paying"}:
        return "viewed" if row.viewed_at else "sent"
    return row.status if row.status in {"draft", "paid"} else "cancelled"


def reference_of(row: Invoice) -> str:
    """The invoice's number; a draft, which has none yet, is referred to by its id."""
    return row.number or row.public_id


def payment_url(row: Invoice) -> str:
    """Where it is paid. The reference alone opens nothing: the key does."""
    if row.checkout_page is None:
        return public_url(f"/i/{row.slug}")
    query = urlencode({"ref": reference_of(row), "key": row.slug})
    return f"/pay/{row.checkout_page.public_id}?{query}"


def usd(amount: int) -> Decimal:
    """Cents as a number of dollars."""
    return money.to_decimal(amount, USD)


def line_item(line: LineItem) -> dict[str, Any]:
    """One line; in the answer its prices are in camel case."""
    return {
        "description": line.description,
        "quantity": line.quantity,
        "unitPriceUsd": line.unit_price,
        "amountUsd": usd(line.amount),
    }


def created(row: Invoice) -> dict[str, Any]:
    """An invoice as creating it answers."""
    return {
        "invoice_id": row.public_id,
        "reference_number": reference_of(row),
        "checkout_page_id": row.checkout_page.public_id if row.checkout_page else None,
        "status": status_of(row),
        "recipient_name": row.recipient_name or None,
        "recipient_email": row.recipient_email or None,
        "line_items": [line_item(line) for line in row.lines.all()],
        "subtotal_usd": usd(row.subtotal - row.discount),
        "tax_usd": usd(row.total - row.subtotal + row.discount),
        "total_usd": usd(row.total),
        "payment_url": payment_url(row),
        "due_date": instant(row.due_at),
        "created_at": instant(row.created_at),
    }


def listed(row: Invoice) -> dict[str, Any]:
    """An invoice as a list shows it."""
    seller = row.seller_snapshot or {"name": row.merchant.name, "email": row.merchant.email}
    return {
        **created(row),
        "sender_name": seller.get("name") or None,
        "sender_email": seller.get("email") or None,
        "notes": row.notes or None,
        "sale_id": row.public_id if row.status == "paid" and row.checkout_page else None,
        "sent_at": instant(row.sent_at),
        "viewed_at": instant(row.viewed_at),
        "paid_at": instant(row.paid_at),
        "updated_at": instant(row.updated_at),
    }


def sent(row: Invoice, mail: Message | None) -> dict[str, Any]:
    """What sending answers, and the truth about the mail."""
    out = mail is not None and mail.status == Message.Status.SENT
    reason = "email_error" if mail else "no_recipient_email"
    return {
        "invoice_id": row.public_id,
        "reference_number": reference_of(row),
        "status": status_of(row),
        "sent_at": instant(row.sent_at),
        "payment_url": payment_url(row),
        "email_sent": out,
        "email_reason": None if out else reason,
    }


def checkout_page(row: CheckoutPage) -> dict[str, Any]:
    """A checkout page."""
    return {
        "checkout_page_id": row.public_id,
        "title": row.title,
        "description": row.description or None,
        "amount_usd": None if row.amount is None else usd(row.amount),
        "checkout_url": f"/pay/{row.public_id}",
        "status": "active" if row.active else "paused",
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def sale(row: Invoice) -> dict[str, Any]:
    """A sale: the paid invoice, whose id it has."""
    return {
        "sale_id": row.public_id,
        "checkout_page_id": row.checkout_page.public_id if row.checkout_page else None,
        "invoice_id": row.public_id,
        "reference_number": row.number,
        "status": "completed",
        "amount_usd": usd(row.amount_paid),
        "refunded_usd": usd(row.amount_refunded),
        "payment_method": rail_of(row),
        "buyer_name": row.recipient_name or None,
        "buyer_email": row.recipient_email or None,
        "buyer_type": row.recipient_type,
        "paid_at": instant(row.paid_at),
        "created_at": instant(row.created_at),
    }
