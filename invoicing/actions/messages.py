"""What becomes of a queued mail: sent, tried again, or failed with a reason."""

from datetime import timedelta
from typing import Final

from django.db import transaction

from invoicing import clock
from invoicing.actions.action import action
from invoicing.models import Message

# Eight tries over about a day and a half, then somebody has to look at the address.
RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 36000, 86400)
)


def claim_messages(limit: int, lease: timedelta) -> list[Message]:
    """Take due mails for this worker until the lease ends; nobody else gets them meanwhile."""
    at = clock.wall()
    with transaction.atomic(durable=True):
        rows = list(
            Message.objects.filter(status="queued", next_attempt_at__lte=at)
            .exclude(leased_until__gt=at)
            .order_by("next_attempt_at")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        Message.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=at + lease)
    return rows


@action
def record_sent(message_pk: int, raw: bytes | None = None) -> Message:
    """The mail server has taken the mail. `raw` is kept where a mailbox page shows it."""
    message = Message.objects.select_for_update().get(pk=message_pk)
    message.status = Message.Status.SENT
    message.reason = ""
    message.sent_at = clock.wall()
    message.attempts_made += 1
    message.next_attempt_at = None
    message.leased_until = None
    message.raw = raw
    message.save()
    return message


@action
def record_refused(message_pk: int, reason: str, *, permanent: bool) -> Message:
    """The mail did not go out: try again later, or give up where trying cannot help."""
    message = Message.objects.select_for_update().get(pk=message_pk)
    if message.status == Message.Status.SENT:  # another worker got it through meanwhile
        return message
    message.reason = reason[:300]
    message.leased_until = None
    if permanent or message.attempts_made >= len(RETRY_DELAYS):
        message.status = Message.Status.FAILED
        message.next_attempt_at = None
    else:
        message.next_attempt_at = clock.wall() + RETRY_DELAYS[message.attempts_made]
    message.attempts_made += 1
    message.save()
    return message


@action
def retry_message(message_pk: int) -> Message:
    """Try a failed mail again, now."""
    message = Message.objects.select_for_update().get(pk=message_pk)
    if message.status == Message.Status.FAILED:
        message.status = Message.Status.QUEUED
        message.attempts_made = 0
        message.next_attempt_at = clock.wall()
        message.save()
    return message
