"""Mails: each a row first, which a worker sends, retries and says the truth about."""

from django.db import models
from django.db.models import Q

from invoicing import ids
from invoicing.models.merchant import Merchant


def _message_id() -> str:
    return ids.public_id("msg")


class Message(models.Model):
    """One mail to one address. Its Message-ID never changes, so a repeat can be recognised."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    public_id = models.CharField(max_length=40, unique=True, default=_message_id)
    # None for mails of the instance itself, such as a sign-up confirmation.
    merchant = models.ForeignKey(Merchant, models.PROTECT, null=True, related_name="messages")
    invoice = models.ForeignKey(
        "invoicing.Invoice", models.CASCADE, null=True, related_name="messages"
    )
    # The credit note that it is about, whose PDF it brings.
    credit_note = models.ForeignKey(
        "invoicing.CreditNote", models.PROTECT, null=True, related_name="messages"
    )
    # invoice, receipt, credit_note, refund, reminder, question, answer, invitation, account …
    kind = models.CharField(max_length=30)
    # Counts deliberate repeats: a worker's retry is the same mail, a person's "send again" is not.
    repeat = models.PositiveSmallIntegerField(default=0)
    to = models.EmailField()
    reply_to = models.EmailField(blank=True)
    from_name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10, blank=True)
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField(blank=True)
    # Where one click stops mails of this kind (RFC 8058).
    unsubscribe_url = models.CharField(max_length=300, blank=True)
    attach_pdf = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # The mail as it went out, kept only where a mailbox page shows it.
    raw = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "kind", "repeat"],
                condition=Q(invoice__isnull=False),
                name="one_mail_per_kind",
            )
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="message_newest_first"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="queued"), name="message_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class Document(models.Model):
    """A PDF as it was rendered, found again by the fingerprint of all that went into it."""

    invoice = models.ForeignKey("invoicing.Invoice", models.CASCADE, related_name="documents")
    fingerprint = models.CharField(max_length=64)
    content = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "fingerprint"], name="one_document_per_fingerprint"
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.fingerprint[:8]}"
