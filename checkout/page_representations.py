"""How checkout pages and their sales look to the merchant's own bots."""

from typing import Any

from checkout import portal
from checkout.models import CheckoutPage, PortalSettings
from invoicing import money
from invoicing.models import Invoice
from invoicing.representations import instant, public_url


def checkout_page(row: CheckoutPage) -> dict[str, Any]:
    """A checkout page; what it takes is `merchant` and `wallet`."""
    amount = None if row.amount is None else money.to_text(row.amount, row.currency)
    return {
        "id": row.public_id,
        "object": "checkout_page",
        "livemode": row.merchant.livemode,
        "merchant_id": row.merchant.public_id,
        "title": row.title,
        "description": row.description,
        "item_description": row.item_description,
        "currency": row.currency,
        "amount": amount,
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "active": row.active,
        "url": public_url(f"/pay/{row.public_id}"),
        "archived_at": instant(row.archived_at),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def sale(row: Invoice) -> dict[str, Any]:
    """A paid invoice, seen from its checkout page; its id is the invoice's."""
    assert row.checkout_page  # noqa: S101 - without one it is no sale
    return {
        "id": row.public_id,
        "object": "sale",
        "livemode": row.merchant.livemode,
        "checkout_page_id": row.checkout_page.public_id,
        "invoice_number": row.number,
        "currency": row.currency,
        "amount": money.to_text(row.amount_paid, row.currency),
        "amount_refunded": money.to_text(row.amount_refunded, row.currency),
        "rail": rail_of(row),
        "payer": {
            "name": row.recipient_name,
            "email": row.recipient_email,
            "type": row.recipient_type,
        },
        "paid_at": instant(row.paid_at),
        "created_at": instant(row.created_at),
    }


def rail_of(row: Invoice) -> str | None:
    """How the last money for an invoice came; None where none did. Takes `payments`."""
    came = [payment for payment in row.payments.all() if payment.status == "succeeded"]
    return max(came, key=lambda payment: payment.pk).rail if came else None


def portal_settings(row: PortalSettings) -> dict[str, Any]:
    """A merchant's portal as JSON."""
    return {
        "object": "portal_settings",
        "livemode": row.merchant.livemode,
        "merchant_id": row.merchant.public_id,
        "url": portal.address_of(row.merchant),
        "pause_recurring": row.pause_recurring,
        "cancel_recurring": row.cancel_recurring,
    }
