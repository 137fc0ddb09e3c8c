"""The verbs of disputes: hear of one and of how it goes, write the answer, hand it in.

Locks the invoice and the payment, or the deposit, then the dispute, then the ledger's accounts.
None of them speaks to a provider: see payments/flows.py for what does.
"""

from datetime import timedelta
from typing import Any

from django_fsm import can_proceed

from invoicing import clock, events, idempotency, mail, reminding
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.models import Invoice, Merchant
from invoicing.representations import public_url
from payments import disputing, setting_aside
from payments.evidence import FILES, MAX_FILE_BYTES, TOO_LARGE, sniffed_type
from payments.inputs import EvidenceInput
from payments.models import Deposit, Dispute, DisputeFile, DisputeSubmission, Payment
from payments.rails.rail import DisputeOutcome

LOOK_AGAIN = timedelta(hours=6)


@action
def apply_dispute(payment_pk: int, outcome: DisputeOutcome) -> Dispute:
    """Take the provider's word on a dispute, and let the books, payment and invoice follow.

    What the provider holds back decides what moves, whatever order its words come in. Raises
    Conflict for one that holds back money of a deposit.
    """
    invoice_pk = Payment.objects.values_list("invoice_id", flat=True).get(pk=payment_pk)
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    payment = _locked_payment(payment_pk, invoice)
    dispute = _known(outcome) or _new(payment, outcome, payment=payment, invoice=invoice)
    if dispute.deposit_id:
        raise Conflict(f"{outcome.reference} is of {dispute.deposit} already.")
    dispute.invoice, dispute.payment = invoice, payment
    before = _update(dispute, outcome)
    disputing.follow_payment(dispute, payment, invoice, outcome)
    _follow_status(dispute, outcome)
    dispute.save()
    reminding.reschedule(invoice)
    _tell(dispute, before)
    return dispute


@action
def apply_deposit_dispute(deposit_pk: int, outcome: DisputeOutcome) -> Dispute | None:
    """The same for money that fitted nothing; None if it is a payment's by now.

    Locks the deposit, then the dispute.
    """
    deposit = (
        Deposit.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .get(pk=deposit_pk)
    )
    dispute = _known(outcome)
    if dispute is None and deposit.matched_payment_id:
        return None
    dispute = dispute or _new(deposit, outcome, deposit=deposit)
    if dispute.payment_id:
        return None
    dispute.deposit = deposit
    before = _update(dispute, outcome)
    was = deposit.status, deposit.amount_withdrawn
    disputing.follow_deposit(dispute, deposit, outcome)
    _follow_status(dispute, outcome)
    dispute.save()
    disputing.take_what_returned(deposit)
    setting_aside.settle(deposit)
    _tell(dispute, before)
    if (deposit.status, deposit.amount_withdrawn) != was:
        events.record("deposit.disputed", deposit)
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
        raise ValidationFailed([("content_base64", "must be a PDF, a JPEG or a PNG")])
    if len(content) > MAX_FILE_BYTES:
        raise ValidationFailed([("content_base64", TOO_LARGE)])
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


def _tell(dispute: Dispute, before: str) -> None:
    """Let the merchant know, at once and by mail: a bank's deadline is short."""
    ended = dispute.closed_at is not None
    if not before:
        events.record("dispute.created", dispute)
    if dispute.status != before and (ended or before):
        events.record("dispute.closed" if ended else "dispute.updated", dispute)
    if dispute.status != before and (ended or not before):
        mail.queue_to_owners(dispute.merchant, "dispute", _said(dispute))


def _said(dispute: Dispute) -> dict[str, object]:
    """What a mail about a dispute says; without a number where no invoice asked for the money."""
    return {
        "merchant_name": dispute.merchant.name,
        "number": str(dispute.invoice or ""),
        "amount": dispute.amount,
        "currency": dispute.currency,
        "reason": dispute.reason.replace("_", " "),
        "status": dispute.status,
        "answer_by": dispute.evidence_due_at,
        "url": public_url(f"/dashboard/disputes/{dispute.public_id}/"),
    }


def _known(outcome: DisputeOutcome) -> Dispute | None:
    """The dispute that goes by this name, locked."""
    rows = Dispute.objects.select_related("merchant", "deposit").select_for_update(of=("self",))
    return rows.filter(provider_reference=outcome.reference).first()


def _new(came: Payment | Deposit, outcome: DisputeOutcome, **of: Any) -> Dispute:
    """A dispute that was not known; it is of no more than the provider took."""
    at = clock.now(came.merchant)
    return Dispute(
        merchant=came.merchant,
        provider_reference=outcome.reference,
        currency=came.currency,
        amount=min(outcome.amount, _taken_for(came)),
        created_at=at,
        updated_at=at,
        **of,
    )


def _taken_for(came: Payment | Deposit) -> int:
    """What the provider took from the payer at the time, in minor units.

    A payment that unmatched money became may have less: some had gone back before.
    """
    if isinstance(came, Deposit):
        return came.amount
    first = Deposit.objects.filter(matched_payment=came).first()
    return first.amount if first else came.received


def _update(dispute: Dispute, outcome: DisputeOutcome) -> str:
    """What the provider says beside where the money is; the status before, none for a new one."""
    before = dispute.status if dispute.pk else ""
    at = clock.now(dispute.merchant)
    dispute.reason = outcome.reason
    dispute.evidence_due_at = outcome.evidence_due_at
    dispute.updated_at = at
    dispute.looks_made += 1
    dispute.next_look_at = at + LOOK_AGAIN
    # The ledger's entries are of a row that is there.
    if not dispute.pk:
        dispute.save(force_insert=True)
    return before


def _open_for_answer(merchant: Merchant, dispute_id: str) -> Dispute:
    dispute = (
        Dispute.objects.select_related("merchant", "invoice", "payment", "deposit")
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
