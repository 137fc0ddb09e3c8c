"""How money looks as JSON: payments, wallets, entries, and the invoice's `fees`."""

from collections import Counter
from typing import Any

from django.db.models import QuerySet

from invoicing import money
from invoicing.models import Customer, Invoice
from invoicing.representations import instant
from payments.clearing import ON_CHAIN
from payments.models import (
    Deposit,
    Dispute,
    LedgerAccount,
    LedgerEntry,
    LedgerPosting,
    MerchantPayout,
    MethodSetup,
    Payment,
    PaymentMethod,
    PaymentStatus,
    PayoutLine,
    Refund,
    SandboxMethod,
    Wallet,
)
from payments.sandbox.cards import BY_LAST4
from payments.usdc_representations import usdc_payout

Kind = LedgerAccount.Kind


def invoice_fees(invoice: Invoice) -> list[dict[str, str]]:
    """What the payments of an invoice cost, by who took it.

    A payment that the bank took back has cost its fees all the same; one that its chain dropped
    has cost nothing.
    """
    fees: list[dict[str, str]] = []
    # Before it asks for anything no money can have come.
    if invoice.status == "draft":
        return fees
    for payment in invoice.payments.all():
        dropped = payment.rail in ON_CHAIN and payment.status == PaymentStatus.REVERSED
        if payment.received and not dropped:
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


def customer_credit(row: Customer) -> list[dict[str, str]]:
    """What is kept for a customer's next invoices, by currency."""
    loaded = getattr(row, "credits_loaded", None)
    accounts = credit_accounts().filter(customer=row) if loaded is None else loaded
    return [
        {"currency": one.asset, "amount": money.to_text(one.balance, one.asset)} for one in accounts
    ]


def credit_accounts() -> QuerySet[LedgerAccount]:
    """The accounts that hold customers' credit, where there is any."""
    rows = LedgerAccount.objects.filter(kind=Kind.CUSTOMER_CREDIT, balance__gt=0)
    return rows.order_by("asset")


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
        "amount_reversed": text(row.amount_reversed),
        "fee_is_final": row.fee_is_final,
        "method": row.method or None,
        "payment_method_id": row.saved_method.public_id if row.saved_method else None,
        "note": row.note,
        "url": row.url or None if row.status == "pending" else None,
        "failure": {
            "code": row.failure_code,
            "message": row.failure_message,
            "advice": row.failure_advice or None,
        }
        if failed
        else None,
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
        "owed": money.to_text(-balances.get(Kind.DEBT, 0), row.currency),
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
        elif passing := fee_in_passing(posting):
            # It left the wallet with the disputed money, so it counts as fee and not as gross.
            fees[Kind.PROVIDER_FEES] += passing
            gross += passing
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
        "owed": text(-changes[Kind.DEBT]),
        "payment_id": payment.public_id if payment else None,
        "invoice_id": payment.invoice.public_id if payment else None,
        "created_at": instant(row.created_at),
    }


def fee_in_passing(posting: LedgerPosting) -> int:
    """A dispute's fee, taken out of what is held back, or given back into it; in minor units."""
    source, destination = posting.source.kind, posting.destination.kind
    if (source, destination) == (Kind.DISPUTED, Kind.PROVIDER_FEES):
        return posting.amount
    if (source, destination) == (Kind.PROVIDER_FEES, Kind.DISPUTED):
        return -posting.amount
    return 0


def refund(row: Refund) -> dict[str, Any]:
    """Money given back: how much, where to, and how far it has got."""
    return {
        "id": row.public_id,
        "object": "refund",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "invoice_id": row.invoice.public_id if row.invoice else None,
        "payment_id": row.payment.public_id if row.payment else None,
        "deposit_id": row.deposit.public_id if row.deposit else None,
        "credit_note_id": row.credit_note.public_id if row.credit_note else None,
        "currency": row.currency,
        "amount": money.to_text(row.amount, row.currency),
        "excess": money.to_text(row.excess, row.currency),
        "source": row.source,
        "destination": row.destination,
        "to_wallet_id": row.to_wallet.public_id if row.to_wallet else None,
        "usdc_payout": _payout_of(row),
        "reason": row.reason,
        "note": row.note,
        "failure": {"code": row.failure_code, "message": row.failure_message}
        if row.failure_code
        else None,
        "created_at": instant(row.created_at),
        "succeeded_at": instant(row.succeeded_at),
        "failed_at": instant(row.failed_at),
    }


