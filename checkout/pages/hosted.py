"""What the hosted invoice page says: the invoice as a document, and where paying it stands."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from babel.numbers import get_decimal_symbol
from django.http import Http404, HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from checkout.returning import Back, back_to
from invoicing import clock, documents, languages, money
from invoicing.actions.inquiries import LONGEST_PROMISE, PROMISES
from invoicing.errors import ValidationFailed
from invoicing.models import CreditNote, Inquiry, Invoice, Merchant
from invoicing.templatetags.money import language, locale_of
from invoicing.templatetags.money import money as shown
from payments.clearing import ON_CHAIN
from payments.collecting import goes_on
from payments.models import IN_FLIGHT, RUNNING, UNFINISHED, Payment, Refund
from payments.offered import rails_of, usdc_chains
from payments.usdc_representations import network_of

CARD_BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
# A card is settled in seconds and watched closely; a bank takes days.
SOON = timedelta(minutes=2)


def find(slug: str) -> Invoice:
    """The invoice whose address this is. Raises Http404; a draft is nobody else's business."""
    invoice = (
        Invoice.objects.select_related(
            "merchant",
            "customer",
            "checkout_page__merchant",
            "late_fee_of",
            "recurring_period__recurring",
        )
        .prefetch_related("lines", "payments", "refunds", "inquiries")
        .filter(slug=slug)
        .exclude(status="draft")
        .first()
    )
    if invoice is None:
        raise Http404
    return invoice


@contextmanager
def spoken_to(request: HttpRequest, invoice: Invoice) -> Iterator[None]:
    """Speak the payer's language, or else the browser's, in the seller's time zone."""
    browsers = languages.spoken(translation.get_language_from_request(request))
    spoken = languages.of_payer(invoice) or browsers or "en"
    zone = ZoneInfo(invoice.seller_snapshot.get("timezone") or "UTC")
    with translation.override(spoken), timezone.override(zone):
        yield


@dataclass(frozen=True, slots=True)
class Received:
    """Money that arrived and stayed: when, and by what means. In minor units."""

    at: datetime | None
    means: str
    amount: int
    reference: str

    @property
    def minus(self) -> int:
        return -self.amount


@dataclass
class Hosted:
    """One invoice as its payer sees it, in the language that is active."""

    invoice: Invoice

    @property
    def merchant(self) -> Merchant:
        return self.invoice.merchant

    @cached_property
    def document(self) -> documents.InvoiceDocument:
        return documents.document_of(self.invoice)

    @cached_property
    def payments(self) -> list[Payment]:
        """Every attempt, the newest first."""
        return sorted(self.invoice.payments.all(), key=lambda payment: -payment.pk)

    @property
    def received(self) -> list[Received]:
        """What has arrived, the oldest first."""
        return [
            Received(
                at=payment.succeeded_at,
                means=means_of(payment, self.document.seller.name),
                amount=payment.received - payment.surplus - payment.amount_reopened,
                reference=payment.public_id,
            )
            for payment in reversed(self.payments)
            if payment.status == "succeeded"
        ]

    @property
    def refunds(self) -> list[Refund]:
        """What went back of what this invoice got, the oldest first."""
        return sorted(
            (
                row
                for row in self.invoice.refunds.all()
                if row.source == "wallet" and row.status != "failed"
            ),
            key=lambda row: row.pk,
        )

    @property
    def taken_back(self) -> int:
        """What the payer's bank took back and the invoice asks for again, in minor units."""
        taken = sum(payment.amount_reopened for payment in self.payments)
        return min(taken, self.invoice.amount_due)

    @property
    def minus_paid(self) -> int:
        return -self.invoice.amount_paid

    @property
    def minus_credited(self) -> int:
        return -self.invoice.amount_credited

    @cached_property
    def credit_notes(self) -> list[CreditNote]:
        """What was taken back of this invoice, the oldest first."""
        return list(self.invoice.credit_notes.order_by("pk"))

    @property
    def inquiries(self) -> list[Inquiry]:
        """What the payer has said that still stands, and what was answered, the oldest first."""
        shown = {"open", "answered"}
        rows = [row for row in self.invoice.inquiries.all() if row.status in shown]
        return sorted(rows, key=lambda row: row.pk)

    @property
    def has_charge_waiting(self) -> bool:
        """Whether a saved method is to be charged for this invoice once nothing is waited for."""
        schedule = goes_on(self.invoice)
        if schedule is None or schedule.status not in RUNNING:
            return False
        period = self.invoice.recurring_period
        return period.retry_at is not None and not period.needs_payer

    @property
    def late_fees(self) -> list[Invoice]:
        """The fees charged because this invoice was not paid in time, the oldest first."""
        # A late fee is told by a reminder: most invoices never had one, and need not be asked.
        told = self.invoice.reminders_sent
        return list(self.invoice.late_fees.order_by("pk")) if told else []

    @property
    def today(self) -> date:
        """The day it is where the seller is."""
        zone = ZoneInfo(self.merchant.timezone)
        return clock.now(self.merchant).astimezone(zone).date()

    @property
    def last_promise(self) -> date:
        """The last day by which the payer may promise to pay."""
        return self.today + LONGEST_PROMISE

    @property
    def may_promise(self) -> bool:
        """Whether there is something to promise, and it was not promised often enough."""
        made = sum(row.kind == "promise" for row in self.invoice.inquiries.all())
        open_now = self.invoice.status == "open" and not self.window_has_closed
        return open_now and made < PROMISES

    @property
    def in_flight(self) -> Payment | None:
        return next((payment for payment in self.payments if payment.status in IN_FLIGHT), None)

    @property
    def unfinished(self) -> list[Payment]:
        return [payment for payment in self.payments if payment.status in UNFINISHED]

    @property
    def trouble(self) -> str:
        """Why the last attempt came to nothing, if it was the last thing that happened."""
        last = self.payments[0] if self.payments else None
        if last is None or last.status != "failed":
            return ""
        return _(last.failure_message) or _("The payment did not go through.")

    @property
    def rails(self) -> list[str]:
        """The ways to pay that can be chosen now, best first."""
        open_now = self.invoice.status == "open" and not self.window_has_closed
        return rails_of(self.invoice) if open_now else []

    @cached_property
    def ways(self) -> list[str]:
        """The same, and USDC, which is paid on a page of its own here."""
        takes_usdc = not self.window_has_closed and usdc_chains(self.invoice)
        return [*self.rails, *(["usdc"] if takes_usdc else [])]

    @property
    def kept_for(self) -> str:
        """What the method that is paid with will be charged for from now on; empty for nothing."""
        schedule = goes_on(self.invoice)
        return schedule.description if schedule else ""

    @property
    def window_has_closed(self) -> bool:
        """Whether the time to pay has passed, even before a worker has written it down."""
        ends = self.invoice.expires_at
        return ends is not None and ends <= clock.now(self.merchant)

    @property
    def days_late(self) -> int:
        """Whole days since the due date, 0 before it."""
        due, now = self.invoice.due_at, clock.now(self.merchant)
        return max((now - due).days, 0) if due else 0

    @property
    def is_late(self) -> bool:
        """Whether the due date has passed, even before a worker has written it down."""
        due = self.invoice.due_at
        return self.invoice.status == "open" and due is not None and due <= clock.now(self.merchant)

    @property
    def editable_amount(self) -> str:
        """What is due as the payer would type it."""
        return _typed(self.invoice.amount_due, self.invoice.currency)

    def amount_from(self, text: str) -> int:
        """Minor units for what the payer typed. Raises ValidationFailed, saying what is wrong."""
        invoice = self.invoice
        amount = amount_in(text, invoice.currency)
        due = {"amount": shown(invoice.amount_due, invoice.currency)}
        if amount > invoice.amount_due:
            problem = _("The amount must be at most what is due, %(amount)s.") % due
        elif amount < invoice.amount_due and not invoice.allow_partial:
            problem = _("The amount must be all that is due, %(amount)s.") % due
        else:
            return amount
        raise ValidationFailed([("amount", problem)])

    @cached_property
    def back(self) -> Back | None:
        """Where the payer came from and can go on to, as the checkout page says."""
        page = self.invoice.checkout_page
        if page is None:
            return None
        return back_to(page, page.success_url if self.invoice.status == "paid" else page.cancel_url)

    @property
    def asked(self) -> int:
        """What the invoice asks for in all, in minor units: its total less what was credited."""
        return self.invoice.total - self.invoice.amount_credited

    @property
    def mark(self) -> str:
        """Changes whenever the page would say something else about money."""
        row = self.invoice
        flying = sum(payment.status in IN_FLIGHT for payment in self.payments)
        settled = row.amount_paid + row.amount_credited
        return f"{row.status}.{settled}.{row.amount_refunded}.{flying}"

    @property
    def poll_seconds(self) -> int:
        """How often to ask again while money is in flight."""
        payment = self.in_flight
        if payment is not None and payment.rail == "ach":
            return 60
        fresh = payment is not None and clock.now(self.merchant) - payment.updated_at < SOON
        return 2 if fresh else 15


