"""The books: what moves, from where to where, once.

Every movement of money is an entry of postings with a unique reference, written in the
transaction that caused it. A posting cannot be unbalanced; an undo is a reversed entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from invoicing import clock
from invoicing.models import Merchant
from payments.models import LedgerAccount, LedgerEntry, LedgerPosting, Payment, Wallet

Kind = LedgerAccount.Kind


@dataclass(frozen=True, slots=True)
class Posting:
    """This many minor units leave the source and arrive at the destination."""

    source: LedgerAccount
    destination: LedgerAccount
    amount: int


def wallet_account(wallet: Wallet, kind: LedgerAccount.Kind) -> LedgerAccount:
    """The part of a wallet where money is pending, available or external."""
    account, _ = LedgerAccount.objects.get_or_create(
        key=f"{kind}:{wallet.public_id}",
        defaults={
            "kind": kind,
            "asset": wallet.currency,
            "merchant_id": wallet.merchant_id,
            "wallet": wallet,
        },
    )
    return account


def merchant_account(merchant: Merchant, kind: LedgerAccount.Kind, asset: str) -> LedgerAccount:
    """A merchant's account outside its wallets, such as what it owes its customers."""
    account, _ = LedgerAccount.objects.get_or_create(
        key=f"{kind}:{merchant.public_id}:{asset}",
        defaults={"kind": kind, "asset": asset, "merchant": merchant},
    )
    return account


def instance_account(
    kind: LedgerAccount.Kind, rail: str, merchant: Merchant, asset: str
) -> LedgerAccount:
    """One of the instance's own accounts, apart for live and for test money."""
    mode = "live" if merchant.livemode else "test"
    account, _ = LedgerAccount.objects.get_or_create(
        key=f"{kind}:{rail}:{mode}:{asset}", defaults={"kind": kind, "asset": asset}
    )
    return account


def post(
    reference: str,
    kind: str,
    merchant: Merchant,
    postings: Sequence[Posting],
    payment: Payment | None = None,
) -> LedgerEntry | None:
    """Write an entry in the caller's transaction; empty postings are left out.

    Locks the merchants' accounts it touches, in order of their ids. Raises IntegrityError for a
    reference that was posted before and for a balance that would fall below zero.
    """
    moving = [posting for posting in postings if posting.amount]
    if not moving:
        return None
    entry = LedgerEntry.objects.create(
        reference=reference,
        kind=kind,
        merchant=merchant,
        payment=payment,
        created_at=clock.now(merchant),
    )
    LedgerPosting.objects.bulk_create(
        [
            LedgerPosting(
                entry=entry,
                source=posting.source,
                destination=posting.destination,
                amount=posting.amount,
                asset=posting.source.asset,
            )
            for posting in moving
        ]
    )
    entry.posted = True
    entry.save(update_fields=["posted"])
    _carry(moving)
    return entry


def _carry(postings: Sequence[Posting]) -> None:
    """Carry the postings into the running balances that merchants' accounts keep."""
    changes: dict[int, int] = {}
    for posting in postings:
        for account, amount in (
            (posting.source, -posting.amount),
            (posting.destination, posting.amount),
        ):
            if account.merchant_id is not None:
                changes[account.pk] = changes.get(account.pk, 0) + amount
    for pk in sorted(changes):
        if changes[pk]:
            LedgerAccount.objects.filter(pk=pk).update(balance=F("balance") + changes[pk])


def post_payment(payment: Payment) -> None:
    """Book a payment that has succeeded: what came in, what it cost, what was too much.

    Money that Billhook never held goes to the wallet's external part.
    """
    merchant, asset, rail = payment.merchant, payment.currency, payment.rail
    clearing = instance_account(Kind.CLEARING, rail, merchant, asset)
    wallet = wallet_account(payment.wallet, Kind.EXTERNAL if rail == "manual" else Kind.PENDING)
    postings = [Posting(clearing, wallet, payment.received - payment.surplus)]
    if payment.surplus:
        credit = merchant_account(merchant, Kind.CUSTOMER_CREDIT, asset)
        postings.append(Posting(clearing, credit, payment.surplus))
    for kind, fee in (
        (Kind.PROVIDER_FEES, payment.provider_fee),
        (Kind.PLATFORM_FEES, payment.platform_fee),
    ):
        if fee:
            taken = instance_account(kind, rail, merchant, asset)
            postings.append(Posting(wallet, taken, fee))
    post(f"payment:{payment.public_id}", "payment", merchant, postings, payment)


def post_release(payment: Payment) -> None:
    """Book that a payment has cleared: its net moves from pending to available."""
    post(
        f"release:{payment.public_id}",
        "release",
        payment.merchant,
        [
            Posting(
                wallet_account(payment.wallet, Kind.PENDING),
                wallet_account(payment.wallet, Kind.AVAILABLE),
                payment.net,
            )
        ],
        payment,
    )
