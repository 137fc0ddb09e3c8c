"""The verbs of disputes: hear of one and of how it goes, write the answer, hand it in.

Locks the invoice first, then the payment, then the dispute, then the ledger's accounts. None of
them speaks to a provider: see payments/flows.py for what does.
"""

from datetime import timedelta

from django_fsm import can_proceed

from invoicing import clock, events, idempotency, mail, reminding
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.models import Invoice, Merchant
from invoicing.representations import public_url
from payments import bookings, ledger
from payments.evidence import FILES, MAX_FILE_BYTES, sniffed_type
from payments.inputs import EvidenceInput
from payments.models import Dispute, DisputeFile, DisputeSubmission, Payment
from payments.rails.rail import DisputeOutcome

LOOK_AGAIN = timedelta(hours=6)


@action
def apply_dispute(payment_pk: int, outcome: DisputeOutcome) -> Dispute:
    """Take the provider's word on a dispute, and let the books, payment and invoice follow.

    What the provider holds back decides what moves, whatever order its words come in.
    """
    invoice_pk = Payment.objects.values_list("invoice_id", flat=True).get(pk=payment_pk)
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    payment = _locked_payment(payment_pk, invoice)
    at = clock.now(invoice.merchant)
    dispute = (
        Dispute.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(provider_reference=outcome.reference)
        .first()
    )
    is_new = dispute is None
    if dispute is None:
        dispute = Dispute(
            merchant=invoice.merchant,
            provider_reference=outcome.reference,
            currency=payment.currency,
            amount=min(outcome.amount, payment.received),
            created_at=at,
            updated_at=at,
        )
    dispute.invoice, dispute.payment = invoice, payment
    before = dispute.status
    dispute.reason = outcome.reason
    dispute.evidence_due_at = outcome.evidence_due_at
    dispute.updated_at = at
    dispute.looks_made += 1
    dispute.next_look_at = at + LOOK_AGAIN
    if is_new:
        dispute.save(force_insert=True)
        events.record("dispute.created", dispute)
    _follow_money(dispute, outcome)
    _follow_status(dispute, outcome)
    dispute.save()
    reminding.reschedule(invoice)
    if dispute.status != before or is_new:
        _tell(dispute, is_new)
    return dispute


@action
def save_evidence(merchant: Merchant, dispute_id: str, wanted: EvidenceInput) -> Dispute:
    """Keep what the merchant has written so far; nothing is handed in yet."""
    dispute = _open_for_answer(merchant, dispute_id)
    said = {**dispute.evidence, **wanted.said()}
    dispute.evidence = {name: text for name, text in said.items() if text}
    dispute.updated_at = clock.now(merchant)
    dispute.save()
    return dispute


@action
def attach_file(
    merchant: Merchant, dispute_id: str, field: str, name: str, content: bytes
) -> Dispute:
    """Keep a document for the bank: PDF, JPEG or PNG. One for each field; a new one replaces it."""
    dispute = _open_for_answer(merchant, dispute_id)
    if field not in FILES:
        raise ValidationFailed([("field", f"must be one of {', '.join(FILES)}")])
    kind = sniffed_type(content)
    if kind is None:
        raise ValidationFailed([("file", "must be a PDF, a JPEG or a PNG")])
    if len(content) > MAX_FILE_BYTES:
        raise ValidationFailed([("file", "must be at most 4.5 MB")])
    DisputeFile.objects.update_or_create(
        dispute=dispute,
        field=field,
        defaults={
            "name": name[:200],
            "content_type": kind,
            "content": content,
            "created_at": clock.now(merchant),
        },
    )
    return dispute


@action
def remove_file(merchant: Merchant, dispute_id: str, field: str) -> Dispute:
    """Take a document out of the answer again, if it is in there."""
    dispute = _open_for_answer(merchant, dispute_id)
    dispute.files.filter(field=field).delete()
    return dispute


@action
def begin_submission(
    merchant: Merchant, dispute_id: str, *, concede: bool = False
) -> DisputeSubmission:
    """The row that is committed before the bank is answered. It is answered once.

    Raises InvalidState once it has been, ValidationFailed while there is nothing to say.
    """
    dispute = _open_for_answer(merchant, dispute_id)
    waiting = dispute.submissions.filter(status="pending").first()
    if waiting is not None:
        if waiting.concede != concede:
            raise InvalidState(
                "The bank is being answered already, and otherwise than this.",
                details={"status": dispute.status},
            )
        idempotency.note(waiting.public_id)
        return waiting
    if not concede and not dispute.evidence and not dispute.files.exists():
        raise ValidationFailed([("evidence", "must say something before it is handed in")])
    at = clock.now(merchant)
    submission = DisputeSubmission.objects.create(
        dispute=dispute,
        concede=concede,
        evidence=dispute.evidence,
        created_at=at,
        updated_at=at,
        next_look_at=at + timedelta(minutes=5),
    )
    idempotency.note(submission.public_id)
    return submission


