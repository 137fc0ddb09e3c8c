"""The books: accounts, and entries of postings from one account to another.

A posting cannot be unbalanced: what leaves its source arrives at its destination. Triggers in
the database refuse to change or remove any of it (see payments/ledger_triggers.py).
"""

from django.db import models
from django.db.models import F, Q

from invoicing.models.fields import MinorUnitsField
from payments.models.wallet import Wallet


class LedgerAccount(models.Model):
    """A place where money stands: a part of a wallet, or one of the instance's own accounts."""

    class Kind(models.TextChoices):
        PENDING = "pending", "Pending"
        AVAILABLE = "available", "Available"
        EXTERNAL = "external", "Received outside Billhook"
        CLEARING = "clearing", "Clearing"
        PROVIDER_FEES = "provider_fees", "Provider fees"
        PLATFORM_FEES = "platform_fees", "Platform fees"
        CUSTOMER_CREDIT = "customer_credit", "Customer credit"
        UNMATCHED = "unmatched", "Unmatched"
        DISPUTED = "disputed", "Disputed"

    # Says what the account is, e.g. "clearing:card:live:USD": two can't mean the same.
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    asset = models.CharField(max_length=10)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, null=True, related_name="ledger_accounts"
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, null=True, related_name="accounts")
    # Kept for merchants' accounts only; the instance's would be one hot row for everybody and
    # are summed when somebody asks.
    balance = MinorUnitsField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gte=0), name="merchants_accounts_stay_positive"
            )
        ]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One thing that happened to money; its reference makes it happen once.

    Postings are written under an unposted entry; once posted, nothing about it changes.
    """

    reference = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=30)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="ledger_entries"
    )
    payment = models.ForeignKey(
        "payments.Payment", models.PROTECT, null=True, related_name="ledger_entries"
    )
    created_at = models.DateTimeField()
    posted = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.reference


class LedgerPosting(models.Model):
    """An amount moved from one account to another of the same asset."""

    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="postings")
    source = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="postings_out")
    destination = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="postings_in")
    amount = MinorUnitsField()
    asset = models.CharField(max_length=10)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="postings_move_something"),
            models.CheckConstraint(
                condition=~Q(source=F("destination")), name="postings_move_elsewhere"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.destination}"
