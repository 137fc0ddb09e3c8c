"""What becomes of money on a chain: seen, counted, final, or never happened.

Everything here happens in the caller's transaction, under the locks of the invoice, the payment
and the transfer.
"""

from typing import Final

from django_fsm import can_proceed

from invoicing import clock, events
from invoicing.models import Invoice
from payments import (
    authorizing,
    bookings,
    collecting,
    fees,
    ledger,
    matching,
    refunding,
    settling,
)
from payments.models import Deposit, Payment, Transfer, UsdcPayout
from payments.quoting import USDC
from payments.rails.rail import Outcome, State
from payments.wallets import receiving_wallet

# Why a payment is no more: the block that held it was replaced.
ORPHANED: Final = "orphaned"


def begin(invoice: Invoice, transfer: Transfer, rail: str = "usdc") -> Payment:
    """The payment that a transfer is, from the moment it was seen: the invoice waits for it."""
    at = clock.now(invoice.merchant)
    if transfer.request is None:
        raise ValueError(f"{transfer} was not asked for")
    payment = Payment(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail=rail,
        currency=invoice.currency,
        amount=matching.worth(transfer.request, transfer),
        money_reference=transfer.reference,
        method={"type": rail, "network": transfer.network, "sender": transfer.sender},
        created_at=at,
        updated_at=at,
    )
    payment.save(force_insert=True)
    settling.in_flight(invoice, payment, Outcome(State.PROCESSING))
    return payment


def succeed(invoice: Invoice, payment: Payment, transfer: Transfer) -> None:
    """Enough blocks stand on it: it counts as money, though the chain may still take it back."""
    came = payment.amount
    transfer.forgiven = matching.forgiven(invoice, came)
    received = came + transfer.forgiven
    applied = min(received, invoice.amount_due)
    # What was forgiven is a cost of being paid this way, so that the wallet gets what came.
    cost = fees.estimate(payment.rail, applied, payment.currency).provider + transfer.forgiven
    payment.money_reference = transfer.reference
    settling.succeed(
        invoice,
        payment,
        Outcome(State.SUCCEEDED, received, payment.currency, provider_fee=min(cost, applied)),
    )
    bookings.book_arrival(transfer, payment.rail)
    authorizing.settled(payment, transfer)


def let_go(payment: Payment) -> None:
    """The chain calls it final: the sweep of what has cleared makes it available."""
    payment.available_at = clock.now(payment.merchant)
    payment.save(update_fields=["available_at"])


def take_back(invoice: Invoice, payment: Payment, transfer: Transfer) -> None:
    """Its block is gone, and the money with it: the invoice asks for it again.

    What was to be given back of it and is not signed yet is called off. What was given back is not
    asked for twice; the wallet bears it. What had become
    the payer's credit is taken from there, as far as it is left.
    """
    at = clock.now(invoice.merchant)
    payment.updated_at = at
    authorizing.lost(payment)
    if payment.status != "succeeded":
        message = "The chain has replaced the block that held this payment."
        settling.end(
            invoice,
            payment,
            Outcome(State.FAILED, failure_code=ORPHANED, failure_message=message),
        )
        return
    _call_off(payment, invoice, "The chain has dropped the payment that was to be given back.")
    left = payment.surplus - payment.surplus_returned
    of_credit = min(left, ledger.locked_balance(bookings.credit_of(payment))) if left else 0
    reopened = payment.received - payment.surplus - payment.amount_refunded
    payment.amount_reversed = payment.received
    payment.amount_reopened = reopened
    payment.surplus_returned += of_credit
    payment.reverse()
    payment.save()
    bookings.book_orphaned(payment, of_credit)
    bookings.book_arrival_undone(transfer, payment.rail)
    invoice.amount_paid -= reopened
    invoice.updated_at = at
    if reopened and can_proceed(invoice.reverse):
        invoice.reverse()
        invoice.save()
        events.record("invoice.reopened", invoice)
        collecting.follow_taken_back(invoice, payment, ORPHANED)
    else:
        invoice.save()


def set_aside(transfer: Transfer, reason: str) -> Deposit:
    """Keep final money apart that fits nothing. It has the transfer's own name."""
    at = clock.now(transfer.merchant)
    deposit = Deposit.objects.create(
        public_id=transfer.public_id,
        merchant=transfer.merchant,
        rail="usdc",
        provider_reference=transfer.reference,
        currency=USDC,
        amount=transfer.amount,
        provider_fee=0,
        reason=reason,
        created_at=at,
        updated_at=at,
    )
    bookings.book_arrival(transfer, "usdc")
    bookings.book_deposit(deposit)
    events.record("deposit.unmatched", deposit)
    return deposit


def _call_off(payment: Payment, invoice: Invoice, why: str) -> None:
    """Send nothing back of a payment any more, as far as nobody has signed it yet.

    The invoice and the payment are locked, and brought up to date.
    """
    rows = UsdcPayout.objects.filter(refund__payment=payment, status=UsdcPayout.Status.WAITING)
    for row in rows.select_for_update(of=("self",)).select_related("refund__merchant"):
        row.status, row.updated_at = UsdcPayout.Status.CANCELED, clock.now(payment.merchant)
        row.save()
        row.refund.payment, row.refund.invoice = payment, invoice
        refunding.release(row.refund, UsdcPayout.Status.CANCELED, why)
