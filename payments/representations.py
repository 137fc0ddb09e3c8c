"""How money looks as JSON: payments, wallets, entries, and the invoice's `fees`."""

from collections import Counter
from typing import Any

from invoicing import money
from invoicing.models import Invoice
from invoicing.representations import instant
from payments.models import LedgerAccount, LedgerEntry, Payment, Wallet

Kind = LedgerAccount.Kind


def invoice_fees(invoice: Invoice) -> list[dict[str, str]]:
    """What the succeeded payments of an invoice cost, by who took it."""
    fees: list[dict[str, str]] = []
    # While nothing is paid no money has come, save for a void invoice, where all of it is surplus.
    if not invoice.amount_paid and invoice.status != "void":
        return fees
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


def wallet_entry(row: LedgerEntry, wallet: Wallet) -> dict[str, Any]:
    """What one ledger entry did to a wallet: what came in, what it cost, and where the rest went.

    `pending`, `available` and `external` say how much each part of the wallet has changed; an
    entry that only moves money between them has no gross, no fees and no net.
    """
    gross = 0
    fees = dict.fromkeys((Kind.PROVIDER_FEES, Kind.PLATFORM_FEES), 0)
    changes: Counter[str] = Counter()
    for posting in row.postings.all():
        source, destination = posting.source, posting.destination
        outward, inward = source.wallet_id == wallet.pk, destination.wallet_id == wallet.pk
        if outward:
            changes[source.kind] -= posting.amount
        if inward:
            changes[destination.kind] += posting.amount
        if outward and destination.kind in fees:
            fees[Kind(destination.kind)] += posting.amount
        elif inward != outward:
            gross += posting.amount if inward else -posting.amount

    def text(amount: int) -> str:
        return money.to_text(amount, wallet.currency)

    payment = row.payment
    return {
        "id": row.reference,
        "object": "wallet_entry",
        "kind": row.kind,
        "currency": wallet.currency,
        "gross": text(gross),
        "provider_fee": text(fees[Kind.PROVIDER_FEES]),
        "platform_fee": text(fees[Kind.PLATFORM_FEES]),
        "net": text(gross - sum(fees.values())),
        "pending": text(changes[Kind.PENDING]),
        "available": text(changes[Kind.AVAILABLE]),
        "external": text(changes[Kind.EXTERNAL]),
        "payment_id": payment.public_id if payment else None,
        "invoice_id": payment.invoice.public_id if payment else None,
        "created_at": instant(row.created_at),
    }
