"""The payments room's worker: applies notices, asks again, releases and tidies.

Every task takes no arguments, finds its work in rows and is safe to run twice or to die in.
"""

import logging
from datetime import timedelta

from celery import shared_task

from payments import flows, hearing, intake, waiting
from payments.actions import notices
from payments.chain import networks
from payments.models import Authorization, Payment
from payments.rails import PROVIDERS

_log = logging.getLogger(__name__)

NOTICES_AT_ONCE = 20
NOTICE_LEASE = timedelta(seconds=60)
PAGES_AT_ONCE = 200


@shared_task
def apply_notices() -> int:
    """Apply what providers have said."""
    done = 0
    while True:
        batch = notices.claim_notices(NOTICES_AT_ONCE, NOTICE_LEASE)
        for notice in batch:
            hearing.apply_notice(notice)
        done += len(batch)
        if len(batch) < NOTICES_AT_ONCE:
            return done


@shared_task
def look_at_payments() -> int:
    """The janitor's round: ask about every unfinished payment that has not been heard of."""
    return waiting.PAYMENTS.run()


@shared_task
def look_at_refunds() -> int:
    """Ask about every refund that has not been heard of, or that was never asked for."""
    return waiting.REFUNDS.run()


@shared_task
def look_at_setups() -> int:
    """Ask about every visit to save a method that has not been heard of."""
    return waiting.SETUPS.run()


@shared_task
def look_at_disputes() -> int:
    """Hand in what was not heard to have arrived, and ask how open disputes stand."""
    return waiting.SUBMISSIONS.run() + waiting.DISPUTES.run()


@shared_task
def hear_missed_notices() -> int:
    """Take in what providers could not deliver; it is applied like everything they say."""
    return sum(intake.take_missed(provider) for provider in PROVIDERS)


@shared_task
def release_funds() -> int:
    """Let cleared money become available."""
    return waiting.CLEARING.run()


@shared_task
def watch_chains() -> int:
    """Find what was sent to addresses that were given out, and follow what was found before."""
    if not networks.configured():
        return 0
    from payments import watching  # which brings in web3: not every process reads chains

    return watching.watch_all()


@shared_task
def fetch_rates() -> int:
    """Renew the exchange rates to USDC."""
    from payments import fetching

    return fetching.fetch_rates()


@shared_task
def look_at_authorizations() -> int:
    """Find out what became of signed payments that nobody has heard of since they were begun."""
    if not Authorization.objects.filter(next_look_at__isnull=False).exists():
        return 0
    from payments import x402_flow

    return x402_flow.look_at_pending()


@shared_task
def move_rehearsed_transfers() -> int:
    """Let the sandbox's transfers go on with their merchants' clocks."""
    return waiting.REHEARSED.run()


@shared_task
def charge_recurring() -> int:
    """Ask for the periods that begin, try again what had failed, and announce what comes."""
    some = (waiting.ENDING, waiting.RESUMING, waiting.RETRIES, waiting.PERIODS, waiting.ANNOUNCING)
    return sum(sweep.run() for sweep in some)


@shared_task
def cancel_payments_of_closed_invoices() -> int:
    """Close the card pages of invoices that nobody should pay now."""
    closed = ("paying", "paid", "void", "expired", "uncollectible")
    rows = Payment.objects.filter(status="pending", invoice__status__in=closed)
    done = 0
    for pk in list(rows.order_by("id").values_list("pk", flat=True)[:PAGES_AT_ONCE]):
        try:
            flows.cancel(pk)
        except Exception:  # whatever it is, the pages behind this one must not wait
            _log.exception("a page was not closed", extra={"payment": pk})
        else:
            done += 1
    return done
