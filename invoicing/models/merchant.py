"""Who bills: accounts, their live and test merchants, and the counters for their numbers."""

from datetime import timedelta

from django.core.validators import RegexValidator
from django.db import models

from invoicing import ids


def _account_id() -> str:
    return ids.public_id("acc")


def _merchant_id() -> str:
    return ids.public_id("mer")


class Account(models.Model):
    """A business with its team: one live merchant and its test twin."""

    public_id = models.CharField(max_length=40, unique=True, default=_account_id)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Merchant(models.Model):
    """The tenant: everything that is billed, paid and told belongs to exactly one."""

    class Paper(models.TextChoices):
        A4 = "A4", "A4"
        LETTER = "Letter", "Letter"

    public_id = models.CharField(max_length=40, unique=True, default=_merchant_id)
    account = models.ForeignKey(Account, models.PROTECT, related_name="merchants")
    livemode = models.BooleanField()
    # A test merchant's distance from the wall clock; the live merchant's is always zero.
    clock_offset = models.DurationField(default=timedelta(0))
    # While it is moved, a clock stands still wherever the next thing waits: a year's work takes
    # its time, and what is done on a day should say that day.
    clock_held_at = models.DateTimeField(null=True)

    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    website = models.URLField(blank=True)
    address = models.JSONField(default=dict, blank=True)
    tax_ids = models.JSONField(default=list, blank=True)

    currency = models.CharField(max_length=10, default="USD")
    language = models.CharField(max_length=10, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    paper = models.CharField(max_length=6, choices=Paper, default=Paper.A4)
    brand_color = models.CharField(
        max_length=7,
        default="#2f5d50",
        validators=[RegexValidator(r"^#[0-9a-f]{6}$", "A colour such as #2f5d50.")],
    )
    logo = models.ForeignKey("Logo", models.PROTECT, null=True, related_name="+")
    footer = models.TextField(max_length=1000, blank=True)
    due_days = models.PositiveSmallIntegerField(default=30)
    # {"enabled", "hour", "rules"}: see reminder_rules.py. Empty until somebody has chosen.
    reminders = models.JSONField(default=dict, blank=True)
    # Since when other rules hold that the worker has not applied to the open invoices yet.
    reminders_changed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "livemode"], name="one_live_and_one_test_merchant"
            ),
            models.CheckConstraint(
                condition=models.Q(livemode=False)
                | models.Q(clock_offset=timedelta(0), clock_held_at=None),
                name="live_merchants_keep_wall_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["reminders_changed_at"],
                condition=models.Q(reminders_changed_at__isnull=False),
                name="merchant_rules_changed",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(clock_offset__gt=timedelta(0)),
                name="merchant_with_a_moved_clock",
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.livemode else f"{self.name} (test)"


class Logo(models.Model):
    """A merchant's logo, never changed: issued documents keep showing the one they began with."""

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="logos")
    # SHA-256 of the image, by which documents refer to it.
    digest = models.CharField(max_length=64)
    # A raster image, re-encoded on upload.
    data_uri = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "digest"], name="each_logo_once")
        ]

    def __str__(self) -> str:
        return self.digest[:12]


class NumberSeries(models.Model):
    """A merchant's counter for one kind of document, locked while a number is given."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoices"
        CREDIT_NOTE = "credit_note", "Credit notes"

    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="number_series")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.INVOICE)
    # It must not end in a digit: INV-1 followed by 0005 would collide with INV- and 10005.
    prefix = models.CharField(
        max_length=12,
        blank=True,
        validators=[
            RegexValidator(
                r"^([A-Z0-9._/-]{0,11}[A-Z._/-])?$",
                "Up to 12 capital letters, digits and . _ / -, not ending in a digit.",
            )
        ],
    )
    padding = models.PositiveSmallIntegerField(default=4)
    last_value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "kind"], name="one_series_per_kind"),
            models.CheckConstraint(
                condition=models.Q(padding__gte=1) & models.Q(padding__lte=12),
                name="padding_between_1_and_12",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}{str(self.last_value).zfill(self.padding)}"
