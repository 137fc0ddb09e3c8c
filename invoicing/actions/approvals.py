"""The verbs of what waits for a person: approve, decline, let it lapse, and what came of it.

Each locks the approval, and then its intent.
"""

from datetime import datetime, timedelta

from django.db import transaction

from invoicing import clock, doorbell, events
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound
from invoicing.models import Approval, Intent, Merchant, User
from invoicing.models.leash import ApprovalStatus

LEASE = timedelta(seconds=90)


@action
def approve(merchant: Merchant, public_id: str, by: User) -> Approval:
    """Let a worker carry it out. Raises NotFound, InvalidState once it was decided or lapsed."""
    row = _locked(merchant, public_id)
    at = clock.now(merchant)
    if row.expires_at <= at:
        raise InvalidState("It was not decided in time; the bot has to ask again.")
    row.approve(by, at)
    row.save()
    events.record("approval.approved", row)
    doorbell.ring("invoicing.tasks.carry_out_approvals")
    return row


@action
def decline(merchant: Merchant, public_id: str, by: User, note: str = "") -> Approval:
    """Do not let it be done, and say why. Raises NotFound, InvalidState once it was decided."""
    row = _locked(merchant, public_id)
    row.decline(by, note, clock.now(merchant))
    row.save()
    _end_intent(row, Intent.Status.DECLINED)
    events.record("approval.declined", row)
    return row


@action
def expire_approval(approval_pk: int) -> bool:
    """Nobody has decided in time: the bot may ask again."""
    row = Approval.objects.select_for_update().select_related("merchant").get(pk=approval_pk)
    at = clock.now(row.merchant)
    if row.status != ApprovalStatus.PENDING or row.expires_at > at:
        return False
    row.expire(at)
    row.save()
    _end_intent(row, Intent.Status.DROPPED)
    events.record("approval.expired", row)
    return True


def claim_approvals(limit: int) -> list[Approval]:
    """Take what was approved for this worker until the lease ends; nobody else gets it."""
    at = clock.wall()
    with transaction.atomic(durable=True):
        rows = list(
            Approval.objects.filter(status=ApprovalStatus.APPROVED)
            .select_related("bot__merchant", "bot__leash", "api_key", "intent")
            .exclude(leased_until__gt=at)
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        Approval.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=at + LEASE)
    return rows


@action
def record_outcome(approval_pk: int, status: int, body: str, *, dropped: bool) -> Approval:
    """Keep what came of it, for the bot that waits."""
    row = Approval.objects.select_for_update().select_related("merchant").get(pk=approval_pk)
    if row.status != ApprovalStatus.APPROVED:
        return row
    intent = Intent.objects.select_for_update().get(pk=row.intent_id)
    if not intent.answer_body:
        intent.status = Intent.Status.DROPPED if dropped else Intent.Status.DONE
        intent.answer_status, intent.answer_body = status, body
        intent.save(update_fields=["status", "answer_status", "answer_body"])
    row.finish(clock.now(row.merchant))
    row.save()
    row.intent = intent
    events.record("approval.done", row)
    return row


@action
def put_off(approval_pk: int, until: datetime) -> None:
    """It could not be carried out now: another worker tries again then."""
    row = Approval.objects.select_for_update().get(pk=approval_pk)
    row.leased_until = until
    row.save(update_fields=["leased_until"])


def _locked(merchant: Merchant, public_id: str) -> Approval:
    rows = Approval.objects.filter(merchant=merchant, public_id=public_id)
    row = rows.select_for_update(of=("self",)).select_related("merchant", "bot", "intent").first()
    if row is None:
        raise NotFound(f"There is no approval {public_id}.")
    if row.status != ApprovalStatus.PENDING:
        raise InvalidState(f"It is {row.get_status_display().lower()} already.")
    return row


def _end_intent(row: Approval, status: str) -> None:
    intent = Intent.objects.select_for_update().get(pk=row.intent_id)
    intent.status = status
    intent.save(update_fields=["status"])
    row.intent = intent
