"""A merchant's portal for payers: who somebody is by their address, and what is theirs there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Lower

from checkout.models import Bundle, PortalSession, PortalSettings
from invoicing import clock, keys, languages
from invoicing.models import Customer, Invoice, Merchant
from invoicing.models.invoice import InvoiceQuerySet, Status
from invoicing.representations import public_url
from payments.models import LedgerAccount, PaymentMethod, RecurringCharge
from payments.representations import credit_accounts

LINK_LIFE: Final = timedelta(minutes=30)
SESSION_LIFE: Final = timedelta(hours=12)
# Mails to one address while their links are valid: enough for whoever loses one.
LINKS_AT_ONCE: Final = 3
# What still asks for money.
ASKING: Final = (Status.OPEN, Status.PAYING)


def address_of(merchant: Merchant) -> str:
    """Where payers of this merchant come in."""
    return public_url(f"/portal/{merchant.public_id}/")


def folded(email: str) -> str:
    """An address as it is compared: nobody is another person for writing it in capitals."""
    return email.strip().lower()


@dataclass
class Payer:
    """Everybody on file at a merchant under one address, seen as the one who reads its mail.

    Archived customers are left out, and so is what was billed to a customer under this address
    who has another one now.
    """

    merchant: Merchant
    email: str

    @cached_property
    def customers(self) -> list[Customer]:
        """The customers with this address, the oldest first."""
        rows = self.merchant.customers.filter(archived_at=None).alias(mail_to=Lower("email"))
        found: list[Customer] = list(rows.filter(mail_to=self.email).order_by("pk"))
        for row in found:
            row.merchant = self.merchant
        return found

    @property
    def ids(self) -> list[int]:
        return [row.pk for row in self.customers]

    @property
    def is_known(self) -> bool:
        """Whether there is anything to see: a customer on file, or an invoice sent there."""
        return bool(self.customers) or self.invoices.exists()

    @property
    def invoices(self) -> InvoiceQuerySet:
        """All issued invoices that are theirs."""
        bare = Q(customer=None, mail_to=self.email)
        rows = self.merchant.invoices.alias(mail_to=Lower("recipient_email"))
        return rows.filter(Q(customer__in=self.ids) | bare).exclude(status=Status.DRAFT)

    @property
    def payable(self) -> InvoiceQuerySet:
        """Those that can be paid now: nothing of them is on its way already."""
        now = clock.now(self.merchant)
        in_time = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.invoices.filter(in_time, status=Status.OPEN)

    @property
    def due(self) -> list[tuple[str, int]]:
        """What is due in all, by currency, in minor units."""
        due = F("total") - F("amount_paid") - F("amount_credited")
        rows = self.invoices.filter(status__in=ASKING).values("currency")
        sums = rows.annotate(due=Sum(due)).values_list("currency", "due")
        return sorted((currency, amount) for currency, amount in sums if amount)

    @property
    def credit(self) -> QuerySet[LedgerAccount]:
        """What is kept for their next invoices."""
        return credit_accounts().filter(customer__in=self.ids)

    @property
    def methods(self) -> QuerySet[PaymentMethod]:
        """What they have left to be charged, the default first."""
        rows = PaymentMethod.objects.filter(customer__in=self.ids)
        rows = rows.exclude(status=PaymentMethod.Status.DETACHED)
        return rows.select_related("customer", "merchant").order_by(
            "customer", "-is_default", "-pk"
        )

    @property
    def recurring(self) -> QuerySet[RecurringCharge]:
        """What comes back for them, the newest first."""
        rows = self.merchant.recurring_charges.filter(customer__in=self.ids)
        return rows.select_related("merchant", "customer", "payment_method").order_by("-pk")

    @property
    def bundles(self) -> QuerySet[Bundle]:
        return Bundle.objects.filter(merchant=self.merchant, email=self.email)

    @property
    def language(self) -> str:
        """What they read, as far as a customer on file says so."""
        spoken = (languages.spoken(row.language) for row in self.customers if row.language)
        return next((found for found in spoken if found), "")


def session_of(merchant: Merchant, secret: str) -> PortalSession | None:
    """The stay that a cookie's secret opens here, if it lasts."""
    rows = PortalSession.objects.filter(
        merchant=merchant,
        digest=keys.digest(secret),
        ended_at=None,
        expires_at__gt=clock.wall(),
    )
    return rows.first()


def still_theirs(session: PortalSession, customers: Iterable[Customer]) -> bool:
    """Whether the address still belongs to every customer it belonged to when the stay began."""
    return set(session.customers) <= {row.public_id for row in customers}


def follow_changed(customer: Customer) -> None:
    """End the stays under an address that this customer has had until now, in the caller's
    transaction; `still_theirs` finds what nobody was told of."""
    _end_stays(customer, except_under=folded(customer.email))


def follow_gone(customer: Customer) -> None:
    """End the stays of a customer who is deleted or archived, in the caller's transaction."""
    _end_stays(customer, except_under="")


def _end_stays(customer: Customer, except_under: str) -> None:
    now = clock.wall()
    lasting = PortalSession.objects.filter(merchant=customer.merchant_id, ended_at=None)
    lasting = lasting.filter(expires_at__gt=now).exclude(email=except_under)
    emails = {row.email for row in lasting if customer.public_id in row.customers}
    if emails:
        lasting.filter(email__in=emails).update(ended_at=now)


def settings_of(merchant: Merchant) -> PortalSettings:
    """What payers may do by themselves; unsaved where nobody has chosen."""
    found: PortalSettings | None = getattr(merchant, "portal_settings", None)
    return found or PortalSettings(merchant=merchant)


def is_late(invoice: Invoice, now: datetime) -> bool:
    """Whether it should have been paid, even before a worker has written that down."""
    return invoice.status == Status.OPEN and invoice.due_at is not None and invoice.due_at <= now


def zone_of(merchant: Merchant) -> ZoneInfo:
    """Where the merchant's days begin and end."""
    return ZoneInfo(merchant.timezone)
