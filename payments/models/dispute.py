"""A payer who asks their bank for the money back."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.deposit import Deposit
from payments.models.payment import Payment


def _dispute_id() -> str:
    return ids.public_id("dis")


def _submission_id() -> str:
    return ids.public_id("dsu")


class DisputeStatus(models.TextChoices):
    """Where a dispute stands. An inquiry asks questions before any money is taken."""

    INQUIRY = "inquiry", "Inquiry"
    NEEDS_RESPONSE = "needs_response", "Needs your response"
    UNDER_REVIEW = "under_review", "Under review"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    CLOSED = "closed", "Closed"


DISPUTES_OPEN = (DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)
DISPUTES_ENDED = (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED)
# A debit that came back without the payer's doing: the account could not bear it, or is not there.
RETURNED_BY_BANK = (
    "insufficient_funds",
    "incorrect_account_details",
    "bank_cannot_process",
    "check_returned",
)


class Dispute(models.Model):
    """A bank's demand for money that came, from the first question to the verdict.

    `withdrawn` is what the provider holds back at this moment: it stands in the ledger's
    `disputed` account until the dispute is won, when it returns, or lost, when it is gone.
    """

    public_id = models.CharField(max_length=40, unique=True, default=_dispute_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="disputes")
    # Of a payment for its invoice, or of money that fitted nothing when it came.
    invoice = models.ForeignKey(
        "invoicing.Invoice", models.PROTECT, null=True, related_name="disputes"
    )
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="disputes")
    deposit = models.ForeignKey(Deposit, models.PROTECT, null=True, related_name="disputes")
    provider_reference = models.CharField(max_length=200, unique=True)
    status = FSMField(
        max_length=14, choices=DisputeStatus, default=DisputeStatus.INQUIRY, protected=True
    )
    reason = models.CharField(max_length=60, blank=True)
    currency = models.CharField(max_length=10)
    amount = MinorUnitsField()
    withdrawn = MinorUnitsField(default=0)
    # Of what is held back of a deposit: taken from what was unmatched still, and from the credit
    # that it had become. The rest is the wallet's.
    of_unmatched = MinorUnitsField(default=0)
    of_credit = MinorUnitsField(default=0)
    # How much of what is gone for good the payment or the deposit has lost.
    reversed = MinorUnitsField(default=0)
    # How much of that the invoice asks for again.
    reopened = MinorUnitsField(default=0)
    fee = MinorUnitsField(default=0)
    # How often the ledger has followed: part of each entry's reference.
    moves = models.PositiveSmallIntegerField(default=0)
    evidence_due_at = models.DateTimeField(null=True)
    # What the merchant has written so far, by the provider's field names.
    evidence = models.JSONField(default=dict)
    submitted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=DisputeStatus.values), name="dispute_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0, withdrawn__gte=0, reversed__gte=0, fee__gte=0)
                & Q(withdrawn__lte=F("amount"), reversed__lte=F("amount"))
                & Q(reopened__gte=0, reopened__lte=F("reversed")),
                name="dispute_amounts_make_sense",
            ),
            models.CheckConstraint(
                condition=Q(
                    payment__isnull=False,
                    invoice__isnull=False,
                    deposit=None,
                    of_unmatched=0,
                    of_credit=0,
                )
                | Q(payment=None, invoice=None, deposit__isnull=False, reopened=0),
                name="dispute_of_a_payment_or_a_deposit",
            ),
            models.CheckConstraint(
                condition=Q(of_unmatched__gte=0, of_credit__gte=0)
                & Q(withdrawn__gte=F("of_unmatched") + F("of_credit")),
                name="dispute_takes_parts_of_itself",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="dispute_newest_first"),
            models.Index(fields=["invoice", "id"], name="dispute_by_invoice"),
            models.Index(
                fields=["next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="dispute_to_look_at",
            ),
            models.Index(
                fields=["merchant", "next_look_at"],
                condition=Q(next_look_at__isnull=False),
                name="dispute_to_look_at_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def came(self) -> Payment | Deposit:
        """How the money had come. Raises ValueError for a dispute of nothing."""
        came = self.deposit or self.payment
        if came is None:
            raise ValueError(f"{self} is of no money")
        return came

    @property
    def owed(self) -> int:
        """What is held back of a deposit beyond all that was left of it: the wallet bears it."""
        return self.withdrawn - self.of_unmatched - self.of_credit

    @property
    def can_respond(self) -> bool:
        """Whether the bank still listens to the merchant."""
        return self.status in {DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE}

    @transition(status, source=DisputeStatus.INQUIRY, target=DisputeStatus.NEEDS_RESPONSE)
    def ask(self) -> None:
        """The bank wants to hear the merchant's side by a date."""

    @transition(
        status,
        source=[DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE],
        target=DisputeStatus.UNDER_REVIEW,
    )
    def review(self) -> None:
        """The bank has the merchant's evidence."""

    # A bank may reverse its verdict once more, so an ended dispute can still end otherwise.
    @transition(status, source=[*DISPUTES_OPEN, DisputeStatus.LOST], target=DisputeStatus.WON)
    def win(self, at: datetime) -> None:
        """The merchant keeps the money."""
        self.closed_at = at

    @transition(status, source=[*DISPUTES_OPEN, DisputeStatus.WON], target=DisputeStatus.LOST)
    def lose(self, at: datetime) -> None:
        """The payer keeps the money."""
        self.closed_at = at

    @transition(status, source=list(DISPUTES_OPEN), target=DisputeStatus.CLOSED)
    def close(self, at: datetime) -> None:
        """An inquiry that never became a demand."""
        self.closed_at = at


class DisputeFile(models.Model):
    """A document that the merchant shows the bank."""

    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="files")
    # Which of the provider's evidence fields it fills, such as `receipt`.
    field = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    provider_reference = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispute", "field"], name="one_file_per_field")
        ]

    def __str__(self) -> str:
        return self.name


class DisputeSubmission(models.Model):
    """The merchant's answer on its way to the bank; its public id is the idempotency key."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Submitted"
        FAILED = "failed", "Refused"

    public_id = models.CharField(max_length=40, unique=True, default=_submission_id)
    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="submissions")
    # Not to fight: the dispute is conceded.
    concede = models.BooleanField(default=False)
    evidence = models.JSONField(default=dict)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    failure_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    next_look_at = models.DateTimeField(null=True)
    looks_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dispute"], condition=Q(status="pending"), name="one_answer_at_a_time"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=Q(status="pending"),
                name="submission_to_hand_in",
            )
        ]

    def __str__(self) -> str:
        return self.public_id
