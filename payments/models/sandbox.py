"""The sandbox provider's own books, which Billhook sees only through its rail."""

from django.db import models

from invoicing import ids
from invoicing.models.fields import MinorUnitsField


def _session_id() -> str:
    return ids.public_id("sbx")


def _refund_id() -> str:
    return ids.public_id("sbr")


def _method_id() -> str:
    return ids.public_id("sbm")


def _setup_id() -> str:
    return ids.public_id("sbs")


class SandboxMethod(models.Model):
    """A test card that was left for later charges. Its last four digits say which one it is."""

    public_id = models.CharField(max_length=40, unique=True, default=_method_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    customer_reference = models.CharField(max_length=200)
    card_brand = models.CharField(max_length=20)
    card_last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    # What becomes of its next charges, in order; after them it behaves as its number says.
    next = models.JSONField(default=list)
    created_at = models.DateTimeField()
    detached_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.public_id


class SandboxSetup(models.Model):
    """A visit to the page on which a test card is left; its key makes asking twice harmless."""

    class Status(models.TextChoices):
        OPEN = "open", "Waiting for a card"
        SUCCEEDED = "succeeded", "Succeeded"
        CANCELED = "canceled", "Canceled"

    public_id = models.CharField(max_length=40, unique=True, default=_setup_id)
    key = models.CharField(max_length=40, unique=True)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    customer_reference = models.CharField(max_length=200)
    return_url = models.CharField(max_length=2000)
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    decline_code = models.CharField(max_length=60, blank=True)
    method = models.ForeignKey(SandboxMethod, models.PROTECT, null=True, related_name="setups")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id


class SandboxSession(models.Model):
    """A visit to the sandbox's hosted card page, or a charge of a saved card while nobody is there.

    Its key makes asking twice harmless.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Waiting for a card"
        AUTHENTICATING = "authenticating", "Waiting for the cardholder's approval"
        SILENT = "silent", "Submitted, no answer yet"
        SUCCEEDED = "succeeded", "Succeeded"
        # A charge of a saved card: nobody is there to try another.
        DECLINED = "declined", "Declined"
        CANCELED = "canceled", "Canceled"

    public_id = models.CharField(max_length=40, unique=True, default=_session_id)
    key = models.CharField(max_length=40, unique=True)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    amount = MinorUnitsField()
    currency = models.CharField(max_length=10)
    description = models.CharField(max_length=200)
    return_url = models.CharField(max_length=2000, blank=True)
    # The saved card that is charged; empty for a visit.
    method = models.ForeignKey(SandboxMethod, models.PROTECT, null=True, related_name="charges")
    # On a visit: whose card is kept when it pays, and the one that is.
    keep_for = models.CharField(max_length=200, blank=True)
    kept = models.ForeignKey(SandboxMethod, models.PROTECT, null=True, related_name="+")
    status = models.CharField(max_length=15, choices=Status, default=Status.OPEN)
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    decline_code = models.CharField(max_length=60, blank=True)
    declines = models.PositiveSmallIntegerField(default=0)
    # When a silent provider finds its voice, on the merchant's clock, and what it will say.
    answers_at = models.DateTimeField(null=True)
    has_paid = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id


class SandboxRefund(models.Model):
    """Money that the sandbox gave back; its key makes asking twice harmless."""

    class Status(models.TextChoices):
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    public_id = models.CharField(max_length=40, unique=True, default=_refund_id)
    key = models.CharField(max_length=40, unique=True)
    session = models.ForeignKey(SandboxSession, models.PROTECT, related_name="refunds")
    amount = MinorUnitsField()
    status = models.CharField(max_length=9, choices=Status)
    failure_code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public_id
