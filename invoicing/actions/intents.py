"""The verbs of a wish: it begins, and is answered or dropped. Each locks the bot that has it."""

from datetime import datetime

from invoicing import clock
from invoicing.actions.action import action
from invoicing.intents import Move, said_before, told_before
from invoicing.models import Bot, Intent


@action
def begin_intent(bot: Bot, move: Move, key: str) -> tuple[Intent, bool]:
    """Write down what is wanted before anything is done; and whether that is new.

    The same wish under the same key is one that is told again. Raises DuplicateIntent for the same
    wish under another key, or under none.
    """
    Bot.objects.select_for_update().get(pk=bot.pk)
    known = told_before(bot, move)
    if known is not None and key and known.idempotency_key == key:
        return known, False
    if known is not None and not move.allow_duplicate:
        raise said_before(known, move)
    intent = Intent(
        merchant=bot.merchant,
        bot=bot,
        kind=move.kind,
        fingerprint=move.fingerprint,
        payee=move.payee,
        currency=move.currency,
        amount=move.amount,
        idempotency_key=key,
        created_at=clock.now(bot.merchant),
    )
    intent.save(force_insert=True)
    return intent, True


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
    count, _ = Intent.objects.filter(created_at__lt=before).delete()
    return count
