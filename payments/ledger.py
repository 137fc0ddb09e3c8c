"""The books: what moves, from where to where, once.

Every movement of money is an entry of postings with a unique reference, written in the
transaction that caused it. A posting cannot be unbalanced; an undo is a reversed entry. Posting
puts the next seal on the merchant's chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from invoicing import clock
from invoicing.models import Customer, Invoice, Merchant
from payments import seal
from payments.models import LedgerAccount, LedgerEntry, LedgerHead, LedgerPosting, Payment, Wallet

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


def credit_account(merchant: Merchant, payer: Customer | Invoice, asset: str) -> LedgerAccount:
    """What a merchant owes one payer: a customer, or whoever paid an invoice that names none."""
    account, _ = LedgerAccount.objects.get_or_create(
        key=f"{Kind.CUSTOMER_CREDIT}:{payer.public_id}:{asset}",
        defaults={
            "kind": Kind.CUSTOMER_CREDIT,
            "asset": asset,
            "merchant": merchant,
            "customer": payer if isinstance(payer, Customer) else None,
        },
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


def drawn(
    wallet: Wallet, amount: int, destination: LedgerAccount, own: LedgerAccount | None = None
) -> list[Posting]:
    """Take an amount out of a wallet, whether or not it has that much.

    First what is available there, then its debt, which what comes in later pays off. `own` is a
    part of the wallet to take from before either. Locks the accounts it looks at.
    """
    debt = wallet_account(wallet, Kind.DEBT)
    sources = [*([own] if own else []), wallet_account(wallet, Kind.AVAILABLE)]
    postings = []
    for source in sources:
        part = min(amount, locked_balance(source))
        postings.append(Posting(source, destination, part))
        amount -= part
    return [*postings, Posting(debt, destination, amount)]


def given(wallet: Wallet, amount: int, source: LedgerAccount) -> list[Posting]:
    """Make an amount available in a wallet, once its debt is paid off. Locks both accounts."""
    debt = wallet_account(wallet, Kind.DEBT)
    available = wallet_account(wallet, Kind.AVAILABLE)
    owed = min(amount, -locked_balance(debt))
    return [Posting(source, debt, owed), Posting(source, available, amount - owed)]


def locked_balance(account: LedgerAccount) -> int:
    """What an account holds, and goes on holding until the caller's transaction ends.

    Locks the merchant's chain first, as posting does.
    """
    if account.merchant_id is not None:
        lock_chain(account.merchant_id)
    return LedgerAccount.objects.select_for_update().get(pk=account.pk).balance


def post(
    reference: str,
    kind: str,
    merchant: Merchant,
    postings: Sequence[Posting],
    payment: Payment | None = None,
) -> LedgerEntry | None:
    """Write an entry in the caller's transaction; empty postings are left out.

    Locks the end of the merchant's chain, then the merchants' accounts it touches, in order of
    their ids: whoever posts twice in a transaction meets nobody half-way. Raises IntegrityError
    for a reference that was posted before and for a balance that would fall below zero.
    """
    moving = [posting for posting in postings if posting.amount]
    if not moving:
        return None
    head = lock_chain(merchant.pk)
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
    _seal(entry, head, moving)
    _carry(moving)
    return entry


def lock_chain(merchant_pk: int) -> LedgerHead:
    """Lock the end of a merchant's chain: always before any of the merchant's accounts."""
    head, _ = LedgerHead.objects.select_for_update().get_or_create(merchant_id=merchant_pk)
    return head


def _seal(entry: LedgerEntry, head: LedgerHead, postings: Sequence[Posting]) -> None:
    """Post the entry as the next of its merchant's chain, whose end is locked."""
    entry.posted = True
    entry.position = head.length + 1
    said = seal.text(
        entry.merchant_id,
        entry.position,
        entry.reference,
        entry.kind,
        entry.payment_id,
        seal.instant(entry.created_at),
        (
            seal.posting(
                posting.source.pk, posting.destination.pk, posting.amount, posting.source.asset
            )
            for posting in postings
        ),
    )
    entry.digest = seal.digest(seal.keys()[0], head.digest, said)
    entry.save(update_fields=["posted", "position", "digest"])
    head.length, head.digest = entry.position, entry.digest
    head.save(update_fields=["length", "digest"])


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
