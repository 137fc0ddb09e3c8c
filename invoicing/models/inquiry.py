"""What payers say on an invoice's page: a question, or by when they promise to pay."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.merchant import Merchant


def _inquiry_id() -> str:
    return ids.public_id("inq")


class InquiryStatus(models.TextChoices):
    """Where it stands. A question is answered or done, a promise kept, broken or replaced."""

    OPEN = "open", "Open"
    ANSWERED = "answered", "Answered"
    DONE = "done", "Done"
    KEPT = "kept", "Kept"
    BROKEN = "broken", "Broken"
    REPLACED = "replaced", "Replaced"


class InquiryQuerySet(models.QuerySet["Inquiry"]):
    """Ways to find inquiries."""

    def holding(self, at: datetime) -> Self:
        """Those for which the payer is left alone: questions that wait, promises not yet due."""
        return self.filter(Q(holds_until=None) | Q(holds_until__gt=at), status=InquiryStatus.OPEN)


class Inquiry(models.Model):
    """A payer's question about an invoice, or their promise to pay it by a day."""

    class Kind(models.TextChoices):
        QUESTION = "question", "Question"
        PROMISE = "promise", "Promise"

    public_id = models.CharField(max_length=40, unique=True, default=_inquiry_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="inquiries")
    invoice = models.ForeignKey("invoicing.Invoice", models.CASCADE, related_name="inquiries")
    kind = models.CharField(max_length=8, choices=Kind)
    status = FSMField(
        max_length=8, choices=InquiryStatus, default=InquiryStatus.OPEN, protected=True
    )
    # A question in the payer's words, and where its answer goes.
    text = models.TextField(max_length=2000, blank=True)
    reply_to = models.EmailField(blank=True)
    answer = models.TextField(max_length=2000, blank=True)
    # A promise's day, and the end of that day where the merchant is.
    promised_on = models.DateField(null=True)
    holds_until = models.DateTimeField(null=True)
    # On the merchant's clock.
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = InquiryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inquiries"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=InquiryStatus.values), name="inquiry_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="question", promised_on=None, holds_until=None)
                | Q(kind="promise", promised_on__isnull=False, holds_until__isnull=False),
                name="only_promises_have_a_day",
            ),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(kind="promise", status=InquiryStatus.OPEN),
                name="one_open_promise",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="inquiry_newest_first"),
            models.Index(fields=["merchant", "status", "-id"], name="inquiry_by_status"),
            models.Index(
                fields=["holds_until"],
                condition=Q(status=InquiryStatus.OPEN),
                name="inquiry_promise_due",
            ),
            models.Index(
                fields=["merchant", "holds_until"],
                condition=Q(status=InquiryStatus.OPEN),
                name="inquiry_promise_due_here",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.invoice}"

    @transition(status, source=InquiryStatus.OPEN, target=InquiryStatus.ANSWERED)
    def reply(self, answer: str, at: datetime) -> None:
        """The merchant has written back."""
        self.answer = answer
        self.closed_at = at

    @transition(status, source=InquiryStatus.OPEN, target=InquiryStatus.DONE)
    def finish(self, at: datetime) -> None:
        """Settled without an answer from here."""
        self.closed_at = at

    @transition(status, source=InquiryStatus.OPEN, target=InquiryStatus.KEPT)
    def keep(self, at: datetime) -> None:
        """The promised day has passed, and nothing is due."""
        self.closed_at = at

    @transition(status, source=InquiryStatus.OPEN, target=InquiryStatus.BROKEN)
    def break_off(self, at: datetime) -> None:
        """The promised day has passed, and money is still due."""
        self.closed_at = at

    @transition(status, source=InquiryStatus.OPEN, target=InquiryStatus.REPLACED)
    def replace(self, at: datetime) -> None:
        """Another day was promised instead."""
        self.closed_at = at
