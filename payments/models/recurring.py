"""Money that comes back every month: schedules, and the periods they have asked for."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.fields import MinorUnitsField
from payments.models.method import PaymentMethod
from payments.models.wallet import Wallet
from payments.schedule import Schedule


def _recurring_id() -> str:
    return ids.public_id("rec")


class RecurringStatus(models.TextChoices):
    """Where a schedule stands. Past due means that a period's charge has failed so far."""

    ACTIVE = "active", "Active"
    PAST_DUE = "past_due", "Past due"
    PAUSED = "paused", "Paused"
    ENDED = "ended", "Ended"


# While it is in one of these, its next period will be asked for.
RUNNING = (RecurringStatus.ACTIVE, RecurringStatus.PAST_DUE)


class RecurringCharge(models.Model):
    """A schedule that makes an invoice each period, and charges a saved method or sends it."""

    class Collection(models.TextChoices):
        CHARGE = "charge", "Charged to a saved method"
        SEND = "send", "Sent to be paid"

    class Interval(models.TextChoices):
        WEEKLY = "weekly", "Weekly"
        MONTHLY = "monthly", "Monthly"
        QUARTERLY = "quarterly", "Quarterly"
        YEARLY = "yearly", "Yearly"

    public_id = models.CharField(max_length=40, unique=True, default=_recurring_id)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="recurring_charges"
    )
    customer = models.ForeignKey(
        "invoicing.Customer", models.PROTECT, related_name="recurring_charges"
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, null=True, related_name="recurring_charges")
    # The one that is charged; the customer's default where none is named.
    payment_method = models.ForeignKey(
        PaymentMethod, models.PROTECT, null=True, related_name="recurring_charges"
    )
    status = FSMField(
        max_length=10, choices=RecurringStatus, default=RecurringStatus.ACTIVE, protected=True
    )
    collection = models.CharField(max_length=10, choices=Collection, default=Collection.CHARGE)
    description = models.CharField(max_length=500)
    currency = models.CharField(max_length=10)
    # What a whole period asks for, taxes included, as the template stands now.
    amount = MinorUnitsField()
    # The invoice of a period as it would be asked for: see invoicing/inputs.py InvoiceInput.
    template = models.JSONField()
    metadata = models.JSONField(default=dict, blank=True)

    interval = models.CharField(max_length=10, choices=Interval)
    interval_count = models.PositiveSmallIntegerField(default=1)
    # The merchant's when it began: moving house does not move what payers have agreed to.
    timezone = models.CharField(max_length=64)
    anchor_at = models.DateTimeField()
    # Whether a part of a period at the beginning is charged for its part, or not at all.
    prorate = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    # No period begins at or after this.
    end_at = models.DateTimeField(null=True)

    # The number of the period that begins at the anchor, and of the next to be asked for.
    anchor_number = models.IntegerField()
    next_number = models.PositiveIntegerField(default=1)
    # When the next period begins, or the whole ends; nothing is due while this is empty.
    next_at = models.DateTimeField(null=True)
    # When the next period is announced; empty when that is done.
    announce_at = models.DateTimeField(null=True)
    # How failed charges are tried again, where it is not as the merchant's others (dunning.py).
    dunning = models.JSONField(null=True)
    leased_until = models.DateTimeField(null=True)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True)
    # When a pause ends by itself.
    resumes_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Why it is paused or has ended, in words.
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RecurringStatus.values), name="recurring_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0, interval_count__gte=1),
                name="recurring_amounts_make_sense",
            ),
            models.CheckConstraint(
                condition=Q(status__in=RUNNING) | Q(next_at=None, announce_at=None),
                name="only_running_schedules_are_due",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="customer_recurringest_first"),
            models.Index(fields=["customer", "-id"], name="recurring_of_customer"),
            # For everybody's clock, and for one merchant's (see invoicing/sweeps.py).
            models.Index(
                fields=["next_at"], condition=Q(next_at__isnull=False), name="recurring_due"
            ),
            models.Index(
                fields=["merchant", "next_at"],
                condition=Q(next_at__isnull=False),
                name="recurring_due_here",
            ),
            models.Index(
                fields=["announce_at"],
                condition=Q(announce_at__isnull=False),
                name="recurring_to_announce",
            ),
            models.Index(
                fields=["merchant", "announce_at"],
                condition=Q(announce_at__isnull=False),
                name="recurring_to_announce_here",
            ),
            models.Index(
                fields=["resumes_at"],
                condition=Q(resumes_at__isnull=False),
                name="recurring_to_resume",
            ),
            models.Index(
                fields=["merchant", "resumes_at"],
                condition=Q(resumes_at__isnull=False),
                name="recurring_to_resume_here",
            ),
            models.Index(
                fields=["end_at"],
                condition=Q(end_at__isnull=False, status="paused"),
                name="recurring_paused_to_end",
            ),
            models.Index(
                fields=["merchant", "end_at"],
                condition=Q(end_at__isnull=False, status="paused"),
                name="recurring_paused_to_end_here",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def schedule(self) -> Schedule:
        """The rhythm of its periods."""
        return Schedule(self.anchor_at, ZoneInfo(self.timezone), self.interval, self.interval_count)

    def begins(self, number: int) -> datetime:
        """When the period of this number begins; the first one not before the whole."""
        return max(self.schedule.at(number - self.anchor_number), self.started_at)

    def whole(self, number: int) -> tuple[datetime, datetime]:
        """From when to when the period of this number would last if it were whole."""
        place = number - self.anchor_number
        return self.schedule.at(place), self.schedule.at(place + 1)

    @transition(status, source=RecurringStatus.ACTIVE, target=RecurringStatus.PAST_DUE)
    def fall_behind(self) -> None:
        """A period's charge has failed."""

    @transition(status, source=RecurringStatus.PAST_DUE, target=RecurringStatus.ACTIVE)
    def catch_up(self) -> None:
        """All that was asked for has been paid, or is not asked for any more."""

    @transition(status, source=list(RUNNING), target=RecurringStatus.PAUSED)
    def pause(self, at: datetime, reason: str) -> None:
        """Nothing is asked for until it is resumed."""
        self.paused_at = at
        self.reason = reason
        self.next_at = self.announce_at = None

    @transition(status, source=RecurringStatus.PAUSED, target=RecurringStatus.ACTIVE)
    def resume(self) -> None:
        """Go on with the next period that begins; those of the pause are not asked for."""
        self.paused_at = self.resumes_at = None
        self.reason = ""

    @transition(status, source=[*RUNNING, RecurringStatus.PAUSED], target=RecurringStatus.ENDED)
    def end(self, at: datetime, reason: str) -> None:
        """Nothing is asked for any more."""
        self.ended_at = at
        self.reason = reason
        self.next_at = self.announce_at = self.resumes_at = None


class RecurringPeriod(models.Model):
    """One period of a schedule, its invoice, and how charging it stands."""

    class Status(models.TextChoices):
        # The invoice asks; where a method is charged, an attempt is under way or to come.
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        # Every try has failed.
        GIVEN_UP = "given_up", "Given up"
        # The invoice asks for nothing any more.
        CLOSED = "closed", "Closed"

    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="+")
    recurring = models.ForeignKey(RecurringCharge, models.PROTECT, related_name="periods")
    # 1, 2, 3 … along the schedule; what a pause skips is left out.
    number = models.PositiveIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    invoice = models.OneToOneField(
        "invoicing.Invoice", models.PROTECT, related_name="recurring_period"
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    # How many of the retries have been used up, and when the next one is due.
    retries_made = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    # Charging again cannot help until the payer leaves another method or pays: it is not tried,
    # and `retry_at` is when it is given up.
    needs_payer = models.BooleanField(default=False)
    # Why the last charge failed, and the method that was charged: another one is tried at once.
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    failure_advice = models.CharField(max_length=8, blank=True)
    failed_method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True, related_name="+")
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recurring", "number"], name="one_invoice_per_period"),
            models.CheckConstraint(
                condition=Q(status="open") | Q(retry_at=None), name="only_open_periods_are_retried"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="periods_last_a_while"
            ),
        ]
        indexes = [
            models.Index(
                fields=["retry_at"], condition=Q(retry_at__isnull=False), name="period_to_retry"
            ),
            models.Index(
                fields=["merchant", "retry_at"],
                condition=Q(retry_at__isnull=False),
                name="period_to_retry_here",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recurring} #{self.number}"


class DunningPolicy(models.Model):
    """How a merchant's failed recurring charges are tried again; without a row, as dunning.py."""

    merchant = models.OneToOneField(
        "invoicing.Merchant", models.PROTECT, related_name="dunning_policy"
    )
    rules = models.JSONField()
    # How many days before a period begins it is announced.
    announce_days = models.PositiveSmallIntegerField(default=3)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.merchant}"
