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
        # Below zero: what a wallet owes after money was taken from it that it did not have.
        DEBT = "debt", "Owed by the wallet"
        # On its way back to payers.
        REFUNDING = "refunding", "Refunds under way"
        CLEARING = "clearing", "Clearing"
        # Below zero: what has arrived at merchants' own addresses on a chain.
        ONCHAIN = "onchain", "On chain"
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
    # Whose credit it is.
    customer = models.ForeignKey(
        "invoicing.Customer", models.PROTECT, null=True, related_name="ledger_accounts"
    )
    # Kept for merchants' accounts only; the instance's would be one hot row for everybody and
    # are summed when somebody asks.
    balance = MinorUnitsField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                # Money given back by hand may come from a till that Billhook knows nothing of.
                condition=Q(balance__gte=0) & ~Q(kind="debt")
                | Q(balance__lte=0, kind="debt")
                | Q(kind="external"),
                name="merchants_accounts_stay_positive",
            )
        ]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One thing that happened to money; its reference makes it happen once.

    Postings are written under an unposted entry; once posted, nothing about it changes. Posting
    gives it its place in the merchant's chain and the seal on it (see payments/seal.py).
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
    # 1, 2, 3 … among the merchant's entries, and the seal on what it says.
    position = models.PositiveBigIntegerField(null=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "position"], name="entry_position_once"),
            models.CheckConstraint(
                condition=Q(posted=False) | (Q(position__gte=1) & ~Q(digest="")),
                name="posted_entries_are_sealed",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class LedgerHead(models.Model):
    """Where a merchant's chain of entries ends: how many there are, and the last one's seal."""

    merchant = models.OneToOneField(
        "invoicing.Merchant", models.PROTECT, related_name="ledger_head"
    )
    length = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.merchant} ×{self.length}"


class LedgerPosting(models.Model):
    """An amount moved from one account to another of the same asset."""

    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="postings")
    # Found by the index below.
    source = models.ForeignKey(
        LedgerAccount, models.PROTECT, db_index=False, related_name="postings_out"
    )
    destination = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="postings_in")
    amount = MinorUnitsField()
    asset = models.CharField(max_length=10)

    class Meta:
        indexes = [
            # With the amounts, so that all accounts are added up without opening one posting.
            models.Index(fields=["source", "destination", "amount"], name="postings_moved"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="postings_move_something"),
            models.CheckConstraint(
                condition=~Q(source=F("destination")), name="postings_move_elsewhere"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.destination}"
