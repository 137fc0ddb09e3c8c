"""What the provider has sent on to the bank account behind this instance."""

from dataclasses import dataclass

from django.db import models

from invoicing import ids
from invoicing.models import Merchant
from invoicing.models.fields import MinorUnitsField


def _payout_id() -> str:
    return ids.public_id("po")


class Payout(models.Model):
    """One transfer from the provider to the operator's bank; merchants see their own lines of it.

    It is shown, not booked: what the operator's bank holds is not an account of this ledger.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        IN_TRANSIT = "in_transit", "On its way"
        PAID = "paid", "Paid"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Canceled"

    public_id = models.CharField(max_length=40, unique=True, default=_payout_id)
    provider = models.CharField(max_length=20)
    livemode = models.BooleanField()
    provider_reference = models.CharField(max_length=200, unique=True)
    status = models.CharField(max_length=10, choices=Status)
    currency = models.CharField(max_length=10)
    # Of the whole transfer, everybody's lines together.
    amount = MinorUnitsField()
    failure_code = models.CharField(max_length=60, blank=True)
    arrives_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # Whether the provider has said for good which movements it is made of.
    is_itemised = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.public_id


# The provider's kinds whose names alone say too little.
_SAID = {
    "payment": "Bank debit",
    "payment_refund": "Refund of a bank debit",
    "payment_failure_refund": "Returned bank debit",
    "refund_failure": "Refund that failed",
    "adjustment": "Dispute or correction",
}


class PayoutLine(models.Model):
    """One of the movements that a payout sums up: a payment, a refund or a dispute."""

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="lines")
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, null=True, related_name="payout_lines"
    )
    payment = models.ForeignKey(
        "payments.Payment", models.PROTECT, null=True, related_name="payout_lines"
    )
    provider_reference = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    amount = MinorUnitsField()
    fee = MinorUnitsField()
    net = MinorUnitsField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payout", "provider_reference"], name="one_line_per_movement"
            )
        ]
        indexes = [models.Index(fields=["merchant", "payout"], name="payout_line_by_merchant")]

    def __str__(self) -> str:
        return f"{self.payout} {self.provider_reference}"

    @property
    def said(self) -> str:
        """What kind of movement it is, in words."""
        return _SAID.get(self.kind, self.kind.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True)
class MerchantPayout:
    """One merchant's share of a payout: what others get of it is none of its business."""

    payout: Payout
    merchant: Merchant

    @property
    def public_id(self) -> str:
        return self.payout.public_id

    @property
    def status(self) -> str:
        return self.payout.status

    def lines(self) -> list[PayoutLine]:
        """The movements that are this merchant's, as they were loaded or as they are found."""
        if hasattr(self.payout, "own_lines"):
            return list(self.payout.own_lines)
        rows = self.payout.lines.filter(merchant=self.merchant)
        return list(rows.select_related("payment").order_by("pk"))
