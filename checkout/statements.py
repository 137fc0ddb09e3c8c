"""A payer's statement: what was billed, paid, credited and refunded in a period, and what is open.

What is open is what the payer still owes. Each entry says by how much it has changed that, so
the balance before, the entries and the balance after always add up, and up to now they come to
exactly what the open invoices ask for. A refund gives money back and opens nothing again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db.models import Prefetch

from checkout import portal
from invoicing import clock
from invoicing.models import CreditNote, Invoice
from invoicing.models.invoice import Status
from payments.models import Payment, Refund

CLOSED: Final = (Status.VOID, Status.EXPIRED, Status.UNCOLLECTIBLE)
LONGEST: Final = timedelta(days=366 * 10)


@dataclass(frozen=True, slots=True)
class Period:
    """From one day to another, both included, as the merchant's time zone has them."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `amount` is its own, `change` what it did to what is open."""

    at: datetime
    # billed, paid, taken_back, credited, withdrawn or refunded
    kind: str
    invoice: Invoice
    amount: int
    change: int
    number: str = ""

    @property
    def currency(self) -> str:
        return self.invoice.currency


@dataclass
class Account:
    """One currency of a statement, in minor units."""

    currency: str
    before: int = 0
    entries: list[Entry] = field(default_factory=list)

    def sum_of(self, *kinds: str) -> int:
        return sum(entry.amount for entry in self.entries if entry.kind in kinds)

    @property
    def billed(self) -> int:
        return self.sum_of("billed")

    @property
    def paid(self) -> int:
        return self.sum_of("paid") - self.sum_of("taken_back")

    @property
    def credited(self) -> int:
        return self.sum_of("credited", "withdrawn")

    @property
    def refunded(self) -> int:
        return self.sum_of("refunded")

    @property
    def after(self) -> int:
        return self.before + sum(entry.change for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Statement:
    """A payer's account with a merchant over a period, by currency."""

    payer: portal.Payer
    period: Period
    accounts: tuple[Account, ...]


def periods(payer: portal.Payer) -> dict[str, Period]:
    """The periods that are offered by name: this month, last month, this year."""
    today = today_of(payer)
    this_month = today.replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    return {
        "this_month": Period(this_month, today),
        "last_month": Period(last_month, this_month - timedelta(days=1)),
        "this_year": Period(today.replace(month=1, day=1), today),
    }


def today_of(payer: portal.Payer) -> date:
    """The day it is where the merchant is."""
    merchant = payer.merchant
    return clock.now(merchant).astimezone(portal.zone_of(merchant)).date()


def statement_of(payer: portal.Payer, period: Period) -> Statement:
    """What happened between the payer and the merchant in a period. Takes four queries."""
    zone = portal.zone_of(payer.merchant)
    begins = datetime.combine(period.first, time.min, zone)
    ends = datetime.combine(period.last + timedelta(days=1), time.min, zone)
    accounts: dict[str, Account] = {}
    for invoice in _invoices(payer, ends):
        account = accounts.setdefault(invoice.currency, Account(invoice.currency))
        for entry in _entries(invoice):
            if entry.at < begins:
                account.before += entry.change
            elif entry.at < ends:
                account.entries.append(entry)
    for account in accounts.values():
        account.entries.sort(key=lambda entry: (entry.at, entry.invoice.pk))
    shown = (one for one in accounts.values() if one.entries or one.before)
    return Statement(payer, period, tuple(sorted(shown, key=lambda one: one.currency)))


def _invoices(payer: portal.Payer, ends: datetime) -> list[Invoice]:
    rows = payer.invoices.filter(finalized_at__lt=ends).order_by("pk")
    return list(
        rows.prefetch_related(
            Prefetch("payments", Payment.objects.filter(succeeded_at__isnull=False).order_by("pk")),
            Prefetch("refunds", Refund.objects.filter(source="wallet").exclude(status="failed")),
            Prefetch("credit_notes", CreditNote.objects.order_by("pk")),
        )
    )


def _entries(invoice: Invoice) -> Iterator[Entry]:
    """All that has happened to an invoice; together the changes come to what is due on it."""
    left = 0
    for entry in _changing(invoice):
        left += entry.change
        yield entry
    # A closed invoice asks for nothing, whatever was left of it.
    due = 0 if invoice.status in CLOSED else invoice.amount_due
    if left != due:
        at = invoice.voided_at or invoice.updated_at
        yield Entry(at, "withdrawn", invoice, left - due, due - left)
    for refund in invoice.refunds.all():
        yield Entry(refund.created_at, "refunded", invoice, refund.amount, 0)


def _changing(invoice: Invoice) -> Iterator[Entry]:
    issued = invoice.finalized_at or invoice.created_at
    yield Entry(issued, "billed", invoice, invoice.total, invoice.total)
    for payment in invoice.payments.all():
        arrived = payment.received - payment.surplus
        at = payment.succeeded_at or payment.updated_at
        if arrived:
            yield Entry(at, "paid", invoice, arrived, -arrived)
        if payment.amount_reopened:
            back = min(payment.amount_reopened, arrived)
            yield Entry(payment.updated_at, "taken_back", invoice, back, back)
    for note in invoice.credit_notes.all():
        # The rest of it had been paid, and goes back or is kept as credit.
        yield Entry(note.issued_at, "credited", invoice, note.total, -note.off_due, note.number)
