"""How checkout pages and their sales look to the merchant's own bots."""

from typing import Any

from checkout import portal
from checkout.models import CheckoutItem, CheckoutPage, CheckoutSettings, PortalSettings
from invoicing import money
from invoicing.models import Invoice, Merchant
from invoicing.representations import instant, public_url


def checkout_page(row: CheckoutPage) -> dict[str, Any]:
    """A checkout page; what it takes is `merchant`, `wallet` and `items`."""

    def text(amount: int | None) -> str | None:
        return None if amount is None else money.to_text(amount, row.currency)

    chosen = None
    if row.amount_least is not None:
        chosen = {
            "least": text(row.amount_least),
            "most": text(row.amount_most),
            "suggested": [text(amount) for amount in row.suggested_amounts],
        }
    return {
        "id": row.public_id,
        "object": "checkout_page",
        "livemode": row.merchant.livemode,
        "merchant_id": row.merchant.public_id,
        "title": row.title,
        "description": row.description,
        "item_description": row.item_description,
        "currency": row.currency,
        "amount": text(row.amount),
        "payer_amount": chosen,
        "items": [_item(item, row.currency) for item in row.on_sale],
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "active": row.active,
        "max_uses": row.max_uses,
        "expires_at": instant(row.expires_at),
        "custom_fields": row.custom_fields,
        "success_url": row.success_url,
        "cancel_url": row.cancel_url,
        "rails": row.rails,
        "embed_origins": row.embed_origins,
        "url": public_url(f"/pay/{row.public_id}"),
        "archived_at": instant(row.archived_at),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def _item(row: CheckoutItem, currency: str) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "name": row.name,
        "description": row.description,
        "unit_price": money.to_text(row.unit_price, currency),
        "tax_rate": None if row.tax_rate is None else money.plain(row.tax_rate),
        "max_per_order": row.max_per_order,
        "stock": row.stock,
    }


def checkout_settings(merchant: Merchant, row: CheckoutSettings | None) -> dict[str, Any]:
    """What holds for all checkout pages of a merchant."""
    return {
        "object": "checkout_settings",
        "livemode": merchant.livemode,
        "return_origins": row.return_origins if row else [],
    }


def total(row: dict[str, Any]) -> dict[str, Any]:
    """How many sales and how much, of one row of totals."""
    currency = row["currency"]
    return {
        "currency": currency,
        "sales": row["count"],
        "amount": money.to_text(row["paid"], currency),
        "amount_refunded": money.to_text(row["refunded"], currency),
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
        "custom_fields": row.custom_fields,
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
