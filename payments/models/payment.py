"""An attempt to pay an invoice; its public id is the provider's idempotency key."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.method import PaymentMethod
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
# It came, whatever the payer's bank may have done since.
MONEY_CAME = (PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED)


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
    # Beyond what was due: the payer's credit, and how much of that has left again.
    surplus = MinorUnitsField(default=0)
    surplus_returned = MinorUnitsField(default=0)
    # Estimated until the provider has said what it took.
    provider_fee = MinorUnitsField(default=0)
    fee_is_final = models.BooleanField(default=False)
    platform_fee = MinorUnitsField(default=0)
    # Given back, from the moment it is promised.
    amount_refunded = MinorUnitsField(default=0)
    # Taken back by the payer's bank, and how much of it the invoice no longer has from here.
    amount_reversed = MinorUnitsField(default=0)
    amount_reopened = MinorUnitsField(default=0)

    # What the provider calls it, where the payer goes, and by what means they paid.
    provider_reference = models.CharField(max_length=200, blank=True)
    # Where a visit is one thing to the provider and the money another: the money's name.
    money_reference = models.CharField(max_length=200, blank=True)
    # The saved method that was charged while the payer was away, or that the payer left by paying.
    saved_method = models.ForeignKey(
        PaymentMethod, models.PROTECT, null=True, related_name="payments"
    )
    # Whether the provider's page says that what is paid with is kept for later charges, and keeps
    # it.
    keeps_method = models.BooleanField(default=False)
    url = models.CharField(max_length=2000, blank=True)
    method = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    # What a failure means for another try: retry, customer (ask them), never, or another amount.
    failure_advice = models.CharField(max_length=8, blank=True)
    # Cards refused while the payer could still try another.
    declines = models.PositiveSmallIntegerField(default=0)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # When the provider was first asked, by the wall clock: an idempotency key does not live long.
    asked_at = models.DateTimeField(null=True)
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
                condition=Q(amount_refunded__gte=0)
                & Q(amount_refunded__lte=F("received") - F("surplus")),
                name="payment_refunded_at_most_received",
            ),
            models.CheckConstraint(
                condition=Q(surplus_returned__gte=0, surplus_returned__lte=F("surplus"))
                & Q(amount_reversed__gte=0, amount_reversed__lte=F("received"))
                & Q(amount_reopened__gte=0, amount_reopened__lte=F("received")),
                name="payment_taken_back_at_most_received",
            ),
            models.UniqueConstraint(
                fields=["rail", "provider_reference"],
                condition=~Q(provider_reference=""),
                name="one_payment_per_provider_reference",
            ),
            models.UniqueConstraint(
                fields=["rail", "money_reference"],
                condition=~Q(money_reference=""),
                name="one_payment_per_money_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="payment_newest_first"),
            models.Index(fields=["invoice", "id"], name="payment_by_invoice"),
            models.Index(
                fields=["next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="payment_to_look_at",
            ),
            models.Index(
                fields=["merchant", "next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="payment_to_look_at_here",
            ),
            models.Index(
                fields=["available_at"],
                condition=Q(available_at__isnull=False, released_at=None),
                name="payment_to_release",
            ),
            models.Index(
                fields=["merchant", "available_at"],
                condition=Q(available_at__isnull=False, released_at=None),
                name="payment_to_release_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_charge(self) -> bool:
        """Whether a saved method is charged while the payer is away; else they visit a page."""
        return self.saved_method_id is not None and not self.url

    @property
    def charged(self) -> PaymentMethod:
        """The saved method that is charged. Raises ValueError where the payer is there."""
        if self.saved_method is None:
            raise ValueError(f"{self} charges no saved method")
        return self.saved_method

    @property
    def net(self) -> int:
        """What the wallet gets of it, in minor units; less than nothing if fees exceed it."""
        return self.received - self.surplus - self.provider_fee - self.platform_fee

    @property
    def standing(self) -> str:
        """Its status, or what became of the money after it had come.

        Nothing of it is kept; where many are shown, their `disputes` must be loaded.
        """
        if self.status != PaymentStatus.SUCCEEDED:
            return str(self.status)
        if any(dispute.closed_at is None for dispute in self.disputes.all()):
            return "disputed"
        if self.amount_reversed:
            return "partly_reversed"
        if self.amount_refunded:
            whole = self.amount_refunded == self.received - self.surplus
            return "refunded" if whole else "partly_refunded"
        return str(self.status)

    @property
    def refundable(self) -> int:
        """What can still be given back of what its invoice got, in minor units."""
        if self.status != PaymentStatus.SUCCEEDED:
            return 0
        # A verdict that was turned round gives money back to the payer's credit, not to this.
        gone = max(self.amount_reversed, self.amount_reopened)
        return self.received - self.surplus - self.amount_refunded - gone

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

    # A provider that called an attempt off and took the money after all is believed.
    @transition(
        status,
        source=[*UNFINISHED, PaymentStatus.FAILED, PaymentStatus.CANCELED],
        target=PaymentStatus.SUCCEEDED,
    )
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

    @transition(status, source=PaymentStatus.REVERSED, target=PaymentStatus.SUCCEEDED)
    def restore(self) -> None:
        """The bank has turned its verdict round: the money is the merchant's after all."""


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
