"""The invoicing room's worker: carries events, mails and dates forward.

Every task takes no arguments, finds its work in rows and is safe to run twice or to die in: what
it had claimed is claimed again when the lease ends.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime

from celery import shared_task
from django.conf import settings

from invoicing import (
    clock,
    egress,
    event_dialects,
    signing,
    stepping,
    waiting,
)
from invoicing.actions import approvals, clocks, intents, messages, webhooks
from invoicing.api import inside
from invoicing.api.authentication import Caller
from invoicing.api.errors import envelope
from invoicing.failpoints import failpoint
from invoicing.intents import KEPT_FOR, carrying_out
from invoicing.mailing import send
from invoicing.models import Approval, Delivery, IdempotentRequest, WebhookEndpoint

_log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 200
# Deliveries wait for strangers' servers, so a batch is as many as wait at the same time.
DELIVERIES_AT_ONCE = 10
DELIVERY_TIMEOUT_SECONDS = 15.0
DELIVERY_LEASE = timedelta(seconds=60)
MAILS_AT_ONCE = 5
MAIL_LEASE = timedelta(minutes=5)
# With the last turn well within what a task may take.
CLOCKS_FOR = timedelta(seconds=40)
IDEMPOTENCY_KEPT_FOR = timedelta(hours=48)
APPROVALS_AT_ONCE = 5
TRY_APPROVAL_AGAIN = timedelta(minutes=1)
# On the merchant's clock; well within the time for which its key is known.
TRY_APPROVAL_FOR = timedelta(hours=24)


@shared_task
def fan_out_events() -> int:
    """Turn new events into deliveries."""
    done = 0
    while True:
        count = webhooks.fan_out(EVENTS_AT_ONCE)
        done += count
        if count < EVENTS_AT_ONCE:
            return done


@shared_task
def deliver_webhooks() -> int:
    """Deliver what is due, one claimed batch after another.

    Endpoints are served side by side, and each one's deliveries in the order of the events.
    """
    done = 0
    while True:
        batch = webhooks.claim_deliveries(DELIVERIES_AT_ONCE, DELIVERY_LEASE)
        by_endpoint: dict[int, list[Delivery]] = {}
        for delivery in sorted(batch, key=lambda delivery: delivery.event_id):
            by_endpoint.setdefault(delivery.endpoint_id, []).append(delivery)
        with ThreadPoolExecutor(DELIVERIES_AT_ONCE) as pool:
            untried = {delivery.pk for delivery in batch}
            for attempts in pool.map(_serve, by_endpoint.values()):
                for delivery_pk, attempt in attempts.items():
                    failpoint("deliver_webhooks:answered")
                    webhooks.record_attempt(delivery_pk, attempt)
                untried -= attempts.keys()
        if untried:
            webhooks.put_back(sorted(untried))
        done += len(batch)
        if len(batch) < DELIVERIES_AT_ONCE:
            return done


def _serve(deliveries: list[Delivery]) -> dict[int, webhooks.Attempt]:
    """Post one endpoint's deliveries, until one gets no answer at all or the lease runs out."""
    attempts: dict[int, webhooks.Attempt] = {}
    last_start = clock.wall() + DELIVERY_LEASE - timedelta(seconds=2 * DELIVERY_TIMEOUT_SECONDS)
    for delivery in deliveries:
        if attempts and clock.wall() > last_start:
            break
        attempt = attempts[delivery.pk] = _try(delivery)
        if attempt.status_code is None:
            break
    return attempts


def _try(delivery: Delivery) -> webhooks.Attempt:
    """Post one delivery. Whatever goes wrong with it, those beside it must not wait."""
    try:
        return _post(*_request(delivery))
    except Exception as error:
        _log.exception("a delivery could not be tried", extra={"delivery": delivery.public_id})
        return webhooks.Attempt(error=f"The delivery could not be made: {error!r}")


def _request(delivery: Delivery) -> tuple[str, bytes, dict[str, str]]:
    """What goes over the wire: the event's frozen body, signed with every secret in force.

    In the words of another system where the endpoint asked for them.
    """
    endpoint, event = delivery.endpoint, delivery.event
    at = clock.wall()
    body = event_dialects.body_of(endpoint.dialect, event.type, event.body).encode()
    headers = signing.headers(_secrets(endpoint), event.public_id, int(at.timestamp()), body)
    headers["Content-Type"] = "application/json"
    headers["User-Agent"] = "Billhook"
    return endpoint.url, body, headers


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    expires_at = endpoint.previous_secret_expires_at
    if endpoint.previous_secret and expires_at and clock.wall() < expires_at:
        return [endpoint.secret, endpoint.previous_secret]
    return [endpoint.secret]


