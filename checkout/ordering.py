"""What a payer orders on a checkout page: read, priced, and held against what is left.

Messages are said in the language that is active, since they are for the payer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import translation
from django.utils.translation import gettext as _

from checkout.inputs import PayerInput
from checkout.models import CheckoutItem, CheckoutPage, OrderedItem
from invoicing import money
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.fields import many_lines, one_line
from invoicing.inputs import LineItemInput
from invoicing.models import Invoice
from payments.models import UNFINISHED, Payment

LONGEST: Final = {"text": 200, "long_text": 2000, "number": 40}
TICKED: Final = "yes"
Problems = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Order:
    """What a payer has sent: who it is, what is wanted, and the answers as they were typed."""

    payer: PayerInput
    # In minor units, where the payer chooses it.
    amount: int | None = None
    # How many of each item, by its public id.
    quantities: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bill:
    """What becomes of an order: lines, how many of which item, and the answers that are kept."""

    lines: list[LineItemInput]
    items: list[tuple[CheckoutItem, int]]
    answers: list[dict[str, Any]]


def bill(page: CheckoutPage, order: Order) -> Bill:
    """What an order on this page bills. Raises ValidationFailed for all that is wrong with it,
    InvalidState where the page asks for nothing by itself."""
    problems: Problems = []
    items: list[tuple[CheckoutItem, int]] = []
    if page.asks == "items":
        items = _taken_of(page, order, problems)
        lines = [_line_of(page, item, quantity) for item, quantity in items]
    else:
        lines = [_line(page, _amount(page, order, problems))]
    answers = answers_of(page.custom_fields, order.answers, problems)
    if problems:
        raise ValidationFailed(problems)
    return Bill(lines, items, answers)


def _amount(page: CheckoutPage, order: Order, problems: Problems) -> int:
    if page.amount is not None:
        return page.amount
    if page.amount_least is None:
        raise InvalidState("On this checkout page each invoice says how much it asks for.")
    least, most, amount = page.amount_least, page.amount_most, order.amount
    if amount is None:
        problems.append(("amount", _("Please choose an amount.")))
    elif amount < least:
        words = {"amount": _shown(least, page.currency)}
        problems.append(("amount", _("Please choose at least %(amount)s.") % words))
    elif most is not None and amount > most:
        words = {"amount": _shown(most, page.currency)}
        problems.append(("amount", _("Please choose at most %(amount)s.") % words))
    return amount or least


def _shown(amount: int, currency: str) -> str:
    return money.format_money(amount, currency, translation.get_language() or "en")


def _taken_of(
    page: CheckoutPage, order: Order, problems: Problems
) -> list[tuple[CheckoutItem, int]]:
    known = {item.public_id: item for item in page.on_sale}
    taken = []
    for public_id, quantity in order.quantities.items():
        if quantity < 1:
            continue
        item = known.get(public_id)
        if item is None:
            problems.append(("items", _("One of the items is not sold here any more.")))
        elif quantity > item.max_per_order:
            words = {"number": item.max_per_order}
            said = _("You can take up to %(number)s of these at once.") % words
            problems.append((f"items.{public_id}", said))
        else:
            taken.append((item, quantity))
    if not taken and not problems:
        problems.append(("items", _("Please choose how many you want.")))
    return sorted(taken, key=lambda row: (row[0].position, row[0].pk))


def _line(page: CheckoutPage, amount: int) -> LineItemInput:
    return LineItemInput(
        description=page.item_description or page.title,
        unit_price=money.to_decimal(amount, page.currency),
    )


def _line_of(page: CheckoutPage, item: CheckoutItem, quantity: int) -> LineItemInput:
    return LineItemInput(
        description=item.name,
        quantity=Decimal(quantity),
        unit_price=money.to_decimal(item.unit_price, page.currency),
        tax_rate=item.tax_rate,
    )


# What is left


def taking(at: datetime) -> Q:
    """The invoices that count against stock and uses: paid, being paid, written off, and open
    while they can still be paid.

    An open one stops to count when its window ends, unless a payment of it was begun whose end is
    not known yet. What was refunded still counts: whether it can be sold again, the merchant says
    by changing the stock. So is what is paid after all, later than its window: money that came is
    never turned away for want of stock.
    """
    unfinished = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNFINISHED)
    return (
        Q(status__in=["paying", "paid", "uncollectible"])
        | Q(status="open", expires_at=None)
        | Q(status="open", expires_at__gt=at)
        | (Q(status__in=["open", "expired"]) & Q(Exists(unfinished)))
    )


def uses_of(page: CheckoutPage, at: datetime) -> int:
    """How often a page was used: its invoices that count."""
    return page.invoices.filter(taking(at)).count()


def sold_of(page: CheckoutPage, at: datetime) -> dict[int, int]:
    """How many of each of a page's items are taken, by the item's key."""
    counted: QuerySet[Invoice] = page.invoices.filter(taking(at))
    rows = OrderedItem.objects.filter(item__page=page, invoice__in=counted.values("pk"))
    sums = rows.values("item").annotate(sold=Sum("quantity")).order_by()
    return {row["item"]: row["sold"] for row in sums}


def left_of(page: CheckoutPage, at: datetime) -> dict[int, int]:
    """How many are left of the items that have a stock, by the item's key."""
    limited = [item for item in page.on_sale if item.stock is not None]
    sold = sold_of(page, at) if limited else {}
    return {item.pk: max((item.stock or 0) - sold.get(item.pk, 0), 0) for item in limited}


