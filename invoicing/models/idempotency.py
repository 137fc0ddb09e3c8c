"""Requests that were answered once and are answered the same way again."""

from django.db import models

from invoicing.models.merchant import Merchant


class IdempotentRequest(models.Model):
    """A request's key, what it asked, and — once finished — what was answered."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="+")
    # The bot or user that asked: two bots may use the same key for different things.
    actor_id = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    # While a request of several steps is at work; afterwards whoever repeats it resumes it.
    leased_until = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "actor_id", "key"], name="idempotency_key_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_oldest_first")]

    def __str__(self) -> str:
        return self.key
