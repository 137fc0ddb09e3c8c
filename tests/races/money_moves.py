"""What races for money given back, disputed, charged, charged again, unmatched or kept as credit.

`many` plays one race after another in the same two processes: they meet before each, outside of
any lock, so hundreds cost little. A control meets between looking and writing, without the locks.
"""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import IntegrityError

from invoicing import clock
from invoicing.actions import invoices
from invoicing.errors import BillhookError
from invoicing.models import Merchant
from payments import bookings, crediting, disputing, giving_back, intake, refunding, settling
from payments.actions import (
    charges,
    credit_notes,
    deposits,
    disputes,
    methods,
    pay,
    periods,
    recurring,
    refunds,
)
from payments.inputs import CreditNoteInput, DepositMatch, MarkPaidInput, RefundInput
from payments.models import Deposit, Payment, PaymentMethod
from payments.rails.rail import DisputeOutcome, Outcome, State
from payments.recurring_inputs import PauseInput
from tests.crew_process import expect_all, meet
from tests.races.moves import _racing


def many(move: str, each: list[dict[str, Any]]) -> list[list[str]]:
    """One race after another; for each what was refused, or nothing, and what came of it."""
    ends = []
    for of in each:
        expect_all(1)
        meet()
        ends.append(_end(move, of))
    return ends


def without(move: str, **of: Any) -> list[str]:
    """A control: one race without the guard."""
    with _racing(False, *MEETINGS[move]), _unguarded(move):
        return _end(move, of)


def _unguarded(move: str) -> AbstractContextManager[Any]:
    """Where the guard is that a constraint's refusal is understood: it no longer is."""
    if move == "take":
        return mock.patch.object(intake, "IntegrityError", ZeroDivisionError)
    return nullcontext()


def _end(move: str, of: dict[str, Any]) -> list[str]:
    try:
        return ["", str(globals()[move](**of))]
    except (BillhookError, IntegrityError) as refusal:
        return [type(refusal).__name__, str(refusal)]


def refund(merchant_pk: int, reference: str, amount: str) -> str:
    wanted = RefundInput(amount=amount)  # type: ignore[arg-type]
    (row,) = refunds.refund_invoice(Merchant.objects.get(pk=merchant_pk), reference, wanted)
    return row.public_id


def dispute(payment_pk: int, reference: str) -> str:
    """The bank takes all of it back."""
    payment = Payment.objects.get(pk=payment_pk)
    return disputes.apply_dispute(payment_pk, _all_taken(payment.received, reference)).public_id


def dispute_deposit(deposit_pk: int, reference: str) -> str:
    """The bank takes all of it back; the look-up beside it is the flow's, which has no network."""
    deposit = Deposit.objects.get(pk=deposit_pk)
    taken = _all_taken(deposit.amount, reference)
    row = disputes.apply_deposit_dispute(deposit_pk, taken)
    if row is None:
        row = disputes.apply_dispute(Payment.objects.get(matched_deposit=deposit).pk, taken)
    return row.public_id


def _all_taken(amount: int, reference: str) -> DisputeOutcome:
    return DisputeOutcome(
        reference=reference,
        money_reference="",
        status="needs_response",
        reason="fraudulent",
        amount=amount,
        withdrawn=amount,
        fee=1500,
        evidence_due_at=clock.wall() + timedelta(days=9),
        submitted=False,
        opened_at=clock.wall(),
    )


def charge(merchant_pk: int, reference: str) -> str:
    return charges.begin_charge_of(Merchant.objects.get(pk=merchant_pk), reference).public_id


def choose(merchant_pk: int, customer: str, method: str) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    return methods.choose_default(merchant, customer, method).public_id


def submit(merchant_pk: int, reference: str) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    return disputes.begin_submission(merchant, reference, concede=True).public_id


def match(merchant_pk: int, deposit: str, invoice: str) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    return deposits.match_deposit(merchant, deposit, DepositMatch(invoice_id=invoice)).public_id


def take(notice: str) -> str:
    return str(intake._keep("stripe", notice, "{}", {}))


def credit(merchant_pk: int, reference: str, amount: str) -> str:
    """A credit note over a part of an invoice."""
    # Without a mail, of which there can be but one.
    wanted = CreditNoteInput(amount=amount, send=False)  # type: ignore[arg-type]
    merchant = Merchant.objects.get(pk=merchant_pk)
    return credit_notes.issue_credit_note(merchant, reference, wanted).public_id


def arrive(payment_pk: int) -> str:
    """All of a payment's money arrives."""
    payment = Payment.objects.get(pk=payment_pk)
    came = Outcome(State.SUCCEEDED, payment.amount, payment.currency, provider_fee=0)
    return pay.apply_outcome(payment_pk, came).public_id


def issue(merchant_pk: int, reference: str) -> str:
    """The customer's credit is spent on whatever is issued."""
    return invoices.finalize_invoice(Merchant.objects.get(pk=merchant_pk), reference).public_id


def begin(recurring_pk: int) -> str:
    """The next period of a schedule."""
    period, _ = periods.begin_period(recurring_pk)
    return str(period.number) if period else ""


def pause(merchant_pk: int, reference: str) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    return str(recurring.pause_recurring(merchant, reference, PauseInput()).status)


def retry(period_pk: int) -> str:
    """Another try for a period whose charge has failed."""
    payment = periods.begin_retry(period_pk)
    return payment.public_id if payment else ""


def mark_paid(merchant_pk: int, reference: str) -> str:
    """All that is due was received elsewhere."""
    merchant = Merchant.objects.get(pk=merchant_pk)
    return pay.mark_paid(merchant, reference, MarkPaidInput()).public_id


# Between looking and writing, where a race would be lost.
MEETINGS: dict[str, tuple[Any, str]] = {
    "refund": (refunding, "_begin"),
    "dispute": (disputing, "follow_payment"),
    "dispute_deposit": (disputing, "follow_deposit"),
    "charge": (charges, "attempt"),
    "choose": (PaymentMethod, "save"),
    "submit": (clock, "now"),
    "match": (deposits, "receiving_wallet"),
    "issue": (crediting, "receiving_wallet"),
    "credit": (giving_back, "to_refund"),
    "arrive": (settling, "clears_at"),
    "take": (clock, "wall"),
    "begin": (periods, "plan_next"),
    "pause": (clock, "now"),
    "retry": (periods, "_may_try"),
    "mark_paid": (bookings, "book_payment"),
}
