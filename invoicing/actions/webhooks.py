"""The verbs of webhooks: endpoints, and what becomes of each delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from invoicing import addresses, clock, event_dialects, mail, signing
from invoicing.actions.action import action
from invoicing.doorbell import ring
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.inputs import WebhookEndpointChanges, WebhookEndpointInput
from invoicing.models import Delivery, DeliveryAttempt, Event, Merchant, WebhookEndpoint
from invoicing.representations import public_url

MAX_ENDPOINTS = 20
ROTATION_OVERLAP = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=5)
# An endpoint that does not answer one delivery is spared the others for a while.
HELD_BACK = timedelta(seconds=30)
_jitter = SystemRandom()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try at a delivery; no status code means no answer."""

    status_code: int | None = None
    duration_ms: int = 0
    response_body: str = ""
    error: str = ""
    retry_after: int | None = None

    @property
    def succeeded(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


@action
def create_endpoint(
    merchant: Merchant, wanted: WebhookEndpointInput
) -> tuple[WebhookEndpoint, str]:
    """Register a URL. Its secret is returned here; later it can only be rotated."""
    _check_url(wanted.url)
    _check_words(wanted.dialect, wanted.event_types)
    if merchant.webhook_endpoints.filter(deleted_at=None).count() >= MAX_ENDPOINTS:
        raise InvalidState(f"There are {MAX_ENDPOINTS} endpoints already; delete one first.")
    endpoint = WebhookEndpoint.objects.create(
        merchant=merchant,
        url=wanted.url,
        description=wanted.description,
        event_types=wanted.event_types,
        dialect=wanted.dialect,
        secret=signing.new_secret(),
        after_event_id=merchant.events.aggregate(last=Max("pk"))["last"] or 0,
        created_at=clock.wall(),
    )
    return endpoint, endpoint.secret


@action
def update_endpoint(
    merchant: Merchant, public_id: str, changes: WebhookEndpointChanges
) -> WebhookEndpoint:
    """Change what is named; enabling a disabled endpoint wakes what was waiting for it.

    What waits and cannot be told in another dialect is not delivered any more.
    """
    endpoint = _locked(merchant, public_id)
    if "url" in changes.model_fields_set:
        _check_url(changes.url)
    for name in changes.model_fields_set - {"enabled"}:
        setattr(endpoint, name, getattr(changes, name))
    if {"dialect", "event_types"} & changes.model_fields_set:
        _check_words(endpoint.dialect, endpoint.event_types)
    if endpoint.dialect and "dialect" in changes.model_fields_set:
        untold = endpoint.deliveries.filter(status="pending").exclude(
            event__type__in=event_dialects.types_of(endpoint.dialect)
        )
        untold.update(next_attempt_at=None, last_error=_no_words(endpoint.dialect))
    if "enabled" in changes.model_fields_set and changes.enabled != endpoint.enabled:
        endpoint.enabled = changes.enabled
        endpoint.disabled_at = None if changes.enabled else clock.wall()
        endpoint.disabled_reason = "" if changes.enabled else "Disabled by the merchant"
        endpoint.failing_since = None
    endpoint.save()
    ring("invoicing.tasks.deliver_webhooks")
    return endpoint


@action
def rotate_secret(merchant: Merchant, public_id: str) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret; for a day both sign, so that nothing is refused."""
    endpoint = _locked(merchant, public_id)
    endpoint.previous_secret = endpoint.secret
    endpoint.previous_secret_expires_at = clock.wall() + ROTATION_OVERLAP
    endpoint.secret = signing.new_secret()
    endpoint.save()
    return endpoint, endpoint.secret


@action
def delete_endpoint(merchant: Merchant, public_id: str) -> None:
    """Tell this URL nothing any more; its log stays."""
    endpoint = _locked(merchant, public_id)
    endpoint.deleted_at = clock.wall()
    endpoint.enabled = False
    endpoint.save()
    endpoint.deliveries.filter(status="pending").update(
        next_attempt_at=None, last_error="The endpoint was deleted"
    )


@action
def redeliver(merchant: Merchant, endpoint_id: str, delivery_id: str) -> Delivery:
    """Deliver an event to an endpoint once more, now, whatever became of it before."""
    endpoint = _locked(merchant, endpoint_id)
    delivery = endpoint.deliveries.select_for_update().filter(public_id=delivery_id).first()
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    if not endpoint.enabled:
        raise InvalidState("This endpoint is disabled; enable it first.")
    if not event_dialects.knows(endpoint.dialect, delivery.event.type):
        raise InvalidState(_no_words(endpoint.dialect))
    delivery.status = Delivery.Status.PENDING
    delivery.attempts_made = 0
    delivery.next_attempt_at = clock.wall()
    delivery.leased_until = None
    delivery.save()
    ring("invoicing.tasks.deliver_webhooks")
    return delivery


@action
def fan_out(limit: int = 200) -> int:
    """Make a delivery of each new event for every endpoint that asked for it."""
    events = list(
        Event.objects.filter(undelivered=True)
        .order_by("id")
        .select_for_update(skip_locked=True)[:limit]
    )
    if not events:
        return 0
    at = clock.wall()
    endpoints = WebhookEndpoint.objects.filter(
        merchant_id__in={event.merchant_id for event in events}, deleted_at=None, enabled=True
    )
    by_merchant: dict[int, list[WebhookEndpoint]] = {}
    for endpoint in endpoints:
        by_merchant.setdefault(endpoint.merchant_id, []).append(endpoint)
    Delivery.objects.bulk_create(
        [
            Delivery(event=event, endpoint=endpoint, created_at=at, next_attempt_at=at)
            for event in events
            for endpoint in by_merchant.get(event.merchant_id, [])
            if endpoint.wants(event)
        ],
        ignore_conflicts=True,
    )
    Event.objects.filter(pk__in=[event.pk for event in events]).update(undelivered=False)
    ring("invoicing.tasks.deliver_webhooks")
    return len(events)


@action
def record_attempt(delivery_pk: int, attempt: Attempt) -> Delivery:
    """Keep what came of a delivery attempt, and decide what follows from it.

    2xx is success. Anything else is tried again on the standard's schedule; 410 and days of
    failure switch the endpoint off, and its owners are told. Locks the endpoint, then the
    delivery.
    """
    endpoint = WebhookEndpoint.objects.select_for_update(of=("self",)).get(deliveries=delivery_pk)
    failing_since = endpoint.failing_since
    delivery = Delivery.objects.select_for_update().get(pk=delivery_pk)
    at = clock.wall()
    DeliveryAttempt.objects.create(
        delivery=delivery,
        at=at,
        status_code=attempt.status_code,
        duration_ms=attempt.duration_ms,
        response_body=attempt.response_body[:2000],
        error=attempt.error[:300],
    )
    if delivery.status == Delivery.Status.SUCCEEDED and not attempt.succeeded:
        return delivery  # another worker got it through meanwhile
    delivery.attempts_made += 1
    delivery.leased_until = None
    delivery.last_status_code = attempt.status_code
    delivery.last_error = attempt.error[:300]
    if attempt.succeeded:
        delivery.status = Delivery.Status.SUCCEEDED
        delivery.delivered_at = at
        delivery.next_attempt_at = None
        endpoint.failing_since = None
    else:
        delay = signing.next_delay(
            delivery.attempts_made, jitter=_jitter, retry_after=attempt.retry_after
        )
        if delay is None:
            delivery.status = Delivery.Status.FAILED
            delivery.next_attempt_at = None
        else:
            delivery.next_attempt_at = at + timedelta(seconds=delay)
        endpoint.failing_since = endpoint.failing_since or at
        if attempt.status_code == 410:
            _disable(endpoint, "The endpoint answered 410 Gone")
        elif at - endpoint.failing_since >= DISABLE_AFTER:
            _disable(endpoint, f"Every delivery failed for {DISABLE_AFTER.days} days")
    delivery.save()
    if not endpoint.enabled or endpoint.failing_since != failing_since:
        endpoint.save()
    return delivery


def claim_deliveries(limit: int, lease: timedelta) -> list[Delivery]:
    """Take due deliveries for this worker until the lease ends; nobody else gets them meanwhile."""
    at = clock.wall()
    with transaction.atomic(durable=True):
        rows = list(
            Delivery.objects.filter(
                status="pending", next_attempt_at__lte=at, endpoint__enabled=True
            )
            .exclude(leased_until__gt=at)
            .select_related("event", "endpoint")
            .order_by("next_attempt_at")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=at + lease)
    return rows


@action
def put_back(delivery_pks: Sequence[int]) -> None:
    """Give up a claim on deliveries that were not tried: their endpoint is not answering."""
    Delivery.objects.filter(pk__in=delivery_pks, status="pending").update(
        leased_until=None, next_attempt_at=clock.wall() + HELD_BACK
    )


def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    if not endpoint.enabled:
        return
    endpoint.enabled = False
    endpoint.disabled_at = clock.wall()
    endpoint.disabled_reason = reason
    merchant = endpoint.merchant
    context = {
        "merchant_name": str(merchant),
        "endpoint_url": endpoint.url,
        "reason": reason,
        "url": public_url(f"/dashboard/webhooks/{endpoint.public_id}/"),
    }
    mail.queue_to_owners(merchant, "webhook_disabled", context)


def _check_url(url: str) -> None:
    try:
        addresses.check_url(url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    except addresses.EgressRefused as refusal:
        raise ValidationFailed([("url", str(refusal))]) from None


def _check_words(dialect: str, wanted: Sequence[str]) -> None:
    """Refuse to be asked for what would never be told."""
    told = event_dialects.types_of(dialect)
    families = {name.split(".", 1)[0] + ".*" for name in told}
    for name in wanted:
        if name not in {"*", *families, *told}:
            raise ValidationFailed(
                [("event_types", f"{dialect} has no event for {name!r}, only {', '.join(told)}")]
            )


def _no_words(dialect: str) -> str:
    return f"{dialect} has no such event, and the endpoint is told in its words"


def _locked(merchant: Merchant, public_id: str) -> WebhookEndpoint:
    endpoint = (
        WebhookEndpoint.objects.select_for_update()
        .filter(merchant=merchant, public_id=public_id, deleted_at=None)
        .first()
    )
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {public_id}.")
    return endpoint
