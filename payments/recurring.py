"""What a schedule asks for: its invoices, period by period, in the caller's transaction."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date

from invoicing import clock, drafts, money
from invoicing.inputs import InvoiceInput, read
from invoicing.models import Invoice, LineItem
from invoicing.money import EXACT
from invoicing.templatetags.money import locale_of
from payments import dunning
from payments.models import RUNNING, DunningPolicy, RecurringCharge, RecurringPeriod

ANNOUNCE_DAYS = 3
ITS_END = "It has come to its end."


def period_of(row: RecurringCharge, number: int) -> tuple[datetime, datetime]:
    """From when to when the period of this number lasts."""
    return row.begins(number), row.whole(number)[1]


def invoice_of(row: RecurringCharge, number: int) -> tuple[Invoice, list[LineItem]]:
    """The period's invoice with its lines, worked out and not saved.

    Raises NotFound or ValidationFailed where the schedule asks for what is not there any more.
    """
    starts, ends = period_of(row, number)
    invoice, lines = drafts.draft(row.merchant, read(InvoiceInput, _asked(row, number)))
    span = _span(row, starts, ends, invoice)
    invoice.memo = f"{span}\n{invoice.memo}".strip() if len(invoice.memo) < 1900 else invoice.memo
    return invoice, lines


def amount_of(row: RecurringCharge) -> int:
    """What a whole period asks for, in minor units, taxes included."""
    invoice, _ = drafts.draft(row.merchant, read(InvoiceInput, _request(row)))
    return invoice.total


def plan_next(row: RecurringCharge) -> None:
    """Set when the next period begins, or the whole ends, and when it is announced."""
    if row.status not in RUNNING:
        row.next_at = row.announce_at = None
        return
    begins = row.begins(row.next_number)
    row.next_at = begins if row.end_at is None else min(begins, row.end_at)
    now = clock.now(row.merchant)
    announce_at = begins - timedelta(days=announced_before(row))
    goes_on = row.end_at is None or begins < row.end_at
    row.announce_at = max(announce_at, now) if goes_on and begins > now else None


def number_at(row: RecurringCharge, at: datetime) -> int:
    """The number of the next period to be asked for, if nothing is asked for before then."""
    return max(row.next_number, row.schedule.first_from(at) + row.anchor_number)


def has_run_out(row: RecurringCharge, at: datetime) -> bool:
    """Whether no period will begin from then on, since the end comes first."""
    return row.end_at is not None and row.begins(number_at(row, at)) >= row.end_at


def rules_of(row: RecurringCharge) -> dunning.Rules:
    """How its failed charges are tried again: its own rules, the merchant's, or the usual ones."""
    if row.dunning is not None:
        return dunning.read_rules(row.dunning)
    policy = DunningPolicy.objects.filter(merchant=row.merchant_id).first()
    return dunning.read_rules(policy.rules if policy else None)


def announced_before(row: RecurringCharge) -> int:
    """How many days before it begins a period is announced."""
    policy = DunningPolicy.objects.filter(merchant=row.merchant_id).first()
    return policy.announce_days if policy else ANNOUNCE_DAYS


def _request(row: RecurringCharge) -> dict[str, Any]:
    return {
        **row.template,
        "customer_id": row.customer.public_id,
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "currency": row.currency,
        "metadata": row.metadata,
    }


def _asked(row: RecurringCharge, number: int) -> dict[str, Any]:
    """The request for a period's invoice; a part of a period costs its part, to the minor unit."""
    request = _request(row)
    starts, ends = period_of(row, number)
    begins, _ = row.whole(number)
    if begins == starts:
        return request
    part = EXACT.divide(
        Decimal((ends - starts) // timedelta(seconds=1)),
        Decimal((ends - begins) // timedelta(seconds=1)),
    )
    places = money.asset(row.currency).decimals
    lines = [
        {
            **line,
            "unit_price": _part_price(line, part, places),
            "discount": _part_off(line.get("discount"), part, places),
        }
        for line in request["line_items"]
    ]
    return {
        **request,
        "line_items": lines,
        "discount": _part_off(request.get("discount"), part, places),
    }


def _part_price(line: Mapping[str, Any], part: Decimal, places: int) -> str:
    """The part of a unit price, as fine as it must be for the line to cost its part, not finer."""
    quantity = Decimal(line.get("quantity", "1"))
    exact = EXACT.multiply(Decimal(line["unit_price"]), part)
    wanted = _minor(EXACT.multiply(quantity, exact), places)
    finer = (_rounded(exact, fine) for fine in range(places, money.MAX_UNIT_PRICE_PLACES))
    for price in finer:
        if _minor(EXACT.multiply(quantity, price), places) == wanted:
            return money.plain(price)
    return money.plain(_rounded(exact, money.MAX_UNIT_PRICE_PLACES))


def _minor(amount: Decimal, places: int) -> int:
    return money.round_half_up(amount.scaleb(places, EXACT))


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, EXACT)


def _part_off(
    discount: Mapping[str, Any] | None, part: Decimal, places: int
) -> dict[str, Any] | None:
    """A percentage stays what it is, an amount becomes its part."""
    if not discount:
        return None
    if discount.get("amount") is None:
        return dict(discount)
    exact = EXACT.multiply(Decimal(discount["amount"]), part)
    return {"amount": money.plain(_rounded(exact, places))}


def told_period(invoice: Invoice) -> dict[str, Any] | None:
    """What a period's invoice is for, with its first and last day; None for any other invoice."""
    period: RecurringPeriod | None = getattr(invoice, "recurring_period", None)
    if period is None:
        return None
    first, last = _days(period.recurring, period.starts_at, period.ends_at)
    return {"description": period.recurring.description, "first": first, "last": last}


def _days(row: RecurringCharge, starts: datetime, ends: datetime) -> tuple[date, date]:
    """A period's first and last day: the one on which the next begins is the next one's."""
    zone = ZoneInfo(row.timezone)
    first = starts.astimezone(zone).date()
    return first, max(first, ends.astimezone(zone).date() - timedelta(days=1))


def _span(row: RecurringCharge, starts: datetime, ends: datetime, invoice: Invoice) -> str:
    """The period's first and last day, as the invoice's reader writes dates."""
    language = invoice.language or row.customer.language or row.merchant.language
    locale = locale_of(language)
    first, last = _days(row, starts, ends)
    return f"{format_date(first, locale=locale)} – {format_date(last, locale=locale)}"
