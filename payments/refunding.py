"""Promising money back: what can be refunded, and the rows that reserve it.

Everything here happens in the caller's transaction, under the lock of the invoice, which is taken
first; the payments are locked after it.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F

from invoicing import clock, events, mail, money
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.intents import keep_to_measure
from invoicing.models import CreditNote, Invoice
from payments import bookings, disputing, ledger
from payments.clearing import ON_CHAIN
from payments.inputs import RefundInput
from payments.models import Deposit, Payment, Refund, Wallet
from payments.sending import ask_for_payout
from payments.setting_aside import parts_of, settle

# What happens within these walls is done at once; the rest is asked of a provider.
LOOK_FIRST = timedelta(minutes=5)
AT_ONCE = {"wallet", "credit_balance", "manual"}


def promise_refunds(
    invoice: Invoice,
    wanted: RefundInput,
    amount: int | None,
    credit_note: CreditNote | None = None,
) -> list[Refund]:
    """Reserve money to give back: one refund for each payment that it takes, the newest first.

    `amount` is in minor units, all that can be refunded when left out. Raises InvalidState when
    nothing can be, ValidationFailed for more than can be, NotFound for an unknown payment.
    """
    payments = _refundable(invoice, wanted)
    most = sum(payment.refundable for payment in payments)
    if not most:
        raise InvalidState(why_not(invoice), details={"status": invoice.status})
    if amount is None:
        amount = most
    if amount > most:
        text = money.to_text(most, invoice.currency)
        raise ValidationFailed([("amount", f"must be at most what can still be refunded, {text}")])
    keep_to_measure("refund", invoice.currency, amount)
    to_wallet = _payers_wallet(invoice, wanted)
    if wanted.destination == "original":
        payments = _sent_back(payments, amount)
    refunds = []
    for payment in payments:
        part = min(amount, payment.refundable)
        if part:
            destination = _destination(payment, wanted)
            refund = Refund(
                invoice=invoice,
                payment=payment,
                destination=destination,
                to_wallet=to_wallet,
                amount=part,
                credit_note=credit_note,
            )
            refunds.append(_begin(refund, wanted))
            amount -= part
    return refunds


def promise_credit_back(payment: Payment, wanted: RefundInput, amount: int | None) -> Refund:
    """Reserve an overpayment's surplus to give back, as far as it is still the payer's credit.

    Raises InvalidState where nothing of it is left, ValidationFailed for more than is left.
    """
    most = credit_left(payment)
    if most <= 0:
        raise InvalidState("Nothing of this payment is left as credit, so none can go back.")
    if amount is not None and amount > most:
        text = money.to_text(most, payment.currency)
        raise ValidationFailed([("amount", f"must be at most the credit that is left, {text}")])
    keep_to_measure("refund", payment.currency, most if amount is None else amount)
    refund = Refund(
        invoice=payment.invoice,
        payment=payment,
        source=Refund.Source.CREDIT,
        destination=_destination(payment, wanted),
        to_wallet=_payers_wallet(payment.invoice, wanted),
        amount=most if amount is None else amount,
    )
    return _begin(refund, wanted)


def credit_left(payment: Payment) -> int:
    """What of an overpayment's surplus is still the payer's credit. Locks the credit's account."""
    held = ledger.locked_balance(bookings.credit_of(payment))
    return min(payment.surplus - payment.surplus_returned, held)


def take_over(payment: Payment, amount: int) -> Refund:
    """Write down what the provider has given back of a payment without our asking.

    It has gone, so no dispute stands in its way. What the payment had not left to give back comes
    from the payer's credit for this payment, as far as that is still there, and from the wallet,
    which may owe it.
    """
    excess = amount - min(amount, max(payment.refundable, 0))
    left = payment.surplus - payment.surplus_returned
    of_credit = min(excess, left, ledger.locked_balance(bookings.credit_of(payment)) if left else 0)
    refund = Refund(
        invoice=payment.invoice,
        payment=payment,
        destination=Refund.Destination.ORIGINAL,
        amount=amount,
        excess=excess,
        of_credit=of_credit,
    )
    wanted = RefundInput(reason="other", note="Made at the provider's own desk.")
    refund = _begin(refund, wanted)
    if excess:
        events.record("refund.exceeded", refund)
    return refund


def complete(refund: Refund) -> None:
    """The money has gone where it was to go: book it and tell of it."""
    at = clock.now(refund.merchant)
    refund.succeed(at)
    refund.next_look_at = None
    refund.updated_at = at
    refund.save()
    bookings.book_refund_done(refund)
    events.record("refund.succeeded", refund)
    if refund.invoice and refund.source == Refund.Source.WALLET:
        events.record("invoice.refunded", refund.invoice)
        # A credit note's own mail tells of what goes back for it.
        if refund.credit_note_id is None and refund.invoice.recipient_email:
            more = {"amount": refund.amount, "destination": refund.destination}
            mail.queue_for_invoice(refund.invoice, "refund", more)