def require_left(page: CheckoutPage, ordered: Bill, at: datetime) -> None:
    """Raises ValidationFailed where there is too little of an item, InvalidState where the page
    was used as often as it may be. The page must be locked."""
    if page.max_uses is not None and uses_of(page, at) >= page.max_uses:
        raise InvalidState("This checkout page was used as often as it may be.")
    if not any(item.stock is not None for item, _quantity in ordered.items):
        return
    left = left_of(page, at)
    problems = []
    for item, quantity in ordered.items:
        if item.pk in left and quantity > left[item.pk]:
            number = left[item.pk]
            said = _("Only %(number)s left.") % {"number": number} if number else _("Sold out.")
            problems.append((f"items.{item.public_id}", said))
    if problems:
        raise ValidationFailed(problems)


# What a payer is asked besides


def answers_of(
    asked: list[dict[str, Any]], typed: Mapping[str, str], problems: Problems
) -> list[dict[str, Any]]:
    """The answers to a page's own questions, in their order; what was left empty is left out."""
    kept = []
    for question in asked:
        text = typed.get(question["key"], "").strip()
        place = f"custom_fields.{question['key']}"
        try:
            value = _answer(question, text)
        except ValueError as problem:
            problems.append((place, str(problem)))
            continue
        if value is None and question["required"]:
            ticking = question["type"] == "checkbox"
            said = _("Please tick this to go on.") if ticking else _("Please fill this in.")
            problems.append((place, said))
        elif value is not None:
            known = {name: question[name] for name in ("key", "label", "type")}
            kept.append({**known, "value": value})
    return kept


def _answer(question: dict[str, Any], text: str) -> str | None:
    """An answer as it is kept; None for none. Raises ValueError saying what is wrong."""
    kind = question["type"]
    if not text:
        return None
    most = LONGEST.get(kind, 200)
    if len(text) > most:
        raise ValueError(_("Please write up to %(number)s characters.") % {"number": most})
    try:
        text = many_lines(text) if kind == "long_text" else one_line(text)
    except ValueError:
        raise ValueError(_("Please write plain text here.")) from None
    if kind == "choice" and text not in question["choices"]:
        raise ValueError(_("Please choose one of these."))
    if kind == "checkbox":
        return TICKED
    if kind == "number":
        return _number(text)
    if kind == "date":
        return _date(text)
    return text


def _number(text: str) -> str:
    try:
        return money.plain(money.parse_decimal(text.replace(",", "."), places=12))
    except ValueError:
        raise ValueError(_("Please write a number.")) from None


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(_("Please write a date such as 2026-12-31.")) from None
