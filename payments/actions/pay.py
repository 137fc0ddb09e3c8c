"""The verbs of paying: begin, hear what became of it, declare, release.

Every one locks the invoice first, then the payment, then the ledger's accounts. None of them
speaks to a provider: see payments/flows.py for what does.
"""

from invoicing import clock, events, money
from invoicing.actions.action import action
from invoicing.doorbell import ring
from invoicing.errors import Conflict, InvalidState, NotConfigured, NotFound, ValidationFailed
from invoicing.intents import keep_to_measure
from invoicing.models import Invoice, Merchant
from payments import bookings, collecting, setting_aside, settling
from payments.attempts import LOOK_AGAIN, MAX_ATTEMPTS
from payments.inputs import MarkPaidInput, in_minor_units
from payments.methods import KEEPERS, known_customer
from payments.models import MONEY_CAME, UNFINISHED, Payment, PaymentStatus
from payments.offered import rails_of
from payments.rails.rail import Instructions, Outcome, State
from payments.wallets import receiving_wallet


@action
def begin_payment(invoice_pk: int, rail: str, amount: int | None = None) -> Payment:
    """The attempt row, committed before any provider hears of it.

    `amount` is in minor units, all that is due when left out. An attempt that is still waiting
    for its payer is returned again, so a double click begins one payment.
    """
    invoice = _locked_invoice(invoice_pk)
    if invoice.status == "paying":
        raise InvalidState(
            "A payment for this invoice is on its way; wait until it is known what became of it.",
            details={"status": invoice.status},
        )
    _payable(invoice)
    if rail not in rails_of(invoice):
        raise NotConfigured(f"This invoice cannot be paid by {rail}.", details={"rail": rail})
    wanted = _wanted(invoice, amount, partial=invoice.allow_partial)
    waiting = invoice.payments.filter(
        rail=rail, amount=wanted, status=PaymentStatus.PENDING
    ).first()
    if waiting is not None:
        return waiting
    if invoice.payments.count() >= MAX_ATTEMPTS:
        raise Conflict("There were too many attempts to pay this invoice; ask the merchant.")
    at = clock.now(invoice.merchant)
    keeper = KEEPERS.get(rail) if collecting.goes_on(invoice) else None
    if keeper and invoice.customer:
        known_customer(invoice.customer, keeper)
    return Payment.objects.create(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail=rail,
        keeps_method=keeper is not None,
        currency=invoice.currency,
        amount=wanted,
        created_at=at,
        updated_at=at,
        asked_at=clock.wall(),
        next_look_at=at + LOOK_AGAIN[3],
    )


@action
def record_instructions(payment_pk: int, instructions: Instructions) -> Payment:
    """Keep where the provider sends the payer."""
    payment = _locked_payment(payment_pk)
    payment.url = instructions.url
    payment.provider_reference = instructions.reference
    payment.updated_at = clock.now(payment.merchant)
    payment.save()
    return payment


@action
def apply_outcome(payment_pk: int, outcome: Outcome) -> Payment:
    """Take the provider's word on a payment and let invoice and ledger follow.

    Providers repeat themselves and speak out of turn: an outcome only ever moves a payment
    forward. Money that came is believed whenever it came; how much it cost may be learnt later.
    """
    invoice = _locked_invoice(
        Payment.objects.values_list("invoice_id", flat=True).get(pk=payment_pk)
    )
    payment = _locked_payment(payment_pk)
    if outcome.state == State.SUCCEEDED and payment.status in MONEY_CAME:
        settling.learn(payment, outcome)
        return payment
    finished = payment.status not in UNFINISHED
    if finished and outcome.state != State.SUCCEEDED:
        return payment
    if finished and payment.deposits.exists():
        setting_aside.hear_again(payment, outcome)
        return payment
    at = clock.now(invoice.merchant)
    payment.updated_at = at
    payment.method = dict(outcome.method) or payment.method
    payment.provider_reference = payment.provider_reference or outcome.reference
    payment.money_reference = payment.money_reference or outcome.money_reference
    payment.failure_advice = outcome.advice or ""
    payment.looks_made += 1
    payment.next_look_at = at + LOOK_AGAIN[min(payment.looks_made, len(LOOK_AGAIN) - 1)]
    if outcome.state == State.SUCCEEDED and not settling.fits(payment, outcome):
        settling.set_aside(invoice, payment, outcome)
    elif outcome.state == State.SUCCEEDED:
        settling.succeed(invoice, payment, outcome)
    elif outcome.state in {State.PROCESSING, State.UNKNOWN}:
        settling.in_flight(invoice, payment, outcome)
    elif outcome.state in {State.FAILED, State.CANCELED}:
        settling.end(invoice, payment, outcome)
    elif outcome.declined > payment.declines:
        payment.declines = outcome.declined
        payment.failure_code = outcome.failure_code
        payment.failure_message = outcome.failure_message
        payment.save()
        events.record("invoice.payment_failed", invoice)
    else:
        payment.save()
    return payment


@action
def mark_paid(merchant: Merchant, reference: str, wanted: MarkPaidInput) -> Payment:
    """Declare money received elsewhere. It goes to the wallet's external part, without fees.

    Raises InvalidState for an invoice that asks for nothing or has money in flight.
    """
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    if invoice.status not in {"open", "expired", "uncollectible"}:
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be marked paid.",
            details={"status": invoice.status},
        )
    amount = _wanted(invoice, in_minor_units(wanted.amount, invoice.currency), partial=True)
    keep_to_measure("settle", invoice.currency, amount)
    at = clock.now(merchant)
    payment = Payment(
        merchant=merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail="manual",
        currency=invoice.currency,
        amount=amount,
        method={"type": wanted.method, "reference": wanted.reference},
        note=wanted.note,
        created_at=at,
        updated_at=at,
    )
    payment.save(force_insert=True)
    settling.succeed(
        invoice, payment, Outcome(State.SUCCEEDED, payment.amount, payment.currency, provider_fee=0)
    )
    # A page that the payer left open should not be paid as well.
    ring("payments.tasks.cancel_payments_of_closed_invoices")
    return payment


@action
def release_payment(payment_pk: int) -> bool:
    """Let a cleared payment's net become available."""
    payment = _locked_payment(payment_pk)
    at = clock.now(payment.merchant)
    cleared = payment.available_at is not None and payment.available_at <= at
    if payment.status not in MONEY_CAME or payment.released_at or not cleared:
        return False
    payment.released_at = at
    payment.save()
    bookings.book_release(payment)
    return True


def _payable(invoice: Invoice) -> None:
    if invoice.status == "paid":
        raise InvalidState("This invoice is already paid.", details={"status": "paid"})
    if invoice.status != "open":
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be paid.",
            details={"status": invoice.status},
        )
    if invoice.expires_at and invoice.expires_at <= clock.now(invoice.merchant):
        raise InvalidState(
            "The time to pay this invoice has passed.", details={"status": "expired"}
        )


def _wanted(invoice: Invoice, amount: int | None, *, partial: bool) -> int:
    due = invoice.amount_due
    if amount is None:
        return due
    if amount > due:
        text = money.to_text(due, invoice.currency)
        raise ValidationFailed([("amount", f"must be at most what is due, {text}")])
    if amount < due and not partial:
        raise ValidationFailed([("amount", "must be all that is due: no part payments here")])
    return amount


def _locked_invoice(pk: int) -> Invoice:
    return Invoice.objects.locked().get(pk=pk)


def _locked_payment(pk: int) -> Payment:
    return (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .get(pk=pk)
    )