def _payout_of(row: Refund) -> dict[str, Any] | None:
    """What the merchant is to sign, where money goes back as USDC."""
    if row.destination != Refund.Destination.ORIGINAL or row.came.rail not in ON_CHAIN:
        return None
    payout = getattr(row, "usdc_payout", None)
    return usdc_payout(payout) if payout else None


def dispute(row: Dispute) -> dict[str, Any]:
    """A bank's demand for money that came, and what the merchant has said to it."""

    def text(amount: int) -> str:
        return money.to_text(amount, row.currency)

    return {
        "id": row.public_id,
        "object": "dispute",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "invoice_id": row.invoice.public_id if row.invoice else None,
        "payment_id": row.payment.public_id if row.payment else None,
        "deposit_id": row.deposit.public_id if row.deposit else None,
        "reason": row.reason,
        "currency": row.currency,
        "amount": text(row.amount),
        "withdrawn": text(row.withdrawn),
        "fee": text(row.fee),
        "evidence_due_at": instant(row.evidence_due_at),
        "evidence": row.evidence,
        "files": sorted(file.field for file in row.files.all()),
        "submitted_at": instant(row.submitted_at),
        "created_at": instant(row.created_at),
        "closed_at": instant(row.closed_at),
    }


def deposit(row: Deposit) -> dict[str, Any]:
    """Unmatched money and what became of it."""
    return {
        "id": row.public_id,
        "object": "deposit",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "reason": row.reason,
        "rail": row.rail,
        "provider_reference": row.provider_reference,
        "payment_id": row.payment.public_id if row.payment else None,
        "matched_payment_id": row.matched_payment.public_id if row.matched_payment else None,
        "currency": row.currency,
        "amount": money.to_text(row.amount, row.currency),
        "amount_left": money.to_text(row.left, row.currency),
        "provider_fee": None
        if row.provider_fee is None
        else money.to_text(row.provider_fee, row.currency),
        "created_at": instant(row.created_at),
        "resolved_at": instant(row.resolved_at),
    }


def payment_method(row: PaymentMethod) -> dict[str, Any]:
    """A saved card or bank account, as far as it may be shown."""
    details = {name: value for name, value in row.details.items() if name != "type"}
    return {
        "id": row.public_id,
        "object": "payment_method",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "customer_id": row.customer.public_id,
        "type": row.rail,
        "details": details,
        "is_default": row.is_default,
        "blocked_reason": row.blocked_reason or None,
        "created_at": instant(row.created_at),
        "detached_at": instant(row.detached_at),
    }


def sandbox_method(row: SandboxMethod, method_id: str) -> dict[str, Any]:
    """What a saved test card does next, and what it does after that."""
    return {
        "object": "sandbox_payment_method",
        "payment_method_id": method_id,
        "next": row.next,
        "afterwards": BY_LAST4[row.card_last4].charged.said(),
    }


def method_setup(row: MethodSetup) -> dict[str, Any]:
    """A visit to save a method, and where the payer goes for it."""
    return {
        "id": row.public_id,
        "object": "payment_method_setup",
        "status": row.status,
        "customer_id": row.customer.public_id,
        "type": row.rail,
        "url": row.url if row.status == "pending" and row.url else None,
        "payment_method_id": row.method.public_id if row.method else None,
        "created_at": instant(row.created_at),
    }


def payout(row: MerchantPayout) -> dict[str, Any]:
    """One merchant's share of a transfer from the provider to the bank."""
    paid = row.payout

    def text(amount: int) -> str:
        return money.to_text(amount, paid.currency)

    lines = row.lines()
    return {
        "id": paid.public_id,
        "object": "payout",
        "status": paid.status,
        "livemode": paid.livemode,
        "provider": paid.provider,
        "currency": paid.currency,
        "amount": text(sum(line.amount for line in lines)),
        "fee": text(sum(line.fee for line in lines)),
        "net": text(sum(line.net for line in lines)),
        "lines": [payout_line(line, paid.currency) for line in lines],
        "is_itemised": paid.is_itemised,
        "failure_code": paid.failure_code or None,
        "arrives_at": instant(paid.arrives_at),
        "created_at": instant(paid.created_at),
    }


def payout_line(row: PayoutLine, currency: str) -> dict[str, Any]:
    """One movement of a payout."""
    return {
        "kind": row.kind,
        "payment_id": row.payment.public_id if row.payment else None,
        "amount": money.to_text(row.amount, currency),
        "fee": money.to_text(row.fee, currency),
        "net": money.to_text(row.net, currency),
    }
