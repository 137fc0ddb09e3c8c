"""The payments room's worker: applies notices, asks again, releases and tidies.

Every task takes no arguments, finds its work in rows and is safe to run twice or to die in.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db.models import QuerySet

from invoicing.due import due
from invoicing.failpoints import failpoint
from payments import flows, hearing, intake
from payments.actions import notices, pay
from payments.models import (
    DISPUTES_OPEN,
    REFUNDS_UNFINISHED,
    UNFINISHED,
    Dispute,
    DisputeSubmission,
    MethodSetup,
    Notice,
    Payment,
    Refund,
)
from payments.rails import PROVIDERS, RAILS_BY_PROVIDER
from payments.rails.rail import NoAnswer, RailError

_log = logging.getLogger(__name__)

NOTICES_AT_ONCE = 20
NOTICE_LEASE = timedelta(seconds=60)
ROWS_AT_ONCE = 200
# In a row, and the provider is not asked any more this round.
SILENCES_TO_STOP = 3


@shared_task
def apply_notices() -> int:
    """Apply what providers have said."""
    done = 0
    while True:
        batch = notices.claim_notices(NOTICES_AT_ONCE, NOTICE_LEASE)
        for notice in batch:
            _apply(notice)
        done += len(batch)
        if len(batch) < NOTICES_AT_ONCE:
            return done


def _apply(notice: Notice) -> None:
    try:
        word = PROVIDERS[notice.rail].read(notice.body.encode(), notice.headers)
        hearing.hear(notice.rail, word)
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
        _each(
            flows.look_at_payment,
            Payment.objects.filter(is_due, status__in=UNFINISHED, rail__in=rails),
        )
        for _, is_due in due("next_look_at")
        # One provider's silence is no reason to let the others wait.
        for rails in RAILS_BY_PROVIDER.values()
    )


@shared_task
def look_at_refunds() -> int:
    """Ask about every refund that has not been heard of, or that was never asked for."""
    return sum(
        _each(flows.look_at_refund, Refund.objects.filter(is_due, status__in=REFUNDS_UNFINISHED))
        for _, is_due in due("next_look_at")
    )


@shared_task
def look_at_setups() -> int:
    """Ask about every visit to save a method that has not been heard of."""
    return sum(
        _each(flows.look_at_setup, MethodSetup.objects.filter(is_due, status="pending"))
        for _, is_due in due("next_look_at")
    )


@shared_task
def look_at_disputes() -> int:
    """Hand in what was not heard to have arrived, and ask how open disputes stand."""
    handed = sum(
        _each(flows.hand_in, DisputeSubmission.objects.filter(is_due, status="pending"))
        for _, is_due in due("next_look_at", "dispute__merchant")
    )
    return handed + sum(
        _each(flows.look_at_dispute, Dispute.objects.filter(is_due, status__in=DISPUTES_OPEN))
        for _, is_due in due("next_look_at")
    )


@shared_task
def hear_missed_notices() -> int:
    """Take in what providers could not deliver; it is applied like everything they say."""
    return sum(intake.take_missed(provider) for provider in PROVIDERS)


@shared_task
def release_funds() -> int:
    """Let cleared money become available."""
    return sum(
        _each(
            pay.release_payment,
            Payment.objects.filter(is_due, status__in=["succeeded", "reversed"], released_at=None),
        )
        for _, is_due in due("available_at")
    )


@shared_task
def cancel_payments_of_closed_invoices() -> int:
    """Close the card pages of invoices that nobody should pay now."""
    closed = ("paying", "paid", "void", "expired", "uncollectible")
    return _each(flows.cancel, Payment.objects.filter(status="pending", invoice__status__in=closed))


def _each(act: Callable[[int], object], rows: QuerySet[Any]) -> int:
    """Do one after another; a poisonous one is logged and stops nobody else.

    A provider that does not answer would keep each of its rows waiting in turn, so after a few
    silences what it is asked next waits for the next round. One silence proves nothing: a provider
    may keep an error under one request's key for a day.
    """
    done = silences = 0
    for pk in list(rows.order_by("id").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        try:
            act(pk)
        except NoAnswer as silence:
            _log.warning("a provider does not answer: %s", silence)
            silences += 1
            if silences == SILENCES_TO_STOP:
                break
        except Exception:
            _log.exception("a row was skipped", extra={"table": rows.model.__name__, "row": pk})
        else:
            silences = 0
            done += 1
    return done
