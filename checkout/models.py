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


def _bundle_id() -> str:
    return ids.public_id("bun")


class PortalLink(models.Model):
    """Somebody's wish to get into a portal, and the link that was mailed for it; both on wall time.

    Every wish makes a row, so that asking takes as long for an address nobody knows.
    """

    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    # In lower case, as sessions have it too.
    email = models.EmailField()
    language = models.CharField(max_length=10, blank=True)
    # Of the secret in the link; empty until a worker has seen whether the address is known.
    digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest"], condition=~Q(digest=""), name="one_portal_link_per_digest"
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(digest=""), name="portal_link_wanted"),
            models.Index(fields=["merchant", "email"], name="portal_link_by_address"),
            models.Index(fields=["created_at"], name="portal_link_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.email} at {self.merchant_id}"


class PortalSession(models.Model):
    """A payer's stay in one merchant's portal; the cookie holds a secret, this its digest."""

    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    email = models.EmailField()
    # One link begins one stay.
    link = models.OneToOneField(PortalLink, models.SET_NULL, null=True, related_name="session")
    digest = models.CharField(max_length=64, unique=True)
    # The public ids of the customers that had the address then; it ends when one loses it.
    customers = models.JSONField(default=list)
    began_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="portal_session_by_end")]

    def __str__(self) -> str:
        return f"{self.email} at {self.merchant_id}"


class Bundle(models.Model):
    """Several invoices that a payer pays in one go."""

    public_id = models.CharField(max_length=40, unique=True, default=_bundle_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    email = models.EmailField()
    # Of the form that asked for it: sent twice, it is one bundle.
    token = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "email", "token"], name="one_bundle_per_form"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class BundlePart(models.Model):
    """One invoice of a bundle, and what became of it."""

    bundle = models.ForeignKey(Bundle, models.CASCADE, related_name="parts")
    invoice = models.ForeignKey("invoicing.Invoice", models.PROTECT, related_name="+")
    # What was due when the payer agreed, in minor units.
    amount = MinorUnitsField()
    # The saved method that is charged; None where it is paid on its own page.
    method = models.ForeignKey(
        "payments.PaymentMethod", models.PROTECT, null=True, related_name="+"
    )
    payment = models.ForeignKey("payments.Payment", models.PROTECT, null=True, related_name="+")
    # Why it was not even tried, by the refusal's code.
    refusal = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bundle", "invoice"], name="each_invoice_once")
        ]

    def __str__(self) -> str:
        return f"{self.invoice} of {self.bundle}"


class PortalSettings(models.Model):
    """What payers may do by themselves in a merchant's portal; without a row, only look and pay."""

    merchant = models.OneToOneField(
        "invoicing.Merchant", models.PROTECT, related_name="portal_settings"
    )
    pause_recurring = models.BooleanField(default=False)
    cancel_recurring = models.BooleanField(default=False)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.merchant}"
