"""Wallgent: how its objects and events look.

Names in camelCase, amounts as decimal text, statuses in capitals. Every shape is made of what the
native API says, so that an event, which is stored in those words, is told in the same shape.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic.alias_generators import to_camel

from checkout import representations as public
from invoicing import money
from invoicing.event_dialects import EventDialect
from invoicing.fields import json_number as number
from invoicing.models import Invoice
from payments import fees
from payments.models import Payment, Refund

STATUS: Final = {
    "draft": "DRAFT",
    "open": "FINALIZED",
    "paying": "FINALIZED",
    "paid": "PAID",
    "void": "VOIDED",
    "expired": "VOIDED",
    "uncollectible": "UNCOLLECTIBLE",
}
# Our event types, and what they are called here.
EVENTS: Final = {
    "invoice.created": "invoice.created",
    "invoice.finalized": "invoice.finalized",
    "invoice.paid": "invoice.paid",
    "invoice.payment_failed": "invoice.payment_failed",
    "invoice.voided": "invoice.voided",
    "invoice.expired": "invoice.voided",
    "invoice.refunded": "invoice.refunded",
    "invoice.uncollectible": "invoice.uncollectible",
    "invoice.usdc_unmatched": "invoice.usdc_unmatched",
}
# The sandbox plays a card; x402 is USDC by another way.
METHOD: Final = {
    "card": "CARD",
    "sandbox": "CARD",
    "ach": "ACH",
    "usdc": "USDC",
    "x402": "USDC",
    "wallet": "WALLET",
}


def _document(data: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody may see of an invoice."""
    same = ("subtotal", "discount", "tax", "total", "memo", "slug", "metadata")
    return {
        "id": data["id"],
        "object": "invoice",
        "number": data["number"],
        "status": STATUS[data["status"]],
        "currency": data["currency"],
        "lineItems": [
            {
                "description": line["description"],
                "quantity": number(Decimal(line["quantity"])),
                "unitPrice": _price(line["unit_price"], data["currency"]),
                "amount": line["amount"],
            }
            for line in data["line_items"]
        ],
        **{name: data[name] for name in same},
        "amountPaid": data["amount_paid"],
        "amountRefunded": data["amount_refunded"],
        "amountDue": data["amount_due"],
        "dueDate": data["due_at"],
        "paidAt": data["paid_at"],
        "paymentUrl": data["payment_url"],
    }


def _price(text: str, currency: str) -> str:
    """A price with the currency's places at least: 25 as 25.00, while 0.0042 stays."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.ljust(money.asset(currency).decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def invoice(data: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice as its merchant sees it, made of the native one."""
    times = ("finalized_at", "voided_at", "created_at", "updated_at")
    return {
        **_document(data),
        "walletId": data["wallet_id"],
        "customerId": data["customer_id"],
        "fees": _taken(data["fees"], data["currency"]),
        "feeBreakdown": _breakdown(data["total"], data["currency"]),
        **{to_camel(name): data[name] for name in times},
    }


def _taken(rows: list[dict[str, str]], currency: str) -> list[dict[str, str]]:
    """What its payments have cost so far, by the method they were made by."""
    taken: dict[str, dict[str, int]] = {}
    for row in rows:
        of_method = taken.setdefault(METHOD[row["rail"]], {"provider": 0, "platform": 0})
        of_method[row["kind"]] += money.from_text(row["amount"], currency)
    return [_fees(method, currency, **by) for method, by in taken.items()]


def _breakdown(total: str, currency: str) -> list[dict[str, str]]:
    """What each method would cost if all of it were paid by it."""
    amount = money.from_text(total, currency)
    rows = []
    for rail in ("card", "ach", "usdc", "wallet"):
        estimate = fees.estimate(rail, amount, currency)
        rows.append(_fees(METHOD[rail], currency, estimate.provider, estimate.platform))
    return rows


def _fees(method: str, currency: str, provider: int, platform: int) -> dict[str, str]:
    return {
        "method": method,
        "providerFee": money.to_text(provider, currency),
        "wallgentFee": money.to_text(platform, currency),
    }


def payer_sees(row: Invoice) -> dict[str, Any]:
    data = public.invoice(row)
    rails = data["rails"] + (["usdc"] if data["usdc_chains"] else [])
    return {
        **_document(data),
        "seller": data["seller"],
        "recipient": data["recipient"],
        "paymentMethods": list(dict.fromkeys(METHOD[rail] for rail in rails)),
    }


def address(data: Mapping[str, Any]) -> dict[str, Any]:
    same = ("address", "amount", "currency", "token", "chain", "network", "uri")
    return {
        **{name: data[name] for name in same},
        "chainId": data["chain_id"],
        "invoiceId": data["invoice_id"],
        "expiresAt": data["expires_at"],
    }


def charged(data: Mapping[str, Any]) -> dict[str, Any]:
    """The invoice, and beside it what came of charging it and what goes on from there."""
    payment, recurring = data["payment"], data["recurring_charge"]
    return {
        **(invoice(data["invoice"]) if data["invoice"] else {}),
        "payment": payment
        and {
            "id": payment["id"],
            "status": payment["status"],
            "amount": payment["amount"],
            "paymentMethodId": payment["payment_method_id"],
            "failure": payment["failure"],
        },
        "recurring": recurring
        and {
            "id": recurring["id"],
            "status": recurring["status"],
            "interval": recurring["interval"],
            "endAt": recurring["end_at"],
        },
    }


def tell(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """An event as it is delivered; the invoice is as it was when it happened."""
    data = body["data"]
    if data["object"] == "invoice":
        told = invoice(data)
    else:
        told = {to_camel(field): value for field, value in data.items()}
    return {
        "id": body["id"],
        "type": name,
        "createdAt": body["timestamp"],
        "livemode": body["livemode"],
        "data": told,
    }


WEBHOOKS: Final = EventDialect(EVENTS, tell)


def checkout(row: Payment) -> dict[str, Any]:
    """Where the payer goes on."""
    return {"url": row.url, "paymentId": row.public_id}


def refunded(row: Refund) -> dict[str, Any]:
    """Money on its way back."""
    return {
        "id": row.public_id,
        "status": row.status,
        "amount": money.to_text(row.amount, row.currency),
    }
