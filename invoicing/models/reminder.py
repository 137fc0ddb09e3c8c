"""Reminders that were sent: which rule asked for each, and the late fee that it told of."""

from typing import Self

from django.db import models

from invoicing.models.message import Message


class ReminderQuerySet(models.QuerySet["Reminder"]):
    """Ways to find reminders."""

    def shown(self) -> Self:
        """With what showing them takes and no more, the oldest first."""
        return (
            self.select_related("message", "late_fee")
            .only(
                "invoice_id",
                "days",
                "created_at",
                "message__public_id",
                "message__to",
                "message__status",
                "late_fee__public_id",
                "late_fee__number",
            )
            .order_by("pk")
        )


class Reminder(models.Model):
    """One mail that asked a payer again."""

    invoice = models.ForeignKey("invoicing.Invoice", models.CASCADE, related_name="reminders")
    # The rule's days after the due date, negative before it; None where somebody sent it by hand.
    days = models.SmallIntegerField(null=True)
    message = models.OneToOneField(Message, models.CASCADE, related_name="reminder")
    late_fee = models.OneToOneField(
        "invoicing.Invoice", models.PROTECT, null=True, related_name="told_by"
    )
    # On the merchant's clock.
    created_at = models.DateTimeField()

    objects = ReminderQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.invoice} {self.days}"
