"""What bots have asked to be done with money, so that a wish is known when it comes again."""

from django.db import models

from invoicing.models.access import Bot
from invoicing.models.merchant import Merchant


class Intent(models.Model):
    """One wish of one bot: what kind of move, for whom, how much and what for.

    `fingerprint` says whether two are the same. `answer` is what the first was told; without one
    it is not known yet what became of it.
    """

    class Status(models.TextChoices):
        BEGUN = "begun", "Begun"
        DONE = "done", "Done"
        # Nothing came of it, so it may be asked again.
        DROPPED = "dropped", "Dropped"
        # A person did not want it done.
        DECLINED = "declined", "Declined"

    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="+")
    bot = models.ForeignKey(Bot, models.CASCADE, related_name="intents")
    kind = models.CharField(max_length=20)
    fingerprint = models.CharField(max_length=64)
    # Whose money it is: a customer, or the invoice or deposit of somebody who is none.
    payee = models.CharField(max_length=40)
    currency = models.CharField(max_length=8)
    amount = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.BEGUN)
    created_at = models.DateTimeField()
    answer_status = models.PositiveSmallIntegerField(null=True)
    answer_body = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["bot", "fingerprint", "-id"], name="intent_same_again"),
            models.Index(fields=["bot", "kind", "currency", "created_at"], name="intent_by_day"),
            models.Index(fields=["created_at"], name="intent_oldest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.payee}"
