"""Money that came and fits nothing that was asked for."""

from django.db import models
from django.db.models import F, Q

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.payment import Payment


def _deposit_id() -> str:
    return ids.public_id("dep")


class Deposit(models.Model):
    """Unmatched money: kept apart in the ledger until the merchant says what it is.

    Never deleted, and never silently made to fit.
    """

    class Status(models.TextChoices):
        UNMATCHED = "unmatched", "Unmatched"
        MATCHED = "matched", "Matched to an invoice"
        CREDITED = "credited", "Kept as credit"
        REFUNDED = "refunded", "Given back"
        DISPUTED = "disputed", "Disputed"
        LOST = "lost", "Taken back by the bank"

    class Reason(models.TextChoices):
        ANOTHER_AMOUNT = "another_amount", "Not the amount that was asked for"
        ANOTHER_CURRENCY = "another_currency", "Not the currency that was asked for"
        UNKNOWN_PAYMENT = "unknown_payment", "For no payment that is known here"
        NO_INVOICE = "no_invoice", "No open invoice asks for this amount at this address"
        AMBIGUOUS = "ambiguous", "Several open invoices ask for this amount at this address"
        VOID_INVOICE = "void_invoice", "Its invoice had been voided"
        TOO_LITTLE = "too_little", "Less than the smallest unit of its invoice's currency"

    public_id = models.CharField(max_length=40, unique=True, default=_deposit_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="deposits")
    # The payment it answers to, and the one it became when it was matched.
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="deposits")
    matched_payment = models.OneToOneField(
        Payment, models.PROTECT, null=True, related_name="matched_deposit"
    )
    rail = models.CharField(max_length=20)
    provider_reference = models.CharField(max_length=200)
    currency = models.CharField(max_length=10)
    amount = MinorUnitsField()
    # Of the amount: matched or credited, given back, and taken from what was unmatched by a bank.
    amount_used = MinorUnitsField(default=0)
    amount_refunded = MinorUnitsField(default=0)
    amount_withdrawn = MinorUnitsField(default=0)
    # What the provider took for bringing it, borne by the wallet; null until it has said so.
    provider_fee = MinorUnitsField(null=True)  # type: ignore[misc]
    status = models.CharField(max_length=9, choices=Status, default=Status.UNMATCHED)
    reason = models.CharField(max_length=20, choices=Reason)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="deposit_of_something"),
            models.CheckConstraint(
                condition=Q(amount_used__gte=0, amount_refunded__gte=0, amount_withdrawn__gte=0)
                & Q(amount__gte=F("amount_used") + F("amount_refunded") + F("amount_withdrawn")),
                name="deposit_is_spent_once",
            ),
            models.UniqueConstraint(
                fields=["rail", "provider_reference"], name="one_deposit_per_provider_reference"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="deposit_newest_first"),
            models.Index(fields=["merchant", "status", "-id"], name="deposit_by_status"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def left(self) -> int:
        """What of it still waits to be matched, in minor units."""
        return self.amount - self.amount_used - self.amount_refunded - self.amount_withdrawn
