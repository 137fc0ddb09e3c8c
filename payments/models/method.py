"""Means of paying that a payer has left with the merchant's provider for next time."""

from django.db import models
from django.db.models import Q

from invoicing import ids


def _method_id() -> str:
    return ids.public_id("pm")


def _provider_customer_id() -> str:
    return ids.public_id("pcu")


def _setup_id() -> str:
    return ids.public_id("pms")


class ProviderCustomer(models.Model):
    """Whom a provider knows a customer as; its public id is the idempotency key of the asking."""

    public_id = models.CharField(max_length=40, unique=True, default=_provider_customer_id)
    customer = models.ForeignKey(
        "invoicing.Customer", models.PROTECT, related_name="provider_customers"
    )
    provider = models.CharField(max_length=20)
    reference = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "provider"], name="one_customer_per_provider"
            )
        ]

    def __str__(self) -> str:
        return self.reference or self.public_id


class PaymentMethod(models.Model):
    """A saved card or bank account. The provider keeps it; here is only what tells it apart."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        # The bank or the provider will not honour it any more.
        BLOCKED = "blocked", "Blocked"
        DETACHED = "detached", "Removed"

    public_id = models.CharField(max_length=40, unique=True, default=_method_id)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="payment_methods"
    )
    customer = models.ForeignKey(
        "invoicing.Customer", models.PROTECT, related_name="payment_methods"
    )
    rail = models.CharField(max_length=20)
    provider_reference = models.CharField(max_length=200)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    is_default = models.BooleanField(default=False)
    # Card: brand, last4, exp_month, exp_year. Bank account: bank_name, last4.
    details = models.JSONField(default=dict)
    blocked_reason = models.CharField(max_length=60, blank=True)
    # When the payer agreed to be charged without being asked again.
    consented_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    detached_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "rail", "provider_reference"], name="one_method_per_reference"
            ),
            models.UniqueConstraint(
                fields=["customer"], condition=Q(is_default=True), name="one_default_method"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(status="active"),
                name="the_default_method_is_active",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="method_newest_first")]

    def __str__(self) -> str:
        return self.public_id


class MethodSetup(models.Model):
    """A visit to the provider's page to save a method; its public id is the idempotency key."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Succeeded"
        CANCELED = "canceled", "Canceled"

    public_id = models.CharField(max_length=40, unique=True, default=_setup_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    customer = models.ForeignKey("invoicing.Customer", models.PROTECT, related_name="method_setups")
    rail = models.CharField(max_length=20)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    provider_reference = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    # Where the payer is sent back to: a path of this instance, or an address of the merchant's.
    return_path = models.CharField(max_length=500, blank=True)
    method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_look_at"], condition=Q(status="pending"), name="setup_to_look_at"
            ),
            models.Index(
                fields=["merchant", "next_look_at"],
                condition=Q(status="pending"),
                name="setup_to_look_at_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
