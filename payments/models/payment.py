"""An attempt to pay an invoice; its public id is the provider's idempotency key."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.wallet import Wallet


def _payment_id() -> str:
    return ids.public_id("pay")


class PaymentStatus(models.TextChoices):
    """Where an attempt stands. Unknown means the provider has not said: it is asked again."""

    PENDING = "pending", "Pending"
    PROCESSING = "processing", "Processing"
    UNKNOWN = "unknown", "Unknown"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    REVERSED = "reversed", "Reversed"


# Money may be on its way: the invoice is `paying` while any of its payments is in one of these.
IN_FLIGHT = (PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)
# The provider may still change its mind about these.
UNFINISHED = (PaymentStatus.PENDING, *IN_FLIGHT)


class Payment(models.Model):
    """One attempt by one rail to pay an amount of one invoice. Never deleted."""

    public_id = models.CharField(max_length=40, unique=True, default=_payment_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="payments")
    invoice = models.ForeignKey("invoicing.Invoice", models.PROTECT, related_name="payments")
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="payments")
    rail = models.CharField(max_length=20)
    status = FSMField(
        max_length=12, choices=PaymentStatus, default=PaymentStatus.PENDING, protected=True
    )
    currency = models.CharField(max_length=10)
    # Asked for, and what came in.
    amount = MinorUnitsField()
    received = MinorUnitsField(default=0)
    # Beyond what was due: the payer's credit.
    surplus = MinorUnitsField(default=0)
    provider_fee = MinorUnitsField(default=0)
    platform_fee = MinorUnitsField(default=0)
    amount_refunded = MinorUnitsField(default=0)

    # What the provider calls it, where the payer goes, and by what means they paid.
    provider_reference = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    method = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    # Cards refused while the payer could still try another.
    declines = models.PositiveSmallIntegerField(default=0)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    # When the rail clears, on the merchant's clock; and when the ledger followed.
    available_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    # The janitor's round: when to ask the provider again, and who is asking.
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=PaymentStatus.values), name="payment_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, received__gte=0, surplus__gte=0)
                & Q(provider_fee__gte=0, platform_fee__gte=0)
                & Q(surplus__lte=F("received")),
                name="payment_amounts_make_sense",
            ),
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0) & Q(amount_refunded__lte=F("received")),
                name="payment_refunded_at_most_received",
            ),
            models.UniqueConstraint(
                fields=["rail", "provider_reference"],
                condition=~Q(provider_reference=""),
                name="one_payment_per_provider_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="payment_newest_first"),
            models.Index(fields=["invoice", "id"], name="payment_by_invoice"),
            models.Index(
                fields=["next_look_at"],
                condition=Q(status__in=UNFINISHED),
                name="payment_to_look_at",
            ),
            models.Index(
                fields=["available_at"],
                condition=Q(status="succeeded", released_at=None),
                name="payment_to_release",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def net(self) -> int:
        """What the wallet gets of it, in minor units."""
        return self.received - self.surplus - self.provider_fee - self.platform_fee

    @transition(
        status,
        source=[PaymentStatus.PENDING, PaymentStatus.UNKNOWN],
        target=PaymentStatus.PROCESSING,
    )
    def process(self) -> None:
        """The provider is moving the money."""

    @transition(
        status,
        source=[PaymentStatus.PENDING, PaymentStatus.PROCESSING],
        target=PaymentStatus.UNKNOWN,
    )
    def lose_sight(self) -> None:
        """The provider did not answer; only it knows whether money moved."""

    @transition(status, source=list(UNFINISHED), target=PaymentStatus.SUCCEEDED)
    def succeed(self, received: int, at: datetime) -> None:
        """The rail says that this much has arrived."""
        self.received = received
        self.succeeded_at = at

    @transition(status, source=list(UNFINISHED), target=PaymentStatus.FAILED)
    def fail(self, code: str, message: str) -> None:
        """The provider says that nothing was taken."""
        self.failure_code = code
        self.failure_message = message

    @transition(
        status,
        source=[PaymentStatus.PENDING, PaymentStatus.UNKNOWN],
        target=PaymentStatus.CANCELED,
    )
    def cancel(self) -> None:
        """Nobody will pay this way any more."""

    @transition(status, source=PaymentStatus.SUCCEEDED, target=PaymentStatus.REVERSED)
    def reverse(self) -> None:
        """The money was taken back after it had arrived."""


class Notice(models.Model):
    """A provider's word as it arrived, kept before anything is made of it."""

    rail = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=200)
    headers = models.JSONField(default=dict)
    body = models.TextField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rail", "provider_id"], name="one_notice_per_word")
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(applied_at=None), name="notice_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rail} {self.provider_id}"
