"""What becomes of a provider's notice: applied once, or set aside after too many tries."""

from datetime import timedelta

from django.db import transaction

from invoicing import clock
from invoicing.actions.action import action
from payments.models import Notice

MAX_ATTEMPTS = 8


def claim_notices(limit: int, lease: timedelta) -> list[Notice]:
    """Take waiting notices for this worker until the lease ends."""
    at = clock.wall()
    with transaction.atomic(durable=True):
        rows = list(
            Notice.objects.filter(applied_at=None, next_attempt_at__lte=at)
            .exclude(leased_until__gt=at)
            .order_by("next_attempt_at", "id")
            .select_for_update(skip_locked=True)[:limit]
        )
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=at + lease)
    return rows


@action
def record_applied(notice_pk: int) -> None:
    """The notice has been understood and what it meant has been done."""
    Notice.objects.filter(pk=notice_pk).update(
        applied_at=clock.wall(), next_attempt_at=None, leased_until=None, error=""
    )


@action
def record_trouble(notice_pk: int, error: str, *, permanent: bool) -> None:
    """Try a notice again later; a poisonous one is set aside and holds nobody up."""
    notice = Notice.objects.select_for_update().get(pk=notice_pk)
    notice.attempts_made += 1
    notice.error = error[:300]
    notice.leased_until = None
    if permanent or notice.attempts_made >= MAX_ATTEMPTS:
        notice.next_attempt_at = None
    else:
        notice.next_attempt_at = clock.wall() + timedelta(seconds=5 * 4**notice.attempts_made)
    notice.save()
