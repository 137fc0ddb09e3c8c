"""Who is billed."""

from django.db import models

from invoicing import ids
from invoicing.models.merchant import Merchant


def _customer_id() -> str:
    return ids.public_id("cus")


class Customer(models.Model):
    """A person or business that a merchant bills more than once."""

    class TaxExempt(models.TextChoices):
        NONE = "none", "Taxed"
        EXEMPT = "exempt", "Exempt"
        REVERSE = "reverse", "Reverse charge"

    public_id = models.CharField(max_length=40, unique=True, default=_customer_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="customers")
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    address = models.JSONField(default=dict, blank=True)
    tax_ids = models.JSONField(default=list, blank=True)
    tax_exempt = models.CharField(max_length=8, choices=TaxExempt, default=TaxExempt.NONE)
    currency = models.CharField(max_length=10, blank=True)
    language = models.CharField(max_length=10, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # An archived customer keeps its invoices and takes no new ones.
    archived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "-id"], name="customer_newest_first"),
            models.Index(fields=["merchant", "email"], name="customer_by_email"),
        ]

    def __str__(self) -> str:
        return self.name
