"""The rows of the checkout room."""

from collections.abc import Sequence
from datetime import datetime

from django.db import models
from django.db.models import Q

from invoicing import clock, ids
from invoicing.models import Merchant
from invoicing.models.fields import ExactDecimalField, MinorUnitsField


def _checkout_page_id() -> str:
    return ids.public_id("cp")


def _item_id() -> str:
    return ids.public_id("ci")


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
    # It asks for a fixed amount, for one that the payer chooses (it has a least one then), or for
    # items; where it has none of the three, every invoice says for itself how much it asks for.
    amount = MinorUnitsField(null=True)  # type: ignore[misc]
    amount_least = MinorUnitsField(null=True)  # type: ignore[misc]
    amount_most = MinorUnitsField(null=True)  # type: ignore[misc]
    # In minor units, as they are offered.
    suggested_amounts = models.JSONField(default=list)
    # What an invoice made there bills; the page's title when empty.
    item_description = models.CharField(max_length=500, blank=True)
    # Whether payers can begin there; the page can be seen all the same.
    active = models.BooleanField(default=True)
    # How often one can begin there in all, and until when; None where that does not end.
    max_uses = models.PositiveIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    # What a payer is asked besides, as checkout.inputs.CustomFieldInput has it.
    custom_fields = models.JSONField(default=list)
    # Where a payer goes afterwards; only to an origin of the merchant's CheckoutSettings.
    success_url = models.CharField(max_length=500, blank=True)
    cancel_url = models.CharField(max_length=500, blank=True)
    # Of card, ach and usdc; all that the merchant takes where it is empty.
    rails = models.JSONField(default=list)
    # The origins of the sites that may show it in a frame.
    embed_origins = models.JSONField(default=list)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gt=0), name="checkout_page_asks_for_something"
            ),
            models.CheckConstraint(
                condition=Q(amount_least=None, amount_most=None)
                | Q(amount=None, amount_least__gt=0),
                name="checkout_page_asks_in_one_way",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="checkout_page_newest_first")]

    def __str__(self) -> str:
        return self.title

    # The items of a page that is only being written.
    unsaved: Sequence["CheckoutItem"] = ()

    @property
    def on_sale(self) -> list["CheckoutItem"]:
        """Its items in their order; prefetch `items` to show many pages."""
        if self.pk is None:
            return list(self.unsaved)
        rows = [row for row in self.items.all() if not row.removed]
        return sorted(rows, key=lambda row: (row.position, row.pk))

    @property
    def asks(self) -> str:
        """How much it asks for: `amount`, `choice`, `items`, or what each `invoice` says."""
        if self.amount is not None:
            return "amount"
        if self.amount_least is not None:
            return "choice"
        return "items" if self.on_sale else "invoice"

    def has_ended(self, at: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= at

    def is_open(self, at: datetime) -> bool:
        """Whether payers can begin there, as far as its uses and its stock last."""
        return self.active and self.archived_at is None and not self.has_ended(at)

    @property
    def state(self) -> str:
        """`active`, `inactive`, `ended` or `archived`; takes `merchant`."""
        if self.archived_at:
            return "archived"
        if self.has_ended(clock.now(self.merchant)):
            return "ended"
        return "active" if self.active else "inactive"


class CheckoutItem(models.Model):
    """Something that a checkout page sells. One that was taken off stays for what it has sold."""

    public_id = models.CharField(max_length=40, unique=True, default=_item_id)
    page = models.ForeignKey(CheckoutPage, models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=500, blank=True)
    # In the page's currency.
    unit_price = MinorUnitsField()
    # In percent, on top of the price; None for no tax.
    tax_rate = ExactDecimalField(null=True)  # type: ignore[misc]
    max_per_order = models.PositiveIntegerField()
    # How many there are to be sold in all; None where there is no end of them.
    stock = models.PositiveIntegerField(null=True)
    removed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="checkout_item_price"),
            models.CheckConstraint(condition=Q(max_per_order__gte=1), name="checkout_item_order"),
        ]

    def __str__(self) -> str:
        return self.name


class OrderedItem(models.Model):
    """How many of an item an invoice is for."""

    invoice = models.ForeignKey("invoicing.Invoice", models.CASCADE, related_name="ordered_items")
    item = models.ForeignKey(CheckoutItem, models.PROTECT, related_name="orders")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "item"], name="ordered_once_per_invoice"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="ordered_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id}"


class CheckoutSettings(models.Model):
    """What holds for all checkout pages of a merchant."""

    merchant = models.OneToOneField(Merchant, models.PROTECT, related_name="checkout_settings")
    # Where payers may be sent afterwards: exact origins such as https://shop.example.com.
    return_origins = models.JSONField(default=list)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return ", ".join(self.return_origins)


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
