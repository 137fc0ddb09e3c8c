"""What each happening means for the books: which amounts move from where to where.

Every function writes one entry in the caller's transaction, under a reference that makes it
happen once. Locks the accounts it touches.
"""

from invoicing.models import Customer, Merchant
from payments import ledger
from payments.ledger import Kind, Posting
from payments.models import (
    Deposit,
    Dispute,
    LedgerAccount,
    LedgerPosting,
    Payment,
    Refund,
    Transfer,
    UsdcPayout,
    Wallet,
)
from payments.wallets import default_wallet


def book_payment(payment: Payment) -> None:
    """A payment has succeeded: what came in, what it cost, what was too much.

    Money that Billhook never held goes to the wallet's external part; a payer's credit, which it
    held all along, becomes available at once.
    """
    merchant, wallet = payment.merchant, payment.wallet
    applied = payment.received - payment.surplus
    if payment.rail == "credit":
        postings = ledger.given(wallet, applied, credit_of(payment))
    else:
        clearing, held = clearing_of(payment), _held(payment)
        postings = [Posting(clearing, held, applied)]
        if payment.surplus:
            postings.append(Posting(clearing, credit_of(payment), payment.surplus))
        left = applied
        for kind, fee in (
            (Kind.PROVIDER_FEES, payment.provider_fee),
            (Kind.PLATFORM_FEES, payment.platform_fee),
        ):
            if fee:
                from_it = min(fee, left)
                left -= from_it
                taken = ledger.instance_account(kind, payment.rail, merchant, payment.currency)
                postings.append(Posting(held, taken, from_it))
                if fee > from_it:
                    postings += ledger.drawn(wallet, fee - from_it, taken)
    ledger.post(f"payment:{payment.public_id}", "payment", merchant, postings, payment)


def book_release(payment: Payment) -> None:
    """A payment has cleared: its net becomes available, after what the wallet owes."""
    pending = ledger.wallet_account(payment.wallet, Kind.PENDING)
    postings = ledger.given(payment.wallet, max(payment.net, 0), pending)
    ledger.post(f"release:{payment.public_id}", "release", payment.merchant, postings, payment)


def book_fee(payment: Payment, estimated: int) -> None:
    """The provider has said what it took: the difference from the estimate moves."""
    merchant, wallet = payment.merchant, payment.wallet
    fees = ledger.instance_account(Kind.PROVIDER_FEES, payment.rail, merchant, payment.currency)
    more = payment.provider_fee - estimated
    held = None if payment.released_at else ledger.wallet_account(wallet, Kind.PENDING)
    if more > 0:
        # What is pending there belongs to this payment and to others: never more than its own.
        before = payment.net + more
        part = min(more, max(before, 0)) if held else 0
        postings = [Posting(held, fees, part)] if held else []
        postings += ledger.drawn(wallet, more - part, fees)
    else:
        # Of what comes back only this payment's net is pending; the rest had been drawn.
        part = min(-more, max(payment.net, 0)) if held else 0
        postings = [Posting(fees, held, part)] if held else []
        postings += ledger.given(wallet, -more - part, fees)
    ledger.post(f"fee:{payment.public_id}", "fee", merchant, postings, payment)


def book_refund_begun(refund: Refund) -> None:
    """A refund is promised: its amount leaves the wallet, the credit or the unmatched money."""
    under_way = ledger.merchant_account(refund.merchant, Kind.REFUNDING, refund.currency)
    postings = _left(refund, under_way)
    ledger.post(_reference(refund, "begun"), "refund", refund.merchant, postings, refund.payment)


def book_refund_done(refund: Refund) -> None:
    """A refund has reached its destination."""
    under_way = ledger.merchant_account(refund.merchant, Kind.REFUNDING, refund.currency)
    postings = _arrived(refund, under_way)
    ledger.post(_reference(refund, "done"), "refund", refund.merchant, postings, refund.payment)


