"""Who is billed."""

from django.db import models
from django.db.models.functions import Lower

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
    # {"mode": inherit, off or own, "rules"}; empty means that the merchant's rules hold.
    reminders = models.JSONField(default=dict, blank=True)
    # Since when other rules hold that the worker has not applied to the open invoices yet.
    reminders_changed_at = models.DateTimeField(null=True)
    # When the payer asked for no more of them.
    reminders_stopped_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # An archived customer keeps its invoices and takes no new ones.
    archived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "-id"], name="customer_newest_first"),
            models.Index(fields=["merchant", "email"], name="customer_by_email"),
            models.Index("merchant", Lower("email"), name="customer_by_address"),
            models.Index(
                fields=["reminders_changed_at"],
                condition=models.Q(reminders_changed_at__isnull=False),
                name="customer_rules_changed",
            ),
            models.Index(
                fields=["merchant", "reminders_changed_at"],
                condition=models.Q(reminders_changed_at__isnull=False),
                name="customer_rules_changed_here",
            ),
        ]

    def __str__(self) -> str:
        return self.name
