"""Where USDC is to be sent: what a merchant gave to derive addresses from, and the addresses."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from invoicing import ids
from invoicing.models.fields import ExactDecimalField, MinorUnitsField
from payments.models.wallet import Wallet


def _key_id() -> str:
    return ids.public_id("rk")


def _address_id() -> str:
    return ids.public_id("adr")


class DerivationCounter(models.Model):
    """The next index of an extended public key: monotonic, whoever on this instance gave it.

    Two merchants may give the same key; no two invoices ever get the same address of it.
    """

    fingerprint = models.CharField(max_length=64)
    livemode = models.BooleanField()
    next_index = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fingerprint", "livemode"], name="one_counter_per_key"),
            models.CheckConstraint(
                condition=Q(next_index__lte=2**31), name="only_unhardened_indexes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.next_index}"


class ReceivingKey(models.Model):
    """What a wallet's deposit addresses come from: nothing here can spend what they receive."""

    class Kind(models.TextChoices):
        XPUB = "xpub", "Extended public key (BIP-32)"
        STEALTH = "stealth", "Stealth meta-address (EIP-5564)"
        ADDRESS = "address", "One fixed address"

    public_id = models.CharField(max_length=40, unique=True, default=_key_id)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="receiving_keys"
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="receiving_keys")
    kind = models.CharField(max_length=7, choices=Kind)
    # As the merchant gave it: public in every case.
    text = models.CharField(max_length=200)
    counter = models.ForeignKey(DerivationCounter, models.PROTECT, null=True, related_name="keys")
    created_at = models.DateTimeField()
    # Another has taken its place; what was paid to its addresses is still watched for.
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet"], condition=Q(retired_at=None), name="one_receiving_key_per_wallet"
            ),
            models.CheckConstraint(
                condition=Q(kind="xpub", counter__isnull=False)
                | (~Q(kind="xpub") & Q(counter=None)),
                name="only_extended_keys_count",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class DepositAddress(models.Model):
    """An address that was shown to a payer; the same on every EVM chain.

    A derived one belongs to one invoice for ever. A fixed one serves many, and what comes there is
    matched by its amount.
    """

    public_id = models.CharField(max_length=40, unique=True, default=_address_id)
    merchant = models.ForeignKey(
        "invoicing.Merchant", models.PROTECT, related_name="deposit_addresses"
    )
    livemode = models.BooleanField()
    # None for an address that an invoice itself named.
    key = models.ForeignKey(ReceivingKey, models.PROTECT, null=True, related_name="addresses")
    invoice = models.ForeignKey(
        "invoicing.Invoice", models.PROTECT, null=True, related_name="deposit_addresses"
    )
    # With its EIP-55 checksum.
    address = models.CharField(max_length=42)
    # Where in an extended key's sequence it stands.
    index = models.PositiveBigIntegerField(null=True)
    # Of a stealth address: without these 33 bytes its money cannot be found by its owner.
    ephemeral_public_key = models.CharField(max_length=68, blank=True)
    view_tag = models.CharField(max_length=4, blank=True)
    created_at = models.DateTimeField()
    # By the wall clock; None for as long as its invoice may still be paid.
    watched_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address", "livemode"],
                condition=Q(invoice__isnull=False),
                name="one_invoice_per_derived_address",
            ),
            models.UniqueConstraint(
                fields=["merchant", "address"],
                condition=Q(invoice=None),
                name="one_row_per_fixed_address",
            ),
            models.UniqueConstraint(
                fields=["key", "invoice"],
                condition=Q(invoice__isnull=False),
                name="one_address_per_invoice_and_key",
            ),
            models.CheckConstraint(
                condition=Q(ephemeral_public_key="", view_tag="")
                | (~Q(ephemeral_public_key="") & ~Q(view_tag="")),
                name="a_stealth_address_keeps_what_finds_it",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="address_newest_first"),
            models.Index(fields=["livemode", "watched_until"], name="address_watched"),
            models.Index(fields=["address"], name="address_by_text"),
        ]

    def __str__(self) -> str:
        return self.address


class UsdcRequest(models.Model):
    """What a payer was told to send: this many units to this address, for this much of the invoice.

    The two amounts are the rate that holds until it expires; a dollar is a USDC, always.
    """

    invoice = models.ForeignKey("invoicing.Invoice", models.PROTECT, related_name="usdc_requests")
    address = models.ForeignKey(DepositAddress, models.PROTECT, related_name="requests")
    # Minor units of the invoice's currency, and units of USDC (10^-6) for them.
    amount = MinorUnitsField()
    units = MinorUnitsField()
    # USDC for one whole unit of the currency, and who said so.
    rate = ExactDecimalField()
    rate_source = models.CharField(max_length=60)
    # On the merchant's clock; None for a rate that never changes.
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, units__gt=0), name="usdc_request_of_something"
            ),
        ]
        indexes = [
            models.Index(fields=["invoice", "-id"], name="usdc_request_by_invoice"),
            models.Index(fields=["address", "units"], name="usdc_request_by_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.units} for {self.invoice_id}"

    def in_currency(self, units: int) -> int:
        """What this many units pay of the invoice, in its minor units, rounded down."""
        return units * self.amount // self.units

    def holds_at(self, at: datetime) -> bool:
        """Whether its rate still holds."""
        return self.expires_at is None or at < self.expires_at


class ExchangeRate(models.Model):
    """What one whole unit of a currency is worth in USDC, as its source last said."""

    currency = models.CharField(max_length=10, unique=True)
    rate = ExactDecimalField()
    source = models.CharField(max_length=60)
    # By the wall clock.
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"


class UsdcPolicy(models.Model):
    """How a merchant takes USDC: how much too little is enough, and how long a rate holds."""

    merchant = models.OneToOneField(
        "invoicing.Merchant", models.PROTECT, related_name="usdc_policy"
    )
    # Hundredths of a percent of an invoice's total that may be missing.
    tolerance_basis_points = models.PositiveSmallIntegerField(default=0)
    rate_minutes = models.PositiveSmallIntegerField(default=15)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tolerance_basis_points__lte=1000), name="tolerance_at_most_a_tenth"
            ),
            models.CheckConstraint(
                condition=Q(rate_minutes__gte=1, rate_minutes__lte=1440),
                name="rates_hold_for_a_day_at_most",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tolerance_basis_points} bp"