def book_refund_failed(refund: Refund, *, was_done: bool) -> None:
    """Nothing went back after all: the amount returns to where it was taken from."""
    merchant = refund.merchant
    if was_done:
        source = clearing_of_refund(refund)
    else:
        source = ledger.merchant_account(merchant, Kind.REFUNDING, refund.currency)
    if refund.source == Refund.Source.CREDIT:
        postings = [Posting(source, credit_of(refund.paid), refund.amount)]
    elif refund.source == Refund.Source.UNMATCHED and refund.deposit:
        postings = _undone(_of_deposit(refund.deposit, source, refund.counted, refund.of_credit))
        if borne := refund.excess - refund.of_credit:
            postings += ledger.given(default_wallet(merchant, refund.currency), borne, source)
    elif refund.destination == Refund.Destination.MANUAL:
        external = ledger.wallet_account(refund.paid.wallet, Kind.EXTERNAL)
        postings = [Posting(source, external, refund.amount)]
    else:
        postings = ledger.given(refund.paid.wallet, refund.amount - refund.of_credit, source)
        if refund.of_credit:
            postings.append(Posting(source, credit_of(refund.paid), refund.of_credit))
    reference = _reference(refund, "failed")
    ledger.post(reference, "refund_failed", merchant, postings, refund.payment)


def book_withdrawal(
    dispute: Dispute,
    wallet: Wallet,
    amount: int,
    fee: int,
    of_unmatched: int = 0,
    of_credit: int = 0,
) -> None:
    """The provider holds disputed money back, and takes its fee for the trouble.

    What is not taken from unmatched money, or from the credit that it became, leaves the wallet.
    """
    disputed, fees = disputed_of(dispute), _fees_of(dispute)
    postings = _of_deposit(dispute.deposit, disputed, of_unmatched, of_credit)
    # Two calls of `drawn` would count the same balance twice: what is left over goes to the fee.
    rest = amount - of_unmatched - of_credit
    postings += ledger.drawn(wallet, rest + fee, disputed)
    if fee:
        postings.append(Posting(disputed, fees, fee))
    _book_dispute(dispute, "dispute", postings)


def book_reinstatement(
    dispute: Dispute,
    wallet: Wallet,
    amount: int,
    fee: int,
    of_unmatched: int = 0,
    of_credit: int = 0,
) -> None:
    """The provider gives disputed money back, and its fee if it does: to where it came from."""
    disputed, fees = disputed_of(dispute), _fees_of(dispute)
    postings = [Posting(fees, disputed, fee)] if fee else []
    rest = amount - of_unmatched - of_credit
    postings += ledger.given(wallet, rest + fee, disputed)
    postings += _undone(_of_deposit(dispute.deposit, disputed, of_unmatched, of_credit))
    _book_dispute(dispute, "dispute_won", postings)


def book_borne(dispute: Dispute, deposit: Deposit, wallet: Wallet, amount: int) -> None:
    """What a wallet bore of a dispute is unmatched again: the wallet has it back from there."""
    _book_dispute(dispute, "dispute", ledger.given(wallet, amount, unmatched_of(deposit)))


def book_loss(dispute: Dispute, amount: int, of_credit: int = 0) -> None:
    """Disputed money is gone for good.

    What had become the payer's credit is taken from it, as far as it is still there.
    """
    postings = [Posting(disputed_of(dispute), clearing_of(dispute.came), amount)]
    if of_credit and dispute.payment:
        postings += ledger.given(dispute.payment.wallet, of_credit, credit_of(dispute.payment))
    _book_dispute(dispute, "dispute_lost", postings)


def book_verdict_turned(dispute: Dispute, amount: int, credited: int = 0) -> None:
    """Money that had been lost is held back again; what its invoice no longer needs is credit."""
    postings = [Posting(clearing_of(dispute.came), disputed_of(dispute), amount)]
    if credited and dispute.payment:
        postings += ledger.drawn(dispute.payment.wallet, credited, credit_of(dispute.payment))
    _book_dispute(dispute, "dispute", postings)


def book_deposit(deposit: Deposit) -> None:
    """Money has come that fits nothing: it is kept apart."""
    clearing = ledger.instance_account(
        Kind.CLEARING, deposit.rail, deposit.merchant, deposit.currency
    )
    ledger.post(
        f"deposit:{deposit.public_id}",
        "deposit",
        deposit.merchant,
        [Posting(clearing, unmatched_of(deposit), deposit.amount)],
    )


def book_deposit_fee(deposit: Deposit, fee: int) -> None:
    """The provider has said what it took for money that fits nothing: the wallet bears it."""
    fees = ledger.instance_account(
        Kind.PROVIDER_FEES, deposit.rail, deposit.merchant, deposit.currency
    )
    wallet = default_wallet(deposit.merchant, deposit.currency)
    postings = ledger.drawn(wallet, fee, fees)
    ledger.post(f"deposit_fee:{deposit.public_id}", "deposit_fee", deposit.merchant, postings)


