"""What becomes of a payment and its invoice when money comes, waits or stays away.

Everything here happens in the caller's transaction, under the locks of the invoice and the
payment.
"""

from invoicing import clock, events, mail
from invoicing.failpoints import failpoint
from invoicing.models import Invoice
from payments import bookings, collecting, fees
from payments.clearing import clears_at
from payments.methods import keep_method
from payments.models import IN_FLIGHT, UNFINISHED, Deposit, Payment, PaymentStatus
from payments.offered import EXACT
from payments.rails.rail import Outcome, State
from payments.recurring import told_period
from payments.setting_aside import set_aside as keep_apart


def succeed(
    invoice: Invoice, payment: Payment, outcome: Outcome, from_deposit: Deposit | None = None
) -> None:
    """Money has arrived: book it, and settle the invoice with it as far as it reaches.

    What is too much, or too late for a void invoice, is the payer's credit.
    """
    at = clock.now(invoice.merchant)
    due = invoice.amount_due
    payment.surplus = max(outcome.received - due, 0)
    applied = outcome.received - payment.surplus
    priced_as = "credit" if from_deposit else payment.rail
    taken = fees.estimate(priced_as, applied, payment.currency)
    payment.fee_is_final = outcome.provider_fee is not None
    payment.provider_fee = taken.provider if outcome.provider_fee is None else outcome.provider_fee
    # The platform takes its part of what is left; only the provider may take more than that.
    payment.platform_fee = min(taken.platform, max(applied - payment.provider_fee, 0))
    payment.succeed(outcome.received, at)
    payment.next_look_at = None
    if payment.rail != "manual":
        payment.available_at = outcome.available_at or clears_at(payment.rail, at)
    # What stood in the ledger already has cleared already.
    if payment.rail == "credit" or from_deposit is not None:
        payment.released_at = at
    if outcome.saved and invoice.customer:
        payment.saved_method = keep_method(invoice.customer, outcome.saved)
        events.record("customer.payment_method_saved", payment.saved_method)
    payment.save()
    failpoint("payment:succeeded")
    if from_deposit is None:
        bookings.book_payment(payment)
    else:
        bookings.book_match(from_deposit, payment)
    failpoint("payment:booked")
    invoice.amount_paid += applied
    invoice.updated_at = at
    if applied and invoice.amount_due == 0:
        invoice.settle(at)
        invoice.save()
        events.record("invoice.paid", invoice)
        if invoice.recipient_email:
            mail.queue_for_invoice(invoice, "receipt", {"period": told_period(invoice)})
    else:
        land(invoice)
        invoice.save()
        if applied:
            events.record("invoice.partially_paid", invoice)
    if payment.surplus:
        events.record("invoice.overpaid", invoice)


def learn(payment: Payment, outcome: Outcome) -> None:
    """What a provider says of money that came before: its real cost, and when it is free."""
    payment.provider_reference = payment.provider_reference or outcome.reference
    payment.money_reference = payment.money_reference or outcome.money_reference
    if payment.released_at is None and outcome.available_at:
        payment.available_at = outcome.available_at
    if outcome.provider_fee is not None and not payment.fee_is_final:
        estimated = payment.provider_fee
        payment.provider_fee, payment.fee_is_final = outcome.provider_fee, True
        if estimated != outcome.provider_fee:
            bookings.book_fee(payment, estimated)
    payment.save()


def fits(payment: Payment, outcome: Outcome) -> bool:
    """Whether what came is what was asked for, as far as the way it was paid can tell."""
    if outcome.currency != payment.currency:
        return False
    return outcome.received == payment.amount or payment.rail not in EXACT


def set_aside(invoice: Invoice, payment: Payment, outcome: Outcome) -> None:
    """Money came that nobody asked for: it is kept apart, and the invoice asks on for its own."""
    keep_apart(payment, outcome)
    if payment.status in UNFINISHED:
        payment.fail("another_amount", "Another amount than was asked for was paid.")
    payment.money_reference = ""
    payment.next_look_at = None
    payment.save()
    land(invoice)
    invoice.updated_at = payment.updated_at
    invoice.save()


def in_flight(invoice: Invoice, payment: Payment, outcome: Outcome) -> None:
    """The payer has done their part; whether it worked is not known yet."""
    before = payment.status
    if outcome.state == State.UNKNOWN and before != PaymentStatus.UNKNOWN:
        payment.lose_sight()
    elif outcome.state == State.PROCESSING and before != PaymentStatus.PROCESSING:
        payment.process()
    payment.save()
    if before == PaymentStatus.PENDING and invoice.status == "open":
        invoice.start_paying()
        invoice.updated_at = payment.updated_at
        invoice.save()
        events.record("invoice.payment_started", invoice)


def end(invoice: Invoice, payment: Payment, outcome: Outcome) -> None:
    """Nothing was taken. A payer who merely left is no failure worth telling, and a card that was
    refused before they left has been told."""
    left = (
        payment.status == PaymentStatus.PENDING
        and outcome.state == State.CANCELED
        and outcome.declined <= payment.declines
    )
    if outcome.state == State.FAILED or payment.status in IN_FLIGHT:
        payment.fail(outcome.failure_code or "canceled", outcome.failure_message)
    else:
        payment.cancel()
    payment.declines = max(payment.declines, outcome.declined)
    payment.next_look_at = None
    payment.save()
    land(invoice)
    invoice.updated_at = payment.updated_at
    invoice.save()
    if not left:
        events.record("invoice.payment_failed", invoice)
    collecting.follow_failed(invoice, payment)


def land(invoice: Invoice) -> None:
    """Reopen an invoice when the last of its money in flight has come down."""
    if invoice.status == "paying" and not invoice.payments.filter(status__in=IN_FLIGHT).exists():
        invoice.stop_paying()
