"""How an invoice and a payment look to a payer, who has shown nothing but the slug.

Every field is named here: nothing of the merchant's own reaches a payer by being added elsewhere.
"""

from typing import Any, Final

from django.db.models import Q

from checkout.bots.agent_protocol import agent_protocol
from invoicing import money
from invoicing.models import Invoice, LineItem
from invoicing.representations import instant, public_url
from payments.models import Payment, Transfer
from payments.offered import rails_of, usdc_chains
from payments.quoting import USDC
from payments.usdc_representations import chain_key, network_of, transaction_url

MOST_DEPOSITS: Final = 20


def invoice(row: Invoice) -> dict[str, Any]:
    """An issued invoice: what its document says, and where paying it stands."""

    def text(amount: int) -> str:
        return money.to_text(amount, row.currency)

    seller, buyer = row.seller_snapshot, row.buyer_snapshot
    return {
        "id": row.public_id,
        "number": row.number,
        "object": "invoice",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "seller": {name: seller.get(name) or "" for name in ("name", "email", "website")},
        "recipient": {"name": buyer.get("name") or "", "type": row.recipient_type},
        "currency": row.currency,
        "line_items": [_line(line, row.currency) for line in row.lines.all()],
        "subtotal": text(row.subtotal),
        "discount": text(row.discount),
        "tax": text(row.tax),
        "taxes": [
            {**tax, "base": text(tax["base"]), "amount": text(tax["amount"])} for tax in row.taxes
        ],
        "total": text(row.total),
        "amount_paid": text(row.amount_paid),
        "amount_credited": text(row.amount_credited),
        "amount_refunded": text(row.amount_refunded),
        "amount_due": text(row.amount_due),
        "allow_partial": row.allow_partial,
        "title": row.title,
        "message": row.message,
        "memo": row.memo,
        "notes": row.notes,
        "purchase_order": row.purchase_order,
        "issued_at": instant(row.finalized_at),
        "due_at": instant(row.due_at),
        "overdue": row.is_overdue,
        "expires_at": instant(row.expires_at),
        "paid_at": instant(row.paid_at),
        "payment_url": public_url(f"/i/{row.slug}"),
        "pdf_url": public_url(f"/i/{row.slug}/pdf"),
        "slug": row.slug,
        "rails": rails_of(row) if row.status == "open" else [],
        "usdc_chains": [network.key for network in usdc_chains(row)],
        "metadata": row.metadata if row.metadata_public else None,
        "custom_fields": row.custom_fields,
        "agent_protocol": agent_protocol(row),
    }


def _line(line: LineItem, currency: str) -> dict[str, Any]:
    return {
        "description": line.description,
        "quantity": money.plain(line.quantity),
        "unit_price": money.plain(line.unit_price),
        "discount_amount": money.to_text(line.discount, currency),
        "taxes": line.taxes,
        "tax_behavior": "inclusive" if line.tax_inclusive else "exclusive",
        "amount": money.to_text(line.amount, currency),
    }


def usdc_deposits(row: Invoice) -> dict[str, Any]:
    """What was seen of what a payer has sent, and what is still due."""
    seen = Transfer.objects.filter(
        Q(payment__invoice=row) | Q(payment=None, address__invoice=row)
    ).order_by("-pk")
    return {
        "object": "usdc_deposits",
        "invoice_status": row.status,
        "amount_due": money.to_text(row.amount_due, row.currency),
        "currency": row.currency,
        "deposits": [_usdc_deposit(one) for one in seen[:MOST_DEPOSITS]],
    }


def _usdc_deposit(row: Transfer) -> dict[str, Any]:
    network = network_of(row.network)
    is_usdc = row.match != Transfer.Match.WRONG_TOKEN
    return {
        "status": row.status,
        "amount": money.to_text(row.amount, USDC) if is_usdc else None,
        "currency": USDC if is_usdc else None,
        "chain": chain_key(row.network),
        "tx_hash": row.tx_hash,
        "transaction_url": transaction_url(row.network, row.tx_hash),
        "confirmations": row.confirmations,
        "confirmations_needed": network.confirmations if network else row.confirmations,
    }


def payment(row: Payment) -> dict[str, Any]:
    """A payment: how much, by what rail, and how it stands. Fees and wallet are the merchant's."""
    return {
        "id": row.public_id,
        "object": "payment",
        "status": row.status,
        "rail": row.rail,
        "currency": row.currency,
        "amount": money.to_text(row.amount, row.currency),
    }
