"""The verbs of a wish: it begins, and is answered or dropped. Each locks the bot that has it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from invoicing import clock, events, leashes, mail
from invoicing.actions.action import action
from invoicing.errors import OffLimits
from invoicing.intents import Move, said_before, told_before
from invoicing.models import ApiKey, Approval, Bot, Intent
from invoicing.models.leash import ApprovalStatus

# So long a person may take to decide.
DECIDE_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that carries a wish, as it would be carried out later."""

    tool: str
    path: str
    body: str
    key: str
    api_key: ApiKey


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish as it was written down: whether it is new, and what waits for a person."""

    intent: Intent
    is_new: bool
    approval: Approval | None = None


@action
def begin_intent(bot: Bot, move: Move, asked: Asked) -> Wish:
    """Write down what is wanted before anything is done.

    The same wish under the same key is one that is told again, and so is one that waits for a
    person. Raises DuplicateIntent for the same wish under another key, or under none; OffLimits
    for what the bot's leash does not allow, or what a person has declined.
    """
    Bot.objects.select_for_update().get(pk=bot.pk)
    known = told_before(bot, move)
    if known is not None:
        approval = Approval.objects.filter(intent=known).first()
        if approval is not None and approval.status == ApprovalStatus.DECLINED:
            raise _declined(approval)
        if asked.key and known.idempotency_key == asked.key:
            return Wish(known, False, approval)
        if not move.allow_duplicate:
            if approval is not None and not known.answer_body:
                return Wish(known, False, approval)
            raise said_before(known, move)
    must_wait = leashes.must_wait(bot, move)
    intent = Intent(
        merchant=bot.merchant,
        bot=bot,
        kind=move.kind,
        fingerprint=move.fingerprint,
        payee=move.payee,
        currency=move.currency,
        amount=move.amount,
        idempotency_key=asked.key,
        created_at=clock.now(bot.merchant),
    )
    intent.save(force_insert=True)
    return Wish(intent, True, _ask_a_person(intent, move, asked) if must_wait else None)


@action
def answer_intent(intent_pk: int, status: int, body: str, *, dropped: bool) -> Intent:
    """Keep what was answered, for whoever asks the same again."""
    intent = Intent.objects.select_for_update().get(pk=intent_pk)
    intent.status = Intent.Status.DROPPED if dropped else Intent.Status.DONE
    intent.answer_status, intent.answer_body = status, body
    intent.save(update_fields=["status", "answer_status", "answer_body"])
    return intent


@action
def drop_intent(intent_pk: int) -> None:
    """It was refused and nothing was done: it may be asked for again."""
    intent = Intent.objects.select_for_update().get(pk=intent_pk)
    intent.status = Intent.Status.DROPPED
    intent.save(update_fields=["status"])


@action
def forget_intents(before: datetime) -> int:
    """Delete what nobody will ask for again; how many there were."""
    count, _ = Intent.objects.filter(created_at__lt=before, approval=None).delete()
    return count


def _ask_a_person(intent: Intent, move: Move, asked: Asked) -> Approval:
    at = intent.created_at
    approval = Approval.objects.create(
        merchant=intent.merchant,
        bot=intent.bot,
        api_key=asked.api_key,
        intent=intent,
        tool=asked.tool,
        purpose=move.purpose[:500],
        path=asked.path,
        body=asked.body,
        created_at=at,
        expires_at=at + DECIDE_WITHIN,
    )
    events.record("approval.requested", approval)
    mail.queue_approval(approval)
    return approval


def _declined(approval: Approval) -> OffLimits:
    """What is said to a bot that asks again for what a person did not want."""
    why = f": {approval.note}" if approval.note else "."
    return OffLimits(
        f"A person has declined this{why} Do not ask for it again.",
        code="approval_declined",
        details={"approval_id": approval.public_id},
    )
