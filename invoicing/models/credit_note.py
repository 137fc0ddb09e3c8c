"""A credit note: takes back some of what an issued invoice asked for."""

from django.db import models
from django.db.models import F, Q

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from invoicing.models.invoice import Invoice
from invoicing.models.merchant import Merchant


def _credit_note_id() -> str:
    return ids.public_id("cn")


class CreditNote(models.Model):
    """An issued document of its own series. It is never changed: a wrong one is invoiced again.

    What it credits lowers first what is still due on the invoice (`off_due`); the rest has been
    paid and goes back to the payer.
    """

    class Reason(models.TextChoices):
        REQUESTED = "requested_by_customer", "Requested by the customer"
        DUPLICATE = "duplicate", "Duplicate"
        FRAUDULENT = "fraudulent", "Fraudulent"
        ORDER_CHANGE = "order_change", "Order changed"
        UNSATISFACTORY = "product_unsatisfactory", "Product unsatisfactory"
        OTHER = "other", "Other"

    public_id = models.CharField(max_length=40, unique=True, default=_credit_note_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=32)
    number_value = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=30, choices=Reason, default=Reason.REQUESTED)
    memo = models.TextField(max_length=2000, blank=True)

    currency = models.CharField(max_length=10)
    # [{"description", "quantity", "unit_price", "amount", "line_id"}]
    lines = models.JSONField(default=list)
    subtotal = MinorUnitsField()
    discount = MinorUnitsField(default=0)
    tax = MinorUnitsField()
    total = MinorUnitsField()
    # As on the invoice: [{"name", "rate", "category", "inclusive", "base", "amount"}]
    taxes = models.JSONField(default=list)
    off_due = MinorUnitsField(default=0)

    seller_snapshot = models.JSONField(default=dict)
    buyer_snapshot = models.JSONField(default=dict)
    issued_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "number"], name="credit_note_number_once"),
            models.UniqueConstraint(
                fields=["merchant", "number_value"], name="credit_note_number_value_once"
            ),
            models.CheckConstraint(
                condition=Q(total__gt=0, off_due__gte=0, off_due__lte=F("total")),
                name="credit_note_amounts_make_sense",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="credit_note_newest_first"),
            models.Index(fields=["invoice", "id"], name="credit_note_by_invoice"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def to_give_back(self) -> int:
        """The part that had been paid already, in minor units."""
        return self.total - self.off_due
