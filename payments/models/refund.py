"""Money given back; its public id is the provider's idempotency key."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.deposit import Deposit
from payments.models.payment import Payment
from payments.models.wallet import Wallet


def _refund_id() -> str:
    return ids.public_id("ref")


class RefundStatus(models.TextChoices):
    """Where a refund stands. Unknown means the provider has not said: it is asked again."""

    PENDING = "pending", "Pending"
    UNKNOWN = "unknown", "Unknown"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


# The provider may still change its mind about these.
REFUNDS_UNFINISHED = (RefundStatus.PENDING, RefundStatus.UNKNOWN)


class Refund(models.Model):
    """An amount of one payment on its way back to the payer. Never deleted.

    From the moment it exists its amount is reserved: on the payment, so that no more than was
    paid is ever given back, and in the ledger, where it leaves the wallet.
    """

    class Destination(models.TextChoices):
        ORIGINAL = "original", "The way it was paid"
        WALLET = "wallet", "The payer's wallet"
        CREDIT_BALANCE = "credit_balance", "Credit for later invoices"
        MANUAL = "manual", "Given back outside Billhook"

    class Reason(models.TextChoices):
        REQUESTED = "requested_by_customer", "Requested by the customer"
        DUPLICATE = "duplicate", "Duplicate"
        FRAUDULENT = "fraudulent", "Fraudulent"
        OVERPAYMENT = "overpayment", "Overpayment"
        OTHER = "other", "Other"

    class Source(models.TextChoices):
        WALLET = "wallet", "What the invoice got"
        CREDIT = "credit", "The payer's credit"
        UNMATCHED = "unmatched", "Money that fits no invoice"

    public_id = models.CharField(max_length=40, unique=True, default=_refund_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="refunds")
    # A payment's money goes back for its invoice; unmatched money has neither.
    invoice = models.ForeignKey(
        "invoicing.Invoice", models.PROTECT, null=True, related_name="refunds"
    )
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="refunds")
    deposit = models.ForeignKey(Deposit, models.PROTECT, null=True, related_name="refunds")
    credit_note = models.ForeignKey(
        "invoicing.CreditNote", models.PROTECT, null=True, related_name="refunds"
    )
    status = FSMField(
        max_length=9, choices=RefundStatus, default=RefundStatus.PENDING, protected=True
    )
    source = models.CharField(max_length=9, choices=Source, default=Source.WALLET)
    destination = models.CharField(max_length=14, choices=Destination)
    # Where the destination is a wallet: whose money it becomes.
    to_wallet = models.ForeignKey(Wallet, models.PROTECT, null=True, related_name="refunds_in")
    currency = models.CharField(max_length=10)
    amount = MinorUnitsField()
    # Made at the provider's own desk: how much of it the payment had not left to give back, and
    # how much of that was taken from what had become the payer's credit.
    excess = MinorUnitsField(default=0)
    of_credit = MinorUnitsField(default=0)
    reason = models.CharField(max_length=30, choices=Reason, default=Reason.REQUESTED)
    note = models.CharField(max_length=500, blank=True)

    provider_reference = models.CharField(max_length=200, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # When the provider was first asked, by the wall clock: an idempotency key does not live long.
    asked_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # The janitor's round: when to ask the provider again.
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RefundStatus.values), name="refund_status_is_known"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_is_of_something"),
            models.CheckConstraint(
                condition=Q(excess__gte=0, excess__lte=F("amount"))
                & Q(of_credit__gte=0, of_credit__lte=F("excess")),
                name="refund_exceeds_by_part_of_itself",
            ),
            models.CheckConstraint(
                condition=Q(source="unmatched", deposit__isnull=False)
                | (~Q(source="unmatched") & Q(payment__isnull=False, invoice__isnull=False)),
                name="refund_knows_what_it_gives_back",
            ),
            models.CheckConstraint(
                condition=Q(destination="wallet", to_wallet__isnull=False)
                | (~Q(destination="wallet") & Q(to_wallet=None)),
                name="refund_to_a_wallet_names_it",
            ),
            models.UniqueConstraint(
                fields=["provider_reference"],
                condition=~Q(provider_reference=""),
                name="one_refund_per_provider_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="refund_newest_first"),
            models.Index(fields=["invoice", "id"], name="refund_by_invoice"),
            models.Index(
                fields=["next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="refund_to_look_at",
            ),
            models.Index(
                fields=["merchant", "next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="refund_to_look_at_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def paid(self) -> Payment:
        """The payment whose money it is. Raises ValueError for unmatched money."""
        if self.payment is None:
            raise ValueError(f"{self} gives back money that was no payment")
        return self.payment

    @property
    def counted(self) -> int:
        """How much of it is counted against what the payment and its invoice got."""
        return self.amount - self.excess

    @property
    def came(self) -> Payment | Deposit:
        """How the money had come."""
        return self.deposit or self.paid

    @transition(status, source=RefundStatus.PENDING, target=RefundStatus.UNKNOWN)
    def lose_sight(self) -> None:
        """The provider did not answer; only it knows whether money went back."""

    @transition(status, source=list(REFUNDS_UNFINISHED), target=RefundStatus.SUCCEEDED)
    def succeed(self, at: datetime) -> None:
        """The money is on its way to the payer, as far as the provider can tell."""
        self.succeeded_at = at

    @transition(
        status,
        source=[*REFUNDS_UNFINISHED, RefundStatus.SUCCEEDED],
        target=RefundStatus.FAILED,
    )
    def fail(self, code: str, message: str, at: datetime) -> None:
        """Nothing went back; a bank may say so days after it had seemed to."""
        self.failure_code = code
        self.failure_message = message
        self.failed_at = at
