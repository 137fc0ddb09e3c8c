"""The rows of the checkout room."""

from django.db import models
from django.db.models import Q

from invoicing import ids
from invoicing.models.fields import MinorUnitsField


def _checkout_page_id() -> str:
    return ids.public_id("cp")


class CheckoutPage(models.Model):
    """Where payers come in: what is sold there, for how much, and which wallet receives.

    What is paid there is an invoice of its own each time.
    """

    public_id = models.CharField(max_length=40, unique=True, default=_checkout_page_id)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="checkout_pages"
    )
    # None where it is the default of the currency that receives.
    wallet = models.ForeignKey(
        "payments.Wallet", models.PROTECT, null=True, related_name="checkout_pages"
    )
    title = models.CharField(max_length=200)
    description = models.TextField(max_length=2000, blank=True)
    currency = models.CharField(max_length=10)
    # None where every invoice says for itself how much it asks for.
    amount = MinorUnitsField(null=True)  # type: ignore[misc]
    # What an invoice made there bills; the page's title when empty.
    item_description = models.CharField(max_length=500, blank=True)
    # Whether payers can begin there; the page can be seen all the same.
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gt=0), name="checkout_page_asks_for_something"
            )
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="checkout_page_newest_first")]

    def __str__(self) -> str:
        return self.title
