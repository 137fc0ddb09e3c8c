"""USDC on its way back: what a payer asks for, and what a merchant is to sign."""

from django.db import models
from django.db.models import Q

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.refund import Refund


def _claim_id() -> str:
    return ids.public_id("clm")


class UsdcPayout(models.Model):
    """USDC that a merchant is to send back from a wallet of their own: Billhook holds no key.

    The watcher looks for it on its chain, and closes the refund when it is there.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", "To be signed"
        SEEN = "seen", "Seen on chain"
        DONE = "done", "Arrived"
        CANCELED = "canceled", "Canceled"

    refund = models.OneToOneField(Refund, models.PROTECT, related_name="usdc_payout")
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="usdc_payouts")
    network = models.CharField(max_length=40)
    address = models.CharField(max_length=42)
    units = MinorUnitsField()
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    tx_hash = models.CharField(max_length=66, blank=True)
    log_index = models.PositiveIntegerField(null=True)
    block_number = models.PositiveBigIntegerField(null=True)
    block_hash = models.CharField(max_length=66, blank=True)
    # Blocks before this one were read when it was asked for: what stands there is something else.
    after_block = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(units__gt=0), name="usdc_payout_of_something"),
            models.UniqueConstraint(
                fields=["merchant", "network", "tx_hash", "log_index"],
                condition=~Q(tx_hash=""),
                name="one_usdc_payout_per_log",
            ),
        ]
        indexes = [
            models.Index(
                fields=["network", "address"],
                condition=Q(status__in=["waiting", "seen"]),
                name="usdc_payout_awaited",
            )
        ]

    def __str__(self) -> str:
        return f"{self.units} to {self.address}"


class RefundClaim(models.Model):
    """A payer asks for USDC back, and says where to: the merchant decides."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

    class Wish(models.TextChoices):
        REFUND = "refund", "Send it back"
        CREDIT = "credit", "Keep it as credit"

    public_id = models.CharField(max_length=40, unique=True, default=_claim_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="refund_claims")
    invoice = models.ForeignKey("invoicing.Invoice", models.PROTECT, related_name="refund_claims")
    wish = models.CharField(max_length=6, choices=Wish)
    network = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=42, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    # The payer's word; once it is declined, the merchant's.
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(status="open"), name="one_open_claim_per_invoice"
            )
        ]
        indexes = [models.Index(fields=["merchant", "status", "-id"], name="claim_by_status")]

    def __str__(self) -> str:
        return self.public_id
