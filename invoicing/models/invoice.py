"""The invoice: what is owed, the states it passes through, and its lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django_fsm import FSMField, transition

from invoicing import ids
from invoicing.models.customer import Customer
from invoicing.models.fields import ExactDecimalField, MinorUnitsField
from invoicing.models.inquiry import Inquiry
from invoicing.models.merchant import Merchant
from invoicing.models.message import Message
from invoicing.models.reminder import Reminder


def _invoice_id() -> str:
    return ids.public_id("inv")


def _line_id() -> str:
    return ids.public_id("li")


class Status(models.TextChoices):
    """Where an invoice stands. Sent, viewed and overdue are timestamps, not states."""

    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    PAYING = "paying", "Paying"
    PAID = "paid", "Paid"
    VOID = "void", "Void"
    EXPIRED = "expired", "Expired"
    UNCOLLECTIBLE = "uncollectible", "Uncollectible"


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Ways to find invoices; every one begins with whose they are."""

    def whole(self) -> Self:
        """With all that showing invoices takes, in a fixed number of queries.

        Their merchant is known already where they were found through `merchant.invoices`.
        """
        mails = Message.objects.filter(kind="invoice").only(
            "invoice_id", "kind", "repeat", "status", "reason", "to", "sent_at", "created_at"
        )
        return self.select_related(
            "customer", "wallet", "checkout_page", "late_fee_of"
        ).prefetch_related(
            "lines",
            models.Prefetch("messages", mails.order_by("id"), "mails"),
            models.Prefetch("reminders", Reminder.objects.shown()),
            "payments",
        )

    def referred_to(self, reference: str) -> Self:
        """By public id, uuid or number; one at most among `merchant.invoices`."""
        if "\x00" in reference:  # PostgreSQL would not even look for it
            return self.none()
        if reference.startswith("inv_"):
            return self.filter(public_id=reference)
        try:
            return self.filter(uuid=UUID(reference))
        except ValueError:
            return self.filter(number=reference)

    def held(self, at: datetime) -> Self:
        """Those whose payer is to be left alone at this instant: see `Invoice.is_held`."""
        holding = Inquiry.objects.holding(at).filter(invoice=models.OuterRef("pk"))
        return self.filter(models.Exists(holding))

    def locked(self) -> Self:
        """Lock the invoice's own row until the transaction ends; payments are locked after it."""
        return self.select_related("merchant").select_for_update(of=("self",))