def book_match(deposit: Deposit, payment: Payment) -> None:
    """Unmatched money turns out to pay an invoice; what is too much is the payer's credit."""
    applied = payment.received - payment.surplus
    source = _as(deposit, payment.currency)
    postings = ledger.given(payment.wallet, applied, source)
    if payment.surplus:
        postings.append(Posting(source, credit_of(payment), payment.surplus))
    ledger.post(f"match:{deposit.public_id}", "match", deposit.merchant, postings, payment)


def book_credited(deposit: Deposit, customer: Customer, amount: int, currency: str) -> None:
    """Unmatched money is kept as a customer's credit of a currency, in its minor units."""
    credit = ledger.credit_account(deposit.merchant, customer, currency)
    postings = [Posting(_as(deposit, currency), credit, amount)]
    ledger.post(f"credited:{deposit.public_id}", "credited", deposit.merchant, postings)


def book_arrival(transfer: Transfer, rail: str) -> None:
    """USDC has arrived at a merchant's address; what it becomes is booked beside this."""
    chain, clearing = _chain_and_clearing(transfer.merchant, transfer.network, rail)
    postings = [Posting(chain, clearing, transfer.amount)]
    reference = f"transfer:{transfer.public_id}"
    ledger.post(reference, "transfer", transfer.merchant, postings)


def book_arrival_undone(transfer: Transfer, rail: str) -> None:
    """The block that held a transfer was replaced."""
    chain, clearing = _chain_and_clearing(transfer.merchant, transfer.network, rail)
    postings = [Posting(clearing, chain, transfer.amount)]
    reference = f"transfer:{transfer.public_id}:orphaned"
    ledger.post(reference, "transfer_orphaned", transfer.merchant, postings)


def book_orphaned(payment: Payment, of_credit: int) -> None:
    """A payment's money has not come after all: its entry is taken back, fees and all.

    Of its surplus `of_credit` is still the payer's credit. What has gone on from here, to the
    payer or as credit, the wallet bears.
    """
    merchant, clearing = payment.merchant, clearing_of(payment)
    postings = [
        Posting(
            ledger.instance_account(kind, payment.rail, merchant, payment.currency), clearing, fee
        )
        for kind, fee in (
            (Kind.PROVIDER_FEES, payment.provider_fee),
            (Kind.PLATFORM_FEES, payment.platform_fee),
        )
    ]
    if of_credit:
        postings.append(Posting(credit_of(payment), clearing, of_credit))
    borne = payment.surplus - of_credit
    if payment.released_at is None:
        postings.append(Posting(_held(payment), clearing, payment.net))
    else:
        borne += payment.net
    postings += ledger.drawn(payment.wallet, borne, clearing)
    reference = f"orphaned:{payment.public_id}"
    ledger.post(reference, "orphaned", merchant, postings, payment)


def book_sent(payout: UsdcPayout) -> None:
    """USDC that a refund promised has left the merchant's own wallet."""
    rail = payout.refund.came.rail
    chain, clearing = _chain_and_clearing(payout.merchant, payout.network, rail)
    reference = f"sent:{payout.refund.public_id}"
    ledger.post(reference, "sent", payout.merchant, [Posting(clearing, chain, payout.units)])


def book_exchange(deposit: Deposit) -> None:
    """Unmatched USDC is to become money of another currency: it passes through clearing."""
    postings = [Posting(unmatched_of(deposit), clearing_of(deposit), deposit.amount)]
    ledger.post(f"exchange:{deposit.public_id}", "exchange", deposit.merchant, postings)


def credit_of(payment: Payment) -> LedgerAccount:
    """The credit of whoever paid: the invoice's customer, or its payer alone."""
    invoice = payment.invoice
    return ledger.credit_account(payment.merchant, invoice.customer or invoice, payment.currency)


def credit_from(deposit: Deposit) -> LedgerAccount | None:
    """The customer's credit that unmatched money has become, if it has: what was booked says so."""
    rows = LedgerPosting.objects.filter(entry__reference=f"credited:{deposit.public_id}")
    posting = rows.select_related("destination").first()
    return posting.destination if posting else None


def _as(deposit: Deposit, currency: str) -> LedgerAccount:
    """Where a deposit's money comes from in this currency: exchanged first, if it is another."""
    if deposit.currency == currency:
        return unmatched_of(deposit)
    book_exchange(deposit)
    return ledger.instance_account(Kind.CLEARING, deposit.rail, deposit.merchant, currency)


