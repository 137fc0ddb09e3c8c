"""The verbs of refunds: promise one, hear what became of it, take over one made elsewhere.

Every one locks the invoice first, then the payment, then the refund, then the ledger's accounts.
None of them speaks to a provider: see payments/flows.py for what does.
"""

from invoicing import clock, idempotency
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.intents import keep_to_measure
from invoicing.models import Invoice, Merchant
from payments import refunding, sending
from payments.attempts import LOOK_AGAIN
from payments.clearing import ON_CHAIN
from payments.inputs import DepositRefundInput, RefundInput, in_minor_units
from payments.models import REFUNDS_UNFINISHED, Deposit, Payment, Refund
from payments.rails.rail import RefundOutcome, State


@action
def refund_invoice(merchant: Merchant, reference: str, wanted: RefundInput) -> list[Refund]:
    """Promise money back to an invoice's payer: one refund for each payment that it takes.

    Raises NotFound, InvalidState when nothing can be refunded, ValidationFailed for too much.
    """
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    amount = in_minor_units(wanted.amount, invoice.currency)
    promised = refunding.promise_refunds(invoice, wanted, amount)
    idempotency.note(",".join(refund.public_id for refund in promised))
    return promised


@action
def refund_overpayment(merchant: Merchant, payment_id: str, wanted: RefundInput) -> Refund:
    """Promise the surplus of a payment back, as far as it is still the payer's credit."""
    payment = _payment(merchant, payment_id)
    amount = in_minor_units(wanted.amount, payment.currency)
    refund = refunding.promise_credit_back(payment, wanted, amount)
    idempotency.note(refund.public_id)
    return refund


@action
def refund_deposit(
    merchant: Merchant, deposit_id: str, wanted: DepositRefundInput | None = None
) -> Refund:
    """Promise unmatched money back to whoever sent it; USDC to the address that is named."""
    deposit = (
        Deposit.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .filter(merchant=merchant, public_id=deposit_id)
        .first()
    )
    if deposit is None:
        raise NotFound(f"There is no deposit {deposit_id}.")
    if deposit.status != "unmatched":
        raise InvalidState(
            f"This money has been {deposit.status} already.", details={"status": deposit.status}
        )
    keep_to_measure("refund", deposit.currency, deposit.left)
    refund = refunding.begin_for_deposit(deposit, deposit.left)
    if deposit.rail in ON_CHAIN:
        wanted = wanted or DepositRefundInput()
        sending.ask_for_payout(refund, wanted.address, wanted.chain)
    idempotency.note(refund.public_id)
    return refund


@action
def apply_refund_outcome(refund_pk: int, outcome: RefundOutcome) -> Refund:
    """Take the provider's word on a refund. It only moves forward, though it may fail late."""
    refund = refunding.locked(refund_pk)
    at = clock.now(refund.merchant)
    refund.provider_reference = refund.provider_reference or outcome.reference
    if outcome.state == State.FAILED and refund.status != "failed":
        refunding.release(refund, outcome.failure_code, outcome.failure_message)
        return refund
    if refund.status not in REFUNDS_UNFINISHED:
        return refund
    refund.updated_at = at
    refund.looks_made += 1
    refund.next_look_at = at + LOOK_AGAIN[min(refund.looks_made, len(LOOK_AGAIN) - 1)]
    if outcome.state == State.SUCCEEDED:
        refunding.complete(refund)
    else:
        if outcome.state == State.UNKNOWN and refund.status == "pending":
            refund.lose_sight()
        refund.save()
    return refund


@action
def adopt_refund(payment_pk: int, outcome: RefundOutcome) -> Refund | None:
    """Take over a refund that somebody made at the provider's own desk, whatever is left here."""
    invoice_pk = Payment.objects.values_list("invoice_id", flat=True).get(pk=payment_pk)
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if Refund.objects.filter(provider_reference=outcome.reference).exists():
        return None
    if outcome.state == State.FAILED:
        return None
    payment = (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .get(pk=payment_pk)
    )
    payment.invoice = invoice
    refund = refunding.take_over(payment, outcome.amount)
    refund.provider_reference = outcome.reference
    refund.save()
    if outcome.state == State.SUCCEEDED:
        refunding.complete(refund)
    return refund


@action
def adopt_deposit_refund(deposit_pk: int, outcome: RefundOutcome) -> Refund | None:
    """Take over a refund of unmatched money that was made at the provider's own desk.

    It has gone, whatever is left of the money here. Raises Conflict for money that is a payment's
    by now, so that it is heard again as that payment's.
    """
    deposit = (
        Deposit.objects.select_for_update(of=("self",))
        .select_related("merchant")
        .get(pk=deposit_pk)
    )
    known = Refund.objects.filter(provider_reference=outcome.reference).exists()
    if known or outcome.state == State.FAILED:
        return None
    if deposit.matched_payment_id:
        raise Conflict(f"{deposit} has been matched meanwhile.")
    refund = refunding.begin_for_deposit(
        deposit, outcome.amount, note="Made at the provider's own desk."
    )
    refund.provider_reference = outcome.reference
    refund.save()
    if outcome.state == State.SUCCEEDED:
        refunding.complete(refund)
    return refund


def _payment(merchant: Merchant, payment_id: str) -> Payment:
    found = Payment.objects.filter(merchant=merchant, public_id=payment_id).first()
    if found is None:
        raise NotFound(f"There is no payment {payment_id}.")
    invoice = Invoice.objects.locked().get(pk=found.invoice_id)
    payment = (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .get(pk=found.pk)
    )
    payment.invoice = invoice
    return payment