class Invoice(models.Model):
    """A request for money. A draft may change; once finalized only its state may."""

    class RecipientType(models.TextChoices):
        HUMAN = "human", "Human"
        BOT = "bot", "Bot"
        AGENT = "agent", "Agent"

    uuid = models.UUIDField(unique=True, default=ids.new_uuid, editable=False)
    public_id = models.CharField(max_length=40, unique=True, default=_invoice_id)
    # The payer's capability: the only thing that authorises a public read.
    slug = models.CharField(max_length=40, unique=True, default=ids.slug)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="invoices")
    status = FSMField(max_length=13, choices=Status, default=Status.DRAFT, protected=True)

    number = models.CharField(max_length=32, null=True)  # noqa: DJ001 - null until finalized
    number_value = models.PositiveBigIntegerField(null=True)

    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="invoices")
    recipient_name = models.CharField(max_length=200, blank=True)
    recipient_email = models.EmailField(blank=True)
    recipient_type = models.CharField(
        max_length=5, choices=RecipientType, default=RecipientType.HUMAN
    )
    wallet = models.ForeignKey(
        "payments.Wallet", models.PROTECT, null=True, related_name="invoices"
    )
    # Where the payer comes in, in the uppermost room.
    checkout_page = models.ForeignKey(
        "checkout.CheckoutPage", models.PROTECT, null=True, related_name="invoices"
    )
    # Where it is to be paid in USDC, if it says so itself; else its wallet does.
    wallet_address = models.CharField(max_length=42, blank=True)
    language = models.CharField(max_length=10, blank=True)

    currency = models.CharField(max_length=10)
    discount_percent = ExactDecimalField(null=True)  # type: ignore[misc]
    discount_amount = MinorUnitsField(null=True)  # type: ignore[misc]
    # One tax on the whole that was asked for as an amount.
    tax_amount = MinorUnitsField(null=True)  # type: ignore[misc]
    subtotal = MinorUnitsField(default=0)
    discount = MinorUnitsField(default=0)
    tax = MinorUnitsField(default=0)
    total = MinorUnitsField(default=0)
    # [{"name", "rate", "category", "inclusive", "base", "amount"}], one per tax of the document.
    taxes = models.JSONField(default=list)
    amount_paid = MinorUnitsField(default=0)
    # Taken off what is due by credit notes.
    amount_credited = MinorUnitsField(default=0)
    amount_refunded = MinorUnitsField(default=0)
    allow_partial = models.BooleanField(default=False)

    title = models.CharField(max_length=200, blank=True)
    message = models.TextField(max_length=2000, blank=True)
    memo = models.TextField(max_length=2000, blank=True)
    notes = models.TextField(max_length=2000, blank=True)
    purchase_order = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(default=dict)
    metadata_public = models.BooleanField(default=False)
    # What the payer was asked on the checkout page: [{"key", "label", "type", "value"}].
    custom_fields = models.JSONField(default=list)

    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    finalized_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    viewed_at = models.DateTimeField(null=True)
    overdue_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    # A late fee is an invoice of its own: the one it is for, and the rule that charged it.
    # The public id of the schedule that has asked for it, in the room above.
    recurring_charge_id = models.CharField(max_length=40, blank=True)
    late_fee_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="late_fees")
    late_fee_days = models.SmallIntegerField(null=True)

    # On the merchant's clock; None where no reminder comes.
    next_reminder_at = models.DateTimeField(null=True)
    # The rules' moments until then are dealt with: their reminder was sent, or will never be.
    reminded_until = models.DateTimeField(null=True)
    reminders_sent = models.PositiveSmallIntegerField(default=0)
    # Paused by the merchant, until then or until resumed.
    reminders_paused_at = models.DateTimeField(null=True)
    reminders_paused_until = models.DateTimeField(null=True)
    # The payer asked for no more of them, and is no customer on file who could have.
    reminders_stopped_at = models.DateTimeField(null=True)

    # Frozen at finalize: what the document says of either side stays true afterwards.
    seller_snapshot = models.JSONField(default=dict)
    buyer_snapshot = models.JSONField(default=dict)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "number"], name="invoice_number_once"),
            models.UniqueConstraint(
                fields=["merchant", "number_value"], name="invoice_number_value_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="invoice_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status=Status.DRAFT, number=None, finalized_at=None)
                | (
                    ~Q(status=Status.DRAFT)
                    & Q(number__isnull=False, number_value__isnull=False)
                    & Q(finalized_at__isnull=False)
                ),
                name="only_drafts_lack_a_number",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0, amount_paid__gte=0, amount_refunded__gte=0)
                & Q(amount_credited__gte=0, amount_credited__lte=F("total"))
                & Q(amount_refunded__lte=F("amount_paid")),
                name="refunded_at_most_what_was_paid",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PAID)
                | Q(amount_paid__gte=F("total") - F("amount_credited")),
                name="paid_means_paid_in_full",
            ),
            models.CheckConstraint(
                condition=Q(discount_percent=None) | Q(discount_amount=None),
                name="one_kind_of_discount",
            ),
            models.UniqueConstraint(
                fields=["late_fee_of", "late_fee_days"], name="one_late_fee_per_rule"
            ),
            models.CheckConstraint(
                condition=Q(late_fee_of=None, late_fee_days=None)
                | Q(late_fee_of__isnull=False, late_fee_days__isnull=False),
                name="late_fees_name_their_rule",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="invoice_newest_first"),
            models.Index(fields=["merchant", "status", "-id"], name="invoice_by_status"),
            models.Index(fields=["merchant", "customer", "-id"], name="invoice_by_customer"),
            models.Index(
                fields=["merchant", "checkout_page", "-id"],
                condition=Q(checkout_page__isnull=False),
                name="invoice_by_checkout_page",
            ),
            models.Index(
                "merchant",
                Lower("recipient_email"),
                condition=Q(customer=None),
                name="invoice_by_bare_address",
            ),
            models.Index(fields=["merchant", "due_at"], name="invoice_by_due_date"),
            models.Index(
                fields=["due_at"],
                condition=Q(status=Status.OPEN, overdue_at=None),
                name="invoice_becoming_overdue",
            ),
            models.Index(
                fields=["expires_at"], condition=Q(status=Status.OPEN), name="invoice_expiring"
            ),
            models.Index(
                fields=["next_reminder_at"],
                condition=Q(status=Status.OPEN),
                name="invoice_to_be_reminded",
            ),
            models.Index(
                fields=["merchant", "next_reminder_at"],
                condition=Q(status=Status.OPEN),
                name="invoice_to_be_reminded_here",
            ),
            models.Index(
                fields=["merchant", "due_at"],
                condition=Q(status=Status.OPEN, overdue_at=None),
                name="invoice_becoming_overdue_here",
            ),
            models.Index(
                fields=["merchant", "expires_at"],
                condition=Q(status=Status.OPEN),
                name="invoice_expiring_here",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"Draft {self.public_id}"

    @property
    def amount_due(self) -> int:
        """What is still asked for, in minor units; nothing once void."""
        if self.status == Status.VOID:
            return 0
        return max(self.total - self.amount_paid - self.amount_credited, 0)

    @property
    def is_overdue(self) -> bool:
        """Whether the due date has passed while money is still asked for."""
        return self.overdue_at is not None and self.status in {Status.OPEN, Status.PAYING}

    def is_held(self, at: datetime) -> bool:
        """Whether the payer is to be left alone: a question waits, or a promise is not due yet.

        Reminders wait for that, and so should whatever else asks a payer for money again.
        """
        return self.inquiries.holding(at).exists()

    def begin_with(self, lines: Sequence["LineItem"]) -> None:
        """Know that these are its lines, without asking the database for them."""
        known = self.lines.all()
        known._result_cache = list(lines)
        self.__dict__.setdefault("_prefetched_objects_cache", {})["lines"] = known

    @transition(status, source=Status.DRAFT, target=Status.OPEN)
    def finalize(self, number: str, number_value: int, at: datetime) -> None:
        """The document is complete, has its number, and asks for money."""
        self.number = number
        self.number_value = number_value
        self.finalized_at = at

    @transition(status, source=Status.OPEN, target=Status.PAYING)
    def start_paying(self) -> None:
        """Money is in flight: until it lands or fails, nothing else may happen."""

    @transition(status, source=Status.PAYING, target=Status.OPEN)
    def stop_paying(self) -> None:
        """The money in flight did not arrive, or not all that is due."""

    @transition(
        status,
        source=[Status.OPEN, Status.PAYING, Status.EXPIRED, Status.UNCOLLECTIBLE],
        target=Status.PAID,
    )
    def settle(self, at: datetime) -> None:
        """Nothing is due any more: all of it has been received or credited."""
        self.paid_at = at
        self.next_reminder_at = None

    @transition(status, source=Status.PAID, target=Status.OPEN)
    def reverse(self) -> None:
        """Money that had arrived was taken back."""
        self.paid_at = None

    @transition(status, source=[Status.OPEN, Status.UNCOLLECTIBLE], target=Status.VOID)
    def void(self, at: datetime) -> None:
        """The merchant no longer asks for this money."""
        self.voided_at = at
        self.next_reminder_at = None

    @transition(status, source=Status.OPEN, target=Status.EXPIRED)
    def expire(self) -> None:
        """The payment window has closed."""
        self.next_reminder_at = None

    @transition(status, source=Status.OPEN, target=Status.UNCOLLECTIBLE)
    def write_off(self) -> None:
        """The merchant does not expect this money any more."""
        self.next_reminder_at = None


class LineItem(models.Model):
    """One thing billed: quantity × unit price, less a discount, with its taxes."""

    public_id = models.CharField(max_length=40, unique=True, default=_line_id)
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    description = models.CharField(max_length=500)
    quantity = ExactDecimalField()
    unit_price = ExactDecimalField()
    discount_percent = ExactDecimalField(null=True)  # type: ignore[misc]
    discount_amount = MinorUnitsField(null=True)  # type: ignore[misc]
    # [{"name", "rate", "category"}]
    taxes = models.JSONField(default=list)
    tax_inclusive = models.BooleanField(default=False)
    # Worked out: the discount in minor units, and the line after it.
    discount = MinorUnitsField(default=0)
    amount = MinorUnitsField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position_once")
        ]

    def __str__(self) -> str:
        return self.description