def means_of(payment: Payment, seller: str) -> str:
    """How a payment was made, in words a payer knows."""
    kind = payment.method.get("type", "")
    if kind == "card" and payment.method.get("last4"):
        brand = payment.method.get("brand", "")
        return _("%(brand)s ending in %(last4)s") % {
            "brand": CARD_BRANDS.get(brand, brand.title()) or _("Card"),
            "last4": payment.method["last4"],
        }
    if payment.rail == "ach":
        last4 = payment.method.get("last4")
        name = payment.method.get("bank_name") or _("Bank account")
        return (
            _("%(brand)s ending in %(last4)s") % {"brand": name, "last4": last4} if last4 else name
        )
    if payment.rail in ON_CHAIN:
        network = network_of(payment.method.get("network", ""))
        sender = payment.method.get("sender", "")
        if network is None or not sender:
            return "USDC"
        known = {"chain": network.name, "sender": f"{sender[:6]}…{sender[-4:]}"}
        return _("USDC on %(chain)s, from %(sender)s") % known
    if payment.rail == "credit":
        return _("Your credit")
    if payment.rail == "manual":
        known = {
            "bank_transfer": _("Bank transfer"),
            "cash": _("Cash"),
            "check": _("Check"),
            "card_terminal": _("Card"),
        }
        return known.get(kind) or _("Paid directly to %(seller)s") % {"seller": seller}
    return _("Card")


def amount_in(text: str, currency: str) -> int:
    """Minor units for what a payer typed; a decimal comma is read where people write one.

    Raises ValidationFailed with a sentence in the payer's language.
    """
    text = text.strip()
    comma = get_decimal_symbol(locale_of(language()))
    if comma != "." and re.fullmatch(r"[0-9]+" + re.escape(comma) + r"[0-9]+", text, re.ASCII):
        text = text.replace(comma, ".")
    try:
        amount = money.from_text(text, currency)
    except ValueError:
        problem = _("The amount must be a number, such as %(example)s.")
        example = _typed(10 ** money.asset(currency).decimals * 25, currency)
        raise ValidationFailed([("amount", problem % {"example": example})]) from None
    if amount <= 0:
        raise ValidationFailed([("amount", _("The amount must be more than nothing."))])
    return amount


def _typed(amount: int, currency: str) -> str:
    """Minor units as a payer would type them."""
    return money.to_text(amount, currency).replace(".", get_decimal_symbol(locale_of(language())))
