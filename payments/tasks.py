"""The payments room's worker: applies notices, asks again, releases and tidies.

Every task takes no arguments, finds its work in rows and is safe to run twice or to die in.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.db.models import QuerySet

from invoicing.due import due
from invoicing.failpoints import failpoint
from payments import flows
from payments.actions import notices, pay
from payments.models import UNFINISHED, Notice, Payment
from payments.rails import RAILS
from payments.rails.rail import RailError

_log = logging.getLogger(__name__)

NOTICES_AT_ONCE = 20
NOTICE_LEASE = timedelta(seconds=60)
PAYMENTS_AT_ONCE = 200


@shared_task
def apply_notices() -> int:
    """Apply what providers have said."""
    done = 0
    while batch := notices.claim_notices(NOTICES_AT_ONCE, NOTICE_LEASE):
        for notice in batch:
            _apply(notice)
        done += len(batch)
    return done


def _apply(notice: Notice) -> None:
    try:
        word = RAILS[notice.rail].read(notice.body.encode(), notice.headers)
        payment = Payment.objects.filter(rail=notice.rail, public_id=word.payment_id).first()
        if payment is not None:
            flows.check(payment.pk)
    except RailError as error:
        notices.record_trouble(notice.pk, str(error), permanent=error.permanent)
        return
    except Exception as error:  # whatever it is, the notices behind this one must not wait
        _log.exception("a notice could not be applied", extra={"notice": str(notice)})
        notices.record_trouble(notice.pk, repr(error), permanent=False)
        return
    failpoint("apply_notices:before_done")
    notices.record_applied(notice.pk)


@shared_task
def look_at_payments() -> int:
    """The janitor's round: ask about every unfinished payment that has not been heard of."""
    return sum(
        _each(flows.check, Payment.objects.filter(is_due, status__in=UNFINISHED))
        for _, is_due in due("next_look_at")
    )


@shared_task
def release_funds() -> int:
    """Let cleared money become available."""
    return sum(
        _each(
            pay.release_payment,
            Payment.objects.filter(is_due, status="succeeded", released_at=None),
        )
        for _, is_due in due("available_at")
    )


@shared_task
def cancel_payments_of_closed_invoices() -> int:
    """Close the card pages of invoices that nobody should pay now."""
    closed = ("paying", "paid", "void", "expired", "uncollectible")
    return _each(flows.cancel, Payment.objects.filter(status="pending", invoice__status__in=closed))


def _each(act: Callable[[int], object], payments: QuerySet[Payment]) -> int:
    """Do one after another; a poisonous one is logged and stops nobody else."""
    done = 0
    for pk in list(payments.order_by("id").values_list("pk", flat=True)[:PAYMENTS_AT_ONCE]):
        try:
            act(pk)
        except Exception:
            _log.exception("a payment was skipped", extra={"payment": pk})
        else:
            done += 1
    return done
