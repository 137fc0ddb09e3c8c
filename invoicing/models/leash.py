"""How far a bot may go by itself, and what waits for a person because it would go further."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.access import ApiKey, Bot, User
from invoicing.models.intent import Intent
from invoicing.models.merchant import Merchant


def _approval_id() -> str:
    return ids.public_id("apr")


class Leash(models.Model):
    """What one bot may do by itself. Empty lists and missing limits hold nothing back.

    `limits` are dictionaries of kind, currency, and amounts in minor units: per_action, per_day,
    per_payee (a day), approval_above; None where there is none.
    """

    bot = models.OneToOneField(Bot, models.CASCADE, related_name="leash")
    tools = models.JSONField(default=list)
    customers = models.JSONField(default=list)
    limits = models.JSONField(default=list)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"leash of {self.bot}"

    @property
    def merchant(self) -> Merchant:
        """Whose bot it holds."""
        return self.bot.merchant

    @property
    def public_id(self) -> str:
        """It has no name of its own: what happens to it happens to its bot."""
        return self.bot.public_id


class ApprovalStatus(models.TextChoices):
    """Where it stands. Once approved it is carried out, and then it is done."""

    PENDING = "pending_approval", "Waiting"
    APPROVED = "approved", "Approved"
    DONE = "done", "Done"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"


class Approval(models.Model):
    """A request of a bot that waits for a person, kept word for word to be carried out once."""

    public_id = models.CharField(max_length=40, unique=True, default=_approval_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="approvals")
    bot = models.ForeignKey(Bot, models.PROTECT, related_name="approvals")
    api_key = models.ForeignKey(ApiKey, models.PROTECT, related_name="+")
    intent = models.OneToOneField(Intent, models.PROTECT, related_name="approval")
    status = FSMField(
        max_length=16, choices=ApprovalStatus, default=ApprovalStatus.PENDING, protected=True
    )
    # What was asked: the verb's name, and the request as it came.
    tool = models.CharField(max_length=60)
    purpose = models.CharField(max_length=500, blank=True)
    path = models.CharField(max_length=300)
    body = models.TextField()
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    # While a worker carries it out.
    leased_until = models.DateTimeField(null=True)
    # On the merchant's clock.
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ApprovalStatus.values), name="approval_status_is_known"
            )
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="approval_newest_first"),
            models.Index(fields=["merchant", "status", "-id"], name="approval_by_status"),
            models.Index(fields=["bot", "-id"], name="approval_by_bot"),
            models.Index(
                fields=["expires_at"],
                condition=Q(status=ApprovalStatus.PENDING),
                name="approval_expiring",
            ),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=Q(status=ApprovalStatus.PENDING),
                name="approval_expiring_here",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status=ApprovalStatus.APPROVED),
                name="approval_to_carry_out",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} of {self.bot}"

    @transition(status, source=ApprovalStatus.PENDING, target=ApprovalStatus.APPROVED)
    def approve(self, by: User, at: datetime) -> None:
        """A person lets it be done."""
        self.decided_by, self.decided_at = by, at

    @transition(status, source=ApprovalStatus.PENDING, target=ApprovalStatus.DECLINED)
    def decline(self, by: User, note: str, at: datetime) -> None:
        """A person does not want it done."""
        self.decided_by, self.decided_at, self.note = by, at, note

    @transition(status, source=ApprovalStatus.PENDING, target=ApprovalStatus.EXPIRED)
    def expire(self, at: datetime) -> None:
        """Nobody has decided in time."""
        self.decided_at = at

    @transition(status, source=ApprovalStatus.APPROVED, target=ApprovalStatus.DONE)
    def finish(self, at: datetime) -> None:
        """It was carried out; its intent has the answer."""
        self.done_at = at