def _post(url: str, body: bytes, headers: dict[str, str]) -> webhooks.Attempt:
    try:
        answer = egress.post(
            url,
            body,
            headers,
            allow_private=settings.WEBHOOK_ALLOW_PRIVATE,
            timeout_seconds=DELIVERY_TIMEOUT_SECONDS,
        )
    except egress.EgressError as error:
        return webhooks.Attempt(error=str(error))
    return webhooks.Attempt(
        status_code=answer.status,
        duration_ms=answer.duration_ms,
        response_body=answer.body.decode(errors="replace").replace("\x00", ""),
        error="" if 200 <= answer.status < 300 else f"The endpoint answered {answer.status}",
        retry_after=_seconds(answer.headers.get("retry-after", "")),
    )


def _seconds(retry_after: str) -> int | None:
    """What a Retry-After header asks for, in seconds or as an HTTP date (RFC 9110 §10.2.3)."""
    if retry_after.isascii() and retry_after.isdecimal():
        return int(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return max(0, int((until - clock.wall()).total_seconds()))


@shared_task
def send_mails() -> int:
    """Send what is due, one claimed batch after another."""
    done = 0
    while True:
        batch = messages.claim_messages(MAILS_AT_ONCE, MAIL_LEASE)
        for message in batch:
            send(message)
        done += len(batch)
        if len(batch) < MAILS_AT_ONCE:
            return done


@shared_task
def carry_out_approvals() -> int:
    """Do what people have let bots do, each once, however often a worker dies over it."""
    done = 0
    while batch := approvals.claim_approvals(APPROVALS_AT_ONCE):
        for approval in batch:
            try:
                _carry_out(approval)
            except Exception:  # those beside it must not wait; its own lease ends
                _log.exception("an outcome was not kept", extra=_named(approval))
        done += len(batch)
    return done


def _carry_out(approval: Approval) -> None:
    """Do one, and keep what came of it. What cannot be done now is tried again for a day."""
    answer = _answer_to(approval)
    failpoint("carry_out:answered")
    is_unsettled = answer.status >= 500 or answer.status == 429 or _is_at_work(answer)
    assert approval.decided_at  # noqa: S101 - somebody has approved it
    waits_for = clock.now(approval.bot.merchant) - approval.decided_at
    if is_unsettled and waits_for < TRY_APPROVAL_FOR:
        approvals.put_off(approval.pk, clock.wall() + TRY_APPROVAL_AGAIN)
        return
    # Of what is unsettled to the end, nobody knows that nothing was done: the wish stays.
    dropped = answer.status >= 400 and not is_unsettled
    approvals.record_outcome(approval.pk, answer.status, answer.text, dropped=dropped)


def _answer_to(approval: Approval) -> inside.Answer:
    """Ask the API what the bot had asked, under a key that is this approval's own."""
    caller = Caller(approval.bot, approval.api_key)
    key = f"approval:{approval.public_id}"
    try:
        with carrying_out(approval.intent):
            return inside.ask(
                caller, "POST", approval.path, json.loads(approval.body), idempotency_key=key
            )
    except Exception:
        _log.exception("an approval could not be carried out", extra=_named(approval))
        text = "Something broke here when it was to be done. See whether anything was."
        return inside.Answer(500, envelope("internal_error", text, ""))


def _named(approval: Approval) -> dict[str, str]:
    return {"approval": approval.public_id}


def _is_at_work(answer: inside.Answer) -> bool:
    """Whether the same is being done under the same key, in whatever dialect that is told."""
    return answer.status == 409 and "Retry-After" in answer.headers


@shared_task
def watch_due_dates() -> int:
    """Note what has become overdue, close payment windows that have passed, and let lapse what
    nobody has decided."""
    return waiting.OVERDUE.run() + waiting.EXPIRING.run() + waiting.APPROVALS.run()


@shared_task
def send_reminders() -> int:
    """Apply changed rules, see what became of promises, and send the reminders that are due."""
    return waiting.apply_changed_rules() + sum(sweep.run() for sweep in waiting.REMINDING)


@shared_task
def advance_clocks() -> int:
    """Carry on with clocks that are on their way, each for a turn."""
    until = clock.wall() + CLOCKS_FOR
    turns: list[int] = []
    while clock.wall() < until and (move := clocks.claim_move(but_not=turns)):
        turns.append(move.pk)
        stepping.carry_on(move)
    return len(turns)


@shared_task
def forget_expired() -> int:
    """Drop idempotency keys that nobody retries any more, and wishes that nobody repeats."""
    at = clock.wall()
    oldest = at - IDEMPOTENCY_KEPT_FOR
    count, _ = IdempotentRequest.objects.filter(created_at__lt=oldest).delete()
    return count + intents.forget_intents(at - KEPT_FOR)
