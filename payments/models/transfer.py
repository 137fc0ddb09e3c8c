"""What was seen on a chain: transfers to addresses that were given out, and how far it was read."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.deposit import Deposit
from payments.models.payment import Payment
from payments.models.receiving import DepositAddress, UsdcRequest


def _transfer_id() -> str:
    return ids.public_id("dep")


class TransferStatus(models.TextChoices):
    """How sure a transfer is. Orphaned: its block is not part of the chain any more."""

    DETECTED = "detected", "Detected"
    CONFIRMED = "confirmed", "Confirmed"
    FINAL = "final", "Final"
    ORPHANED = "orphaned", "Orphaned"


# What the chain may still take back.
TRANSFERS_UNSURE = (TransferStatus.DETECTED, TransferStatus.CONFIRMED)


class Transfer(models.Model):
    """One Transfer log of one transaction in one block, to an address of a merchant's.

    Included again in another block it is another row: each inclusion is its own evidence.
    """

    class Match(models.TextChoices):
        INVOICE = "invoice", "Pays an invoice"
        UNMATCHED = "unmatched", "Fits nothing that was asked for"
        WRONG_TOKEN = "wrong_token", "Another token than USDC"

    public_id = models.CharField(max_length=40, unique=True, default=_transfer_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="transfers")
    address = models.ForeignKey(DepositAddress, models.PROTECT, related_name="transfers")
    status = FSMField(
        max_length=9, choices=TransferStatus, default=TransferStatus.DETECTED, protected=True
    )
    match = models.CharField(max_length=11, choices=Match)

    # CAIP-2, such as eip155:8453.
    network = models.CharField(max_length=40)
    tx_hash = models.CharField(max_length=66)
    log_index = models.PositiveIntegerField()
    block_number = models.PositiveBigIntegerField()
    block_hash = models.CharField(max_length=66)
    mined_at = models.DateTimeField()
    token = models.CharField(max_length=42)
    sender = models.CharField(max_length=42)
    # Units of USDC (10^-6). Of another token its text is kept: it may be any 256-bit number.
    amount = MinorUnitsField(default=0)
    token_amount = models.CharField(max_length=78, blank=True)
    confirmations = models.PositiveIntegerField(default=0)

    # What it pays: a payment of the invoice, at the rate of a request, or money set apart.
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="transfer")
    request = models.ForeignKey(UsdcRequest, models.PROTECT, null=True, related_name="transfers")
    deposit = models.OneToOneField(Deposit, models.PROTECT, null=True, related_name="transfer")
    # What the invoice was credited for it beyond what came, within the merchant's tolerance; in
    # minor units of the invoice's currency.
    forgiven = MinorUnitsField(default=0)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)
    orphaned_at = models.DateTimeField(null=True)
    # The merchant has seen it and wants no more of it: for what nothing can be made of.
    dismissed_at = models.DateTimeField(null=True)
    # Rehearsed transfers go on with the merchant's clock: when to the next status.
    moves_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=TransferStatus.values), name="transfer_status_is_known"
            ),
            models.UniqueConstraint(
                fields=["merchant", "network", "tx_hash", "log_index"],
                condition=~Q(status=TransferStatus.ORPHANED),
                name="one_live_transfer_per_log",
            ),
            models.UniqueConstraint(
                fields=["merchant", "network", "tx_hash", "log_index", "block_hash"],
                name="one_transfer_per_inclusion",
            ),
            models.CheckConstraint(
                condition=Q(match="wrong_token", amount=0, payment=None, deposit=None)
                | (~Q(match="wrong_token") & Q(amount__gt=0)),
                name="only_usdc_is_money",
            ),
            models.CheckConstraint(
                condition=Q(payment=None) | Q(deposit=None), name="transfer_is_used_once"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="transfer_newest_first"),
            models.Index(
                fields=["network", "block_number"],
                condition=Q(status__in=TRANSFERS_UNSURE),
                name="transfer_unsure",
            ),
            models.Index(
                fields=["merchant"],
                condition=Q(match="wrong_token", dismissed_at=None),
                name="transfer_of_another_token",
            ),
            models.Index(
                fields=["moves_at"], condition=Q(moves_at__isnull=False), name="transfer_to_move"
            ),
            models.Index(
                fields=["merchant", "moves_at"],
                condition=Q(moves_at__isnull=False),
                name="transfer_to_move_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def reference(self) -> str:
        """Its name among providers' references: where it stands, in which block, and for whom.

        Two merchants may have named the same address: each has their own record of what came.
        """
        where = f"{self.network}:{self.tx_hash}:{self.log_index}@{self.block_hash[2:10]}"
        return f"{where}/{self.merchant_id}"

    @transition(status, source=TransferStatus.DETECTED, target=TransferStatus.CONFIRMED)
    def confirm(self, at: datetime) -> None:
        """Enough blocks stand on it to count it as money."""
        self.confirmed_at = at

    @transition(status, source=TransferStatus.CONFIRMED, target=TransferStatus.FINAL)
    def finalize(self, at: datetime) -> None:
        """The chain itself says that it stays."""
        self.final_at = at

    @transition(status, source=list(TRANSFERS_UNSURE), target=TransferStatus.ORPHANED)
    def orphan(self, at: datetime) -> None:
        """Its block was replaced: it has not happened, unless it is included again."""
        self.orphaned_at = at


class ChainCursor(models.Model):
    """How far a chain has been read, and who is reading it."""

    network = models.CharField(max_length=40, unique=True)
    block_number = models.PositiveBigIntegerField()
    # The ends of the last readings, [[number, hash], …], the newest last: after a reorganisation
    # the newest that still stands is where reading goes on.
    checkpoints = models.JSONField(default=list)
    # Hashes of transactions that could not be taken in: they are tried again at each reading.
    stuck = models.JSONField(default=list)
    head_number = models.PositiveBigIntegerField(default=0)
    final_number = models.PositiveBigIntegerField(default=0)
    # By the wall clock.
    read_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.network} {self.block_number}"

    @property
    def blocks_behind(self) -> int:
        """How many blocks are still to be read."""
        return max(self.head_number - self.block_number, 0)