def disputed_of(dispute: Dispute) -> LedgerAccount:
    """Where money stands that a bank holds back."""
    return ledger.merchant_account(dispute.merchant, Kind.DISPUTED, dispute.currency)


def unmatched_of(deposit: Deposit) -> LedgerAccount:
    """Where a merchant's unmatched money is kept apart."""
    return ledger.merchant_account(deposit.merchant, Kind.UNMATCHED, deposit.currency)


def clearing_of(came: Payment | Deposit) -> LedgerAccount:
    """Where the money of a rail comes from and goes back to."""
    return ledger.instance_account(Kind.CLEARING, came.rail, came.merchant, came.currency)


def clearing_of_refund(refund: Refund) -> LedgerAccount:
    """Where a refund leaves the ledger: the rail it came by, or by hand."""
    rail = "manual" if refund.destination == Refund.Destination.MANUAL else ""
    if not rail:
        rail = refund.came.rail
    return ledger.instance_account(Kind.CLEARING, rail, refund.merchant, refund.currency)


def _chain_and_clearing(
    merchant: Merchant, network: str, rail: str
) -> tuple[LedgerAccount, LedgerAccount]:
    """What has arrived on a chain, and where USDC becomes what was asked for."""
    name = network.replace(":", "-")
    return (
        ledger.instance_account(Kind.ONCHAIN, name, merchant, "USDC"),
        ledger.instance_account(Kind.CLEARING, rail, merchant, "USDC"),
    )


def _held(payment: Payment) -> LedgerAccount:
    kind = Kind.EXTERNAL if payment.rail == "manual" else Kind.PENDING
    return ledger.wallet_account(payment.wallet, kind)


def _left(refund: Refund, under_way: LedgerAccount) -> list[Posting]:
    if refund.source == Refund.Source.CREDIT:
        return [Posting(credit_of(refund.paid), under_way, refund.amount)]
    if refund.source == Refund.Source.UNMATCHED and refund.deposit:
        postings = _of_deposit(refund.deposit, under_way, refund.counted, refund.of_credit)
        if borne := refund.excess - refund.of_credit:
            wallet = default_wallet(refund.merchant, refund.currency)
            postings += ledger.drawn(wallet, borne, under_way)
        return postings
    if refund.destination == Refund.Destination.MANUAL:
        external = ledger.wallet_account(refund.paid.wallet, Kind.EXTERNAL)
        return [Posting(external, under_way, refund.amount)]
    postings = ledger.drawn(refund.paid.wallet, refund.amount - refund.of_credit, under_way)
    if refund.of_credit:
        postings.append(Posting(credit_of(refund.paid), under_way, refund.of_credit))
    return postings


def _arrived(refund: Refund, under_way: LedgerAccount) -> list[Posting]:
    if refund.destination == Refund.Destination.WALLET and refund.to_wallet:
        return ledger.given(refund.to_wallet, refund.amount, under_way)
    if refund.destination == Refund.Destination.CREDIT_BALANCE:
        return [Posting(under_way, credit_of(refund.paid), refund.amount)]
    return [Posting(under_way, clearing_of_refund(refund), refund.amount)]


def _fees_of(dispute: Dispute) -> LedgerAccount:
    return ledger.instance_account(
        Kind.PROVIDER_FEES, dispute.came.rail, dispute.merchant, dispute.currency
    )


def _of_deposit(
    deposit: Deposit | None, destination: LedgerAccount, of_unmatched: int, of_credit: int
) -> list[Posting]:
    """Take from a deposit what is unmatched of it, and from the credit that it has become."""
    postings = []
    if deposit and of_unmatched:
        postings.append(Posting(unmatched_of(deposit), destination, of_unmatched))
    if deposit and of_credit and (credit := credit_from(deposit)):
        postings.append(Posting(credit, destination, of_credit))
    return postings


def _undone(postings: list[Posting]) -> list[Posting]:
    return [Posting(one.destination, one.source, one.amount) for one in postings]


def _book_dispute(dispute: Dispute, kind: str, postings: list[Posting]) -> None:
    dispute.moves += 1
    reference = f"dispute:{dispute.public_id}:{dispute.moves}"
    ledger.post(reference, kind, dispute.merchant, postings, dispute.payment)


def _reference(refund: Refund, stage: str) -> str:
    return f"refund:{refund.public_id}:{stage}"