@action
def record_submission(submission_pk: int, *, refused: str = "") -> DisputeSubmission:
    """The bank has the answer, or refused to take it."""
    submission = (
        DisputeSubmission.objects.select_related("dispute__merchant")
        .select_for_update(of=("self",))
        .get(pk=submission_pk)
    )
    if submission.status != "pending":
        return submission
    at = clock.now(submission.dispute.merchant)
    submission.status = "failed" if refused else "succeeded"
    submission.failure_message = refused[:300]
    submission.updated_at = at
    submission.next_look_at = None
    submission.save()
    if not refused:
        Dispute.objects.filter(pk=submission.dispute_id).update(submitted_at=at, updated_at=at)
    return submission


def _follow_money(dispute: Dispute, outcome: DisputeOutcome) -> None:
    """Book the difference between what is held back now and what was when last heard of."""
    payment, invoice = dispute.payment, dispute.invoice
    withdrawn = min(outcome.withdrawn, dispute.amount)
    gone = outcome.status == "lost" and withdrawn
    fee = outcome.fee - dispute.fee
    if not gone and dispute.reversed:
        _restore(dispute, payment, invoice)
    held = dispute.withdrawn
    # A dispute that was over when we first heard of it holds nothing back, and has cost its fee.
    if withdrawn > held or fee > 0:
        bookings.book_withdrawal(dispute, max(withdrawn - held, 0), max(fee, 0))
    if withdrawn < held or fee < 0:
        bookings.book_reinstatement(dispute, max(held - withdrawn, 0), max(-fee, 0))
    dispute.withdrawn = withdrawn
    dispute.fee = outcome.fee
    if gone and not dispute.reversed:
        _lose(dispute, payment, invoice, withdrawn)


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


def _follow_status(dispute: Dispute, outcome: DisputeOutcome) -> None:
    """Only ever forward; a word that comes late changes nothing."""
    at = dispute.updated_at
    steps = {
        "needs_response": dispute.ask,
        "under_review": dispute.review,
        "won": lambda: dispute.win(at),
        "lost": lambda: dispute.lose(at),
        "closed": lambda: dispute.close(at),
    }
    transitions = {
        "needs_response": dispute.ask,
        "under_review": dispute.review,
        "won": dispute.win,
        "lost": dispute.lose,
        "closed": dispute.close,
    }
    if outcome.status in steps and can_proceed(transitions[outcome.status]):
        steps[outcome.status]()
    if outcome.submitted and dispute.submitted_at is None:
        dispute.submitted_at = at
    if dispute.closed_at:
        dispute.next_look_at = None


def _tell(dispute: Dispute, is_new: bool) -> None:
    """Let the merchant know, at once and by mail: a bank's deadline is short."""
    ended = dispute.closed_at is not None
    if not is_new:
        events.record("dispute.closed" if ended else "dispute.updated", dispute)
    elif ended:
        events.record("dispute.closed", dispute)
    if is_new or ended:
        mail.queue_to_owners(dispute.merchant, "dispute", _said(dispute))


def _said(dispute: Dispute) -> dict[str, object]:
    """What a mail about a dispute says."""
    return {
        "merchant_name": dispute.merchant.name,
        "number": str(dispute.invoice),
        "amount": dispute.amount,
        "currency": dispute.currency,
        "reason": dispute.reason.replace("_", " "),
        "status": dispute.status,
        "answer_by": dispute.evidence_due_at,
        "url": public_url(f"/dashboard/disputes/{dispute.public_id}/"),
    }


def _open_for_answer(merchant: Merchant, dispute_id: str) -> Dispute:
    dispute = (
        Dispute.objects.select_related("merchant", "invoice", "payment")
        .select_for_update(of=("self",))
        .filter(merchant=merchant, public_id=dispute_id)
        .first()
    )
    if dispute is None:
        raise NotFound(f"There is no dispute {dispute_id}.")
    if not dispute.can_respond or dispute.submitted_at:
        raise InvalidState(
            "This dispute takes no more evidence.", details={"status": dispute.status}
        )
    return dispute


def _locked_payment(payment_pk: int, invoice: Invoice) -> Payment:
    payment = (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .get(pk=payment_pk)
    )
    payment.invoice = invoice
    return payment
