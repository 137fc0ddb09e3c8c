"""What payers sign so that others may move their USDC."""

from django.db import models
from django.db.models import Q

from invoicing.models.fields import MinorUnitsField
from payments.models.payment import Payment


class Authorization(models.Model):
    """A payer's signed EIP-3009 permission to move USDC, as x402 hands it over.

    One permission moves money once, whoever submits it: its row is written before anybody is
    asked to, and is never written twice.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Being settled"
        SETTLED = "settled", "Settled"
        FAILED = "failed", "Failed"

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="authorization")
    network = models.CharField(max_length=40)
    token = models.CharField(max_length=42)
    payer = models.CharField(max_length=42)
    nonce = models.CharField(max_length=66)
    units = MinorUnitsField()
    valid_before = models.DateTimeField()
    # The payload and the requirements as the facilitator is asked with them, again and again.
    payload = models.JSONField()
    requirements = models.JSONField()
    status = models.CharField(max_length=7, choices=Status, default=Status.PENDING)
    # As the facilitator answered; what the payer is told, the first time and every other.
    settlement = models.JSONField(default=dict)
    tx_hash = models.CharField(max_length=66, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # By the wall clock: when to ask what became of it, and how often that was asked.
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["network", "token", "payer", "nonce"], name="one_use_of_an_authorization"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="authorization_to_look_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.payer} {self.nonce}"
