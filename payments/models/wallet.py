"""Where a merchant's money is kept, one asset to a wallet."""

from django.db import models
from django.db.models import Q

from invoicing import ids


def _wallet_id() -> str:
    return ids.public_id("wal")


class Wallet(models.Model):
    """A merchant's purse for one asset; its balances are ledger accounts.

    `pending` has not cleared yet, `available` has, and `external` is what the merchant declared
    as received outside Billhook: it was never ours to hold.
    """

    public_id = models.CharField(max_length=40, unique=True, default=_wallet_id)
    merchant = models.ForeignKey("invoicing.Merchant", models.PROTECT, related_name="wallets")
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=10)
    # The one that receives when an invoice names none.
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "currency"],
                condition=Q(is_default=True),
                name="one_default_wallet_per_currency",
            )
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="wallet_newest_first")]

    def __str__(self) -> str:
        return self.name