def release(refund: Refund, code: str, message: str) -> None:
    """Nothing went back: what was reserved can be refunded again.

    The invoice, the payment and the refund must be locked.
    """
    at = clock.now(refund.merchant)
    was_done = refund.status == "succeeded"
    refund.fail(code or "failed", message[:300], at)
    refund.next_look_at = None
    refund.updated_at = at
    refund.save()
    bookings.book_refund_failed(refund, was_done=was_done)
    payment, invoice = refund.payment, refund.invoice
    if payment and refund.source == Refund.Source.CREDIT:
        payment.surplus_returned -= refund.amount
        payment.save(update_fields=["surplus_returned"])
    elif payment and invoice:
        payment.amount_refunded -= refund.counted
        payment.surplus_returned -= refund.of_credit
        invoice.amount_refunded -= refund.counted
        _count_excess(payment, invoice)
        payment.save(update_fields=["amount_refunded", "surplus_returned"])
        invoice.save(update_fields=["amount_refunded"])
    if refund.deposit:
        refund.deposit.amount_refunded -= refund.counted
        disputing.take_what_returned(refund.deposit)
        settle(refund.deposit)
    events.record("refund.failed", refund)


def _count_excess(payment: Payment, invoice: Invoice) -> None:
    """Count what the provider gave back beyond what was left, as far as something is left again.

    The wallet bears either, so that nothing moves in the books.
    """
    rows = payment.refunds.filter(excess__gt=F("of_credit")).exclude(status="failed")
    for row in rows.select_for_update().order_by("pk"):
        part = min(row.excess - row.of_credit, max(payment.refundable, 0))
        row.excess -= part
        row.save(update_fields=["excess"])
        payment.amount_refunded += part
        invoice.amount_refunded += part


def _begin(refund: Refund, wanted: RefundInput) -> Refund:
    """Write the row and move its amount out of reach; what needs no provider is done at once."""
    payment = refund.paid
    invoice = payment.invoice
    at = clock.now(invoice.merchant)
    refund.merchant = invoice.merchant
    refund.currency = payment.currency
    refund.reason = wanted.reason
    refund.note = wanted.note
    refund.created_at = refund.updated_at = at
    refund.asked_at = clock.wall()
    refund.next_look_at = at + LOOK_FIRST
    refund.save(force_insert=True)
    if refund.source == Refund.Source.CREDIT:
        payment.surplus_returned += refund.amount
    else:
        payment.amount_refunded += refund.counted
        payment.surplus_returned += refund.of_credit
        invoice.amount_refunded += refund.counted
        invoice.updated_at = at
        invoice.save(update_fields=["amount_refunded", "updated_at"])
    payment.updated_at = at
    payment.save(update_fields=["amount_refunded", "surplus_returned", "updated_at"])
    bookings.book_refund_begun(refund)
    if refund.destination == Refund.Destination.ORIGINAL and payment.rail in ON_CHAIN:
        ask_for_payout(refund, wanted.address, wanted.chain)
    events.record("refund.created", refund)
    if refund.destination in AT_ONCE:
        complete(refund)
    return refund


def _refundable(invoice: Invoice, wanted: RefundInput) -> list[Payment]:
    """The payments that can give something back, locked, the newest first."""
    rows = (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .filter(invoice=invoice)
        .order_by("pk")
    )
    payments = list(reversed(rows))
    for payment in payments:
        payment.invoice = invoice
    if wanted.payment_id:
        payments = [payment for payment in payments if payment.public_id == wanted.payment_id]
        if not payments:
            raise NotFound(f"This invoice has no payment {wanted.payment_id}.")
    held = invoice.disputes.filter(withdrawn__gt=0).values_list("payment_id", flat=True)
    disputed = set(held)
    return [payment for payment in payments if payment.refundable and payment.pk not in disputed]


def why_not(invoice: Invoice) -> str:
    """Why nothing of an invoice can be given back, as a sentence."""
    held = invoice.disputes.filter(withdrawn__gt=0)
    if held.exclude(status="lost").exists():
        return "The payer's bank disputes this payment, so nothing can be refunded meanwhile."
    if held.exists():
        return "The payer's bank has taken this payment back, so nothing is left to refund."
    if not invoice.amount_paid:
        return "Nothing has been paid on this invoice, so nothing can be refunded."
    return "All that was paid on this invoice has been given back already."


# How money came that a provider cannot send back, and where it goes instead.
_NOT_SENT = {
    "credit": "was paid with the customer's credit (destination credit_balance)",
    "manual": "was received outside Billhook (destination manual)",
}


