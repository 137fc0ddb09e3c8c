"""How money looks as JSON: payments, wallets, entries, and the invoice's `fees`."""

from typing import Any

from invoicing import money
from invoicing.models import Invoice
from invoicing.representations import instant
from payments.models import LedgerAccount, LedgerPosting, Payment, Wallet

Kind = LedgerAccount.Kind


def invoice_fees(invoice: Invoice) -> list[dict[str, str]]:
    """What the succeeded payments of an invoice cost, by who took it."""
    fees = []
    for payment in invoice.payments.all():
        if payment.status == "succeeded":
            for kind, amount in (
                ("provider", payment.provider_fee),
                ("platform", payment.platform_fee),
            ):
                if amount:
                    fees.append(
                        {
                            "kind": kind,
                            "rail": payment.rail,
                            "amount": money.to_text(amount, payment.currency),
                        }
                    )
    return fees


def payment(row: Payment) -> dict[str, Any]:
    """A payment: what was asked for, what came, what it cost and what remains."""

    def text(amount: int) -> str:
        return money.to_text(amount, row.currency)

    failed = bool(row.failure_code)
    return {
        "id": row.public_id,
        "object": "payment",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "invoice_id": row.invoice.public_id,
        "wallet_id": row.wallet.public_id,
        "rail": row.rail,
        "currency": row.currency,
        "amount": text(row.amount),
        "received": text(row.received),
        "surplus": text(row.surplus),
        "provider_fee": text(row.provider_fee),
        "platform_fee": text(row.platform_fee),
        "net": text(row.net if row.received else 0),
        "amount_refunded": text(row.amount_refunded),
        "method": row.method or None,
        "note": row.note,
        "url": row.url or None if row.status == "pending" else None,
        "failure": {"code": row.failure_code, "message": row.failure_message} if failed else None,
        "created_at": instant(row.created_at),
        "succeeded_at": instant(row.succeeded_at),
        "available_at": instant(row.available_at),
        "released_at": instant(row.released_at),
    }


def wallet(row: Wallet) -> dict[str, Any]:
    """A wallet with its balances; `accounts` must be loaded."""
    balances = {account.kind: account.balance for account in row.accounts.all()}

    def text(kind: LedgerAccount.Kind) -> str:
        return money.to_text(balances.get(kind, 0), row.currency)

    return {
        "id": row.public_id,
        "object": "wallet",
        "livemode": row.merchant.livemode,
        "name": row.name,
        "currency": row.currency,
        "is_default": row.is_default,
        "pending": text(Kind.PENDING),
        "available": text(Kind.AVAILABLE),
        "external": text(Kind.EXTERNAL),
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    }


def wallet_entry(row: LedgerPosting, wallet: Wallet) -> dict[str, Any]:
    """One movement as a wallet sees it: money in is positive, money out negative."""
    inward = row.destination.wallet_id == wallet.pk
    outward = row.source.wallet_id == wallet.pk
    amount = row.amount if inward else -row.amount
    account, other = (row.destination, row.source) if inward else (row.source, row.destination)
    # Between two parts of one wallet nothing comes or goes: only its place changes.
    kind = "transfer" if inward and outward else row.entry.kind
    if other.kind in {Kind.PROVIDER_FEES, Kind.PLATFORM_FEES}:
        kind = "fee"
    return {
        "id": str(row.pk),
        "object": "wallet_entry",
        "kind": kind,
        "account": account.kind,
        "counterpart": other.kind,
        "amount": money.to_text(amount, row.asset),
        "currency": row.asset,
        "payment_id": row.entry.payment.public_id if row.entry.payment else None,
        "created_at": instant(row.entry.created_at),
    }
