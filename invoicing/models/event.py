"""What has happened, and whom it is told: events, webhook endpoints and deliveries."""

from django.db import models
from django.db.models import Q

from invoicing import event_dialects, ids
from invoicing.models.merchant import Merchant


def _event_id() -> str:
    return ids.public_id("evt")


def _endpoint_id() -> str:
    return ids.public_id("we")


def _delivery_id() -> str:
    return ids.public_id("del")


class Event(models.Model):
    """Something that happened, written in the transaction that made it happen.

    `body` is the exact text that is delivered, frozen: nothing downstream looks again.
    """

    public_id = models.CharField(max_length=40, unique=True, default=_event_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="events")
    type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=40)
    body = models.TextField()
    # The invoice's status after it, so that a history can be checked against the state machine.
    object_status = models.CharField(max_length=20, blank=True)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    # Until a worker has looked who wants to hear of it.
    undelivered = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "-id"], name="event_newest_first"),
            models.Index(fields=["merchant", "type", "-id"], name="event_by_type"),
            models.Index(fields=["object_id", "id"], name="event_by_object"),
            models.Index(fields=["id"], condition=Q(undelivered=True), name="event_to_fan_out"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class WebhookEndpoint(models.Model):
    """A URL that a merchant wants told of its events."""

    public_id = models.CharField(max_length=40, unique=True, default=_endpoint_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    # Exact types, families such as "invoice.*", or "*".
    event_types = models.JSONField(default=list)
    # Whose words it is told in: a system of `event_dialects`, or our own.
    dialect = models.CharField(max_length=20, blank=True)
    secret = models.CharField(max_length=100)
    # After a rotation both secrets sign until this instant.
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_secret_expires_at = models.DateTimeField(null=True)
    # The merchant's last event when this was created: it hears of what happens from then on.
    after_event_id = models.BigIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="endpoint_newest_first")]

    def __str__(self) -> str:
        return self.url

    def wants(self, event: Event) -> bool:
        """Whether this endpoint asked for such an event, and had asked when it happened."""
        family = event.type.split(".", 1)[0] + ".*"
        return (
            event.pk > self.after_event_id
            and event_dialects.knows(self.dialect, event.type)
            and any(wanted in ("*", family, event.type) for wanted in self.event_types)
        )


class Delivery(models.Model):
    """One event on its way to one endpoint."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    public_id = models.CharField(max_length=40, unique=True, default=_delivery_id)
    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    last_status_code = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="one_delivery_per_endpoint")
        ]
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="delivery_newest_first"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="delivery_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event.type} to {self.endpoint.url}"


class DeliveryAttempt(models.Model):
    """One try at a delivery, kept for the merchant's log."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(default=0)
    response_body = models.TextField(blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.status_code or self.error}"
