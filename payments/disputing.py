"""What becomes of money that a bank disputes: held back, given back, or gone for good.

Everything here happens in the caller's transaction, under the locks of the invoice and the payment
or of the deposit, and of the dispute. What the provider holds back decides what moves, whatever
order its words come in.
"""

from django.db.models import F
from django_fsm import can_proceed

from invoicing import clock, events
from invoicing.models import Invoice
from payments import bookings, collecting, ledger
from payments.models import Deposit, Dispute, Payment
from payments.rails.rail import DisputeOutcome
from payments.setting_aside import parts_of
from payments.wallets import default_wallet


def follow_payment(
    dispute: Dispute, payment: Payment, invoice: Invoice, outcome: DisputeOutcome
) -> None:
    """Book the difference between what is held back now and what was when last heard of."""
    withdrawn = min(outcome.withdrawn, dispute.amount)
    gone = outcome.status == "lost" and withdrawn
    fee = outcome.fee - dispute.fee
    if not gone and dispute.reversed:
        _restore(dispute, payment, invoice)
    held = dispute.withdrawn
    # A dispute that was over when we first heard of it holds nothing back, and has cost its fee.
    if withdrawn > held or fee > 0:
        bookings.book_withdrawal(dispute, payment.wallet, max(withdrawn - held, 0), max(fee, 0))
    if withdrawn < held or fee < 0:
        bookings.book_reinstatement(dispute, payment.wallet, max(held - withdrawn, 0), max(-fee, 0))
    dispute.withdrawn = withdrawn
    dispute.fee = outcome.fee
    if gone and not dispute.reversed:
        _lose(dispute, payment, invoice, withdrawn)


def follow_deposit(dispute: Dispute, deposit: Deposit, outcome: DisputeOutcome) -> None:
    """The same for money that fitted nothing, or for what has become of it since."""
    withdrawn = min(outcome.withdrawn, dispute.amount)
    gone = withdrawn if outcome.status == "lost" else 0
    if dispute.reversed and dispute.reversed != gone:
        bookings.book_verdict_turned(dispute, dispute.reversed)
        dispute.reversed = 0
    held, fee = dispute.withdrawn, outcome.fee - dispute.fee
    if withdrawn > held or fee > 0:
        _hold_back(dispute, deposit, max(withdrawn - held, 0), max(fee, 0))
    if withdrawn < held or fee < 0:
        _give_back(dispute, deposit, max(held - withdrawn, 0), max(-fee, 0))
    dispute.withdrawn, dispute.fee = withdrawn, outcome.fee
    if gone and not dispute.reversed:
        bookings.book_loss(dispute, gone)
        dispute.reversed = gone


def take_what_returned(deposit: Deposit) -> None:
    """Let the wallet have back what it bore of a deposit's disputes, as far as some is unmatched.

    A refund that fails brings money back of which a bank has taken its part already.
    """
    borne = F("of_unmatched") + F("of_credit")
    rows = deposit.disputes.filter(withdrawn__gt=borne).select_related("merchant", "deposit")
    for dispute in rows.select_for_update(of=("self",)).order_by("pk"):
        part = min(dispute.owed, deposit.left)
        if part:
            wallet = default_wallet(deposit.merchant, deposit.currency)
            dispute.of_unmatched += part
            deposit.amount_withdrawn += part
            bookings.book_borne(dispute, deposit, wallet, part)
            dispute.save()
            deposit.save()


def _hold_back(dispute: Dispute, deposit: Deposit, amount: int, fee: int) -> None:
    """What is unmatched still is taken first, then what is left of the credit that it became."""
    wallet = default_wallet(deposit.merchant, deposit.currency)
    of_unmatched, of_credit = parts_of(deposit, amount)
    dispute.of_unmatched += of_unmatched
    dispute.of_credit += of_credit
    deposit.amount_withdrawn += of_unmatched
    bookings.book_withdrawal(dispute, wallet, amount, fee, of_unmatched, of_credit)


def _give_back(dispute: Dispute, deposit: Deposit, amount: int, fee: int) -> None:
    """What comes back goes where it was taken from: what was taken last comes first."""
    wallet = default_wallet(deposit.merchant, deposit.currency)
    of_wallet = min(amount, dispute.owed)
    of_credit = min(amount - of_wallet, dispute.of_credit)
    of_unmatched = amount - of_wallet - of_credit
    dispute.of_credit -= of_credit
    dispute.of_unmatched -= of_unmatched
    deposit.amount_withdrawn -= of_unmatched
    bookings.book_reinstatement(dispute, wallet, amount, fee, of_unmatched, of_credit)


def _lose(dispute: Dispute, payment: Payment, invoice: Invoice, amount: int) -> None:
    """The money is gone: take it off the payment, and let the invoice ask for it again.

    What had been given back already is not asked for twice, and what had become the payer's
    credit is taken from there as far as it is left.
    """
    at = clock.now(invoice.merchant)
    amount = min(amount, payment.received - payment.amount_reversed)
    applied = payment.received - payment.surplus - payment.amount_refunded
    reopened = max(min(amount, applied - payment.amount_reopened), 0)
    of_credit = min(
        amount - reopened,
        payment.surplus - payment.surplus_returned,
        ledger.locked_balance(bookings.credit_of(payment)) if payment.surplus else 0,
    )
    dispute.reversed, dispute.reopened = amount, reopened
    payment.amount_reversed += amount
    payment.amount_reopened += reopened
    payment.surplus_returned += of_credit
    payment.updated_at = at
    if payment.amount_reversed == payment.received and can_proceed(payment.reverse):
        payment.reverse()
    payment.save()
    bookings.book_loss(dispute, amount, of_credit)
    if reopened:
        invoice.amount_paid -= reopened
        invoice.updated_at = at
        if can_proceed(invoice.reverse):
            invoice.reverse()
            invoice.save()
            events.record("invoice.reopened", invoice)
            collecting.follow_taken_back(invoice, payment, dispute.reason)
        else:
            invoice.save()


def _restore(dispute: Dispute, payment: Payment, invoice: Invoice) -> None:
    """A verdict was turned round: what had been lost is held back again, on its way here.

    The invoice takes what it still asks for; if it was paid anew meanwhile, the rest is the
    payer's credit.
    """
    at = clock.now(invoice.merchant)
    applied = min(dispute.reopened, invoice.amount_due)
    credited = dispute.reopened - applied
    payment.amount_reversed -= dispute.reversed
    # What the invoice does not take back stays taken from it: the credit has it now.
    payment.amount_reopened -= applied
    if can_proceed(payment.restore):
        payment.restore()
    payment.updated_at = at
    payment.save()
    bookings.book_verdict_turned(dispute, dispute.reversed, credited)
    dispute.reversed = dispute.reopened = 0
    invoice.amount_paid += applied
    invoice.updated_at = at
    if applied and invoice.amount_due == 0 and can_proceed(invoice.settle):
        invoice.settle(at)
        invoice.save()
        events.record("invoice.paid", invoice)
    else:
        invoice.save()