def _sent_back(payments: list[Payment], amount: int) -> list[Payment]:
    """The payments that can go back the way they came, if that is enough for this amount.

    Raises ValidationFailed saying how much can, and what becomes of the rest.
    """
    sent = [payment for payment in payments if payment.rail not in _NOT_SENT]
    most = sum(payment.refundable for payment in sent)
    if not sent or amount <= most:
        return sent or payments
    text = money.to_text(most, sent[0].currency)
    says = [f"can be original for at most {text}"]
    for rail, why in _NOT_SENT.items():
        rest = sum(payment.refundable for payment in payments if payment.rail == rail)
        if rest:
            says.append(f"{money.to_text(rest, sent[0].currency)} {why}")
    raise ValidationFailed([("destination", "; ".join(says))])


def _destination(payment: Payment, wanted: RefundInput) -> str:
    """Where the money goes; cash and credit go back as what they are."""
    own = {"manual": "manual", "credit": "credit_balance"}.get(payment.rail, "original")
    destination = wanted.destination or own
    if destination == "original" and own != "original":
        raise ValidationFailed(
            [("destination", f"must be {own}: Billhook cannot send this payment back by itself")]
        )
    if destination != "manual" and payment.rail == "manual":
        raise ValidationFailed(
            [("destination", "must be manual: this money was never in the wallet")]
        )
    return destination


def _payers_wallet(invoice: Invoice, wanted: RefundInput) -> Wallet | None:
    if not wanted.wallet_id:
        return None
    merchant = invoice.merchant
    wallet = (
        Wallet.objects.filter(
            public_id=wanted.wallet_id, merchant__livemode=merchant.livemode, archived_at=None
        )
        .exclude(merchant=merchant)
        .first()
    )
    if wallet is None:
        raise ValidationFailed([("wallet_id", "is no payer's wallet")])
    if wallet.currency != invoice.currency:
        raise ValidationFailed([("wallet_id", f"must be a wallet of {invoice.currency}")])
    return wallet


def begin_for_deposit(deposit: Deposit, amount: int, note: str = "") -> Refund:
    """Write the row that gives unmatched money back the way it came. The deposit is locked.

    Somebody at the provider's own desk may have given back more than is unmatched still: that
    comes from the credit that it has become, and from the wallet, which may owe it.
    """
    at = clock.now(deposit.merchant)
    of_unmatched, of_credit = parts_of(deposit, amount)
    waited = deposit.status == Deposit.Status.UNMATCHED
    deposit.amount_refunded += of_unmatched
    settle(deposit)
    refund = Refund(
        merchant=deposit.merchant,
        deposit=deposit,
        source=Refund.Source.UNMATCHED,
        destination=Refund.Destination.ORIGINAL,
        currency=deposit.currency,
        amount=amount,
        excess=amount - of_unmatched,
        of_credit=of_credit,
        reason=Refund.Reason.OTHER,
        note=note,
        created_at=at,
        updated_at=at,
        asked_at=clock.wall(),
        next_look_at=at + LOOK_FIRST,
    )
    refund.save(force_insert=True)
    bookings.book_refund_begun(refund)
    events.record("refund.created", refund)
    if refund.excess:
        events.record("refund.exceeded", refund)
    if waited and deposit.resolved_at:
        events.record("deposit.resolved", deposit)
    return refund


def refundable_now(invoice: Invoice, payment: Payment | None = None) -> int:
    """What can be given back of an invoice, or of one payment, in minor units; locks nothing."""
    disputed = set(invoice.disputes.filter(withdrawn__gt=0).values_list("payment_id", flat=True))
    payments = invoice.payments.all() if payment is None else [payment]
    return sum(row.refundable for row in payments if row.pk not in disputed)


def total_of(refunds: Sequence[Refund]) -> int:
    """What several refunds give back together, in minor units."""
    return sum(refund.amount for refund in refunds)


def locked(refund_pk: int) -> Refund:
    """The refund with its invoice, payment and deposit, locked in that order."""
    keys = Refund.objects.values("invoice_id", "payment_id", "deposit_id").get(pk=refund_pk)
    invoice = payment = deposit = None
    if keys["invoice_id"]:
        invoice = Invoice.objects.locked().get(pk=keys["invoice_id"])
    if keys["payment_id"]:
        payment = (
            Payment.objects.select_related("merchant", "wallet")
            .select_for_update(of=("self",))
            .get(pk=keys["payment_id"])
        )
        if invoice:
            payment.invoice = invoice
    if keys["deposit_id"]:
        deposit = Deposit.objects.select_for_update().get(pk=keys["deposit_id"])
    refund = (
        Refund.objects.select_related("merchant", "to_wallet")
        .select_for_update(of=("self",))
        .get(pk=refund_pk)
    )
    refund.invoice, refund.payment, refund.deposit = invoice, payment, deposit
    return refund
