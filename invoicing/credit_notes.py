"""Credit notes: working one out and issuing it, in the caller's transaction.

The invoice must be locked; issuing locks the merchant's counter of credit notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from invoicing import clock, credit_totals, documents, events, languages, money, numbering, totals
from invoicing.credit_totals import Amounts
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.models import CreditNote, Invoice, LineItem, NumberSeries
from invoicing.totals import Tax, TaxTotal

CREDITABLE = ("open", "paid", "uncollectible", "expired")
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line to credit, and how much of it; all that is left when `quantity` is None."""

    line_id: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A quantity of one line, and what falls on it in minor units."""

    line: LineItem
    quantity: Decimal
    discount: int
    amount: int
    # Of the invoice's own discount.
    spread: int


def draft(
    invoice: Invoice,
    amount: int | None = None,
    wanted: Sequence[WantedLine] = (),
    reason: str = CreditNote.Reason.REQUESTED,
    memo: str = "",
) -> CreditNote:
    """Work out a note over an amount, over lines, or over all that is left; nothing is saved.

    `amount` is in minor units, taxes included. Raises InvalidState where nothing can be credited,
    ValidationFailed for more than is left.
    """
    before = list(invoice.credit_notes.order_by("id"))
    left = left_of(invoice, before)
    _creditable(invoice, left)
    parts = _parts(invoice, before, wanted) if amount is None else []
    if amount is not None or (not wanted and any(map(_is_by_amount, before))):
        lines, taken = _by_amount(invoice, left, amount)
        discount = 0
    else:
        whole = len(parts) == _unfinished(invoice, before) and all(
            _finishes(part, before) for part in parts
        )
        taken = left if whole else credit_totals.of_lines(left, _worked_out(invoice, parts))
        if not taken.total:
            raise ValidationFailed([("line_items", "come to nothing that could be credited")])
        lines, discount = _lines(invoice, parts, taken)
    return CreditNote(
        merchant=invoice.merchant,
        invoice=invoice,
        reason=reason,
        memo=memo,
        currency=invoice.currency,
        lines=lines,
        subtotal=taken.net + discount,
        discount=discount,
        tax=taken.tax,
        total=taken.total,
        taxes=[_tax_as_json(tax) for tax in taken.taxes if tax.base or tax.amount],
        off_due=min(taken.total, invoice.amount_due),
        seller_snapshot=documents.snapshot_of_seller(invoice.merchant),
        buyer_snapshot=invoice.buyer_snapshot,
    )


def issue(note: CreditNote) -> None:
    """Give a note its number and let its invoice ask for less; nothing left to ask settles it."""
    invoice = note.invoice
    at = clock.now(invoice.merchant)
    note.number, note.number_value = numbering.next_number(
        invoice.merchant, NumberSeries.Kind.CREDIT_NOTE
    )
    note.issued_at = note.created_at = at
    note.save(force_insert=True)
    if note.off_due:
        invoice.amount_credited += note.off_due
        invoice.updated_at = at
        if invoice.amount_due == 0:
            invoice.settle(at)
        invoice.save()
        if invoice.status == "paid":
            events.record("invoice.paid", invoice)


def left_of(invoice: Invoice, notes: Sequence[CreditNote]) -> Amounts:
    """What these notes have left to credit."""
    left = Amounts(invoice.total - invoice.tax, tuple(map(_tax_of_json, invoice.taxes)))
    for note in notes:
        left = left.less([_tax_of_json(tax) for tax in note.taxes], note.total)
    return left


def _creditable(invoice: Invoice, left: Amounts) -> None:
    why = {
        "draft": "a draft asks for nothing yet; change or delete it instead.",
        "void": "it asks for nothing any more.",
        "paying": "a payment is on its way; wait until it is known what became of it.",
    }
    if invoice.status not in CREDITABLE:
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be credited: {why[invoice.status]}",
            details={"status": invoice.status},
        )
    if left.total <= 0:
        raise InvalidState(
            "All of this invoice has been credited already."
            if invoice.total
            else "This invoice asks for nothing, so nothing can be credited.",
            details={"status": invoice.status},
        )


def _by_amount(
    invoice: Invoice, left: Amounts, amount: int | None
) -> tuple[list[dict[str, Any]], Amounts]:
    if amount is not None and amount > left.total:
        text = money.to_text(left.total, invoice.currency)
        raise ValidationFailed([("amount", f"must be at most what can still be credited, {text}")])
    taken = credit_totals.part_of(left, left.total if amount is None else amount)
    with translation.override(languages.nearest(documents.language_of(invoice))):
        words = _("Credit for invoice %(number)s") % {"number": invoice.number}
    return [
        {
            "description": words,
            "quantity": "1",
            "unit_price": money.to_text(taken.net, invoice.currency),
            "discount": 0,
            "amount": taken.net,
            "line_id": None,
        }
    ], taken


def _is_by_amount(note: CreditNote) -> bool:
    return any(line["line_id"] is None for line in note.lines)


def _parts(
    invoice: Invoice, before: Sequence[CreditNote], wanted: Sequence[WantedLine]
) -> list[_Part]:
    """What is wanted of each line, or all that is left of every line."""
    lines = list(invoice.lines.all())
    spread = dict(
        zip(
            (line.public_id for line in lines),
            totals.spread(
                invoice.discount,
                [line.amount for line in lines],
                [totals.tax_key(_line_of(line)) for line in lines],
            ),
            strict=True,
        )
    )
    by_id = {line.public_id: line for line in lines}
    if not wanted:
        wanted = [
            WantedLine(line.public_id) for line in lines if _credited(line, before) < line.quantity
        ]
    parts: list[_Part] = []
    for place, asked in enumerate(wanted):
        line = by_id.pop(asked.line_id, None)
        if line is None:
            known = any(part.line.public_id == asked.line_id for part in parts)
            says = "is named twice" if known else "is no line of this invoice"
            raise ValidationFailed([(f"line_items[{place}].id", says)])
        gone = _credited(line, before)
        quantity = _quantity(line, gone, asked.quantity, f"line_items[{place}]")
        until = gone + quantity
        parts.append(
            _Part(
                line,
                quantity,
                discount=credit_totals.share(line.discount, gone, until, line.quantity),
                amount=credit_totals.share(line.amount, gone, until, line.quantity),
                spread=credit_totals.share(spread[line.public_id], gone, until, line.quantity),
            )
        )
    return parts


def _quantity(line: LineItem, gone: Decimal, asked: Decimal | None, name: str) -> Decimal:
    left = line.quantity - gone
    if not left:
        raise ValidationFailed([(f"{name}.id", "has been credited in full already")])
    if asked is not None and asked > left:
        text = money.plain(left)
        raise ValidationFailed(
            [(f"{name}.quantity", f"must be at most what has not been credited yet, {text}")]
        )
    return left if asked is None else asked


def _credited(line: LineItem, notes: Sequence[CreditNote]) -> Decimal:
    """How much of a line these notes name."""
    quantities = (
        Decimal(row["quantity"])
        for note in notes
        for row in note.lines
        if row["line_id"] == line.public_id
    )
    return sum(quantities, Decimal(0))


def _unfinished(invoice: Invoice, notes: Sequence[CreditNote]) -> int:
    return sum(_credited(line, notes) < line.quantity for line in invoice.lines.all())


def _finishes(part: _Part, notes: Sequence[CreditNote]) -> bool:
    return _credited(part.line, notes) + part.quantity == part.line.quantity


def _worked_out(invoice: Invoice, parts: Sequence[_Part]) -> totals.Totals:
    """The parts as a document of their own; the invoice's discount is in their prices."""
    lines = [
        totals.Line(
            quantity=ONE,
            unit_price=money.to_decimal(part.amount - part.spread, invoice.currency),
            taxes=_taxes_of(part.line),
            tax_inclusive=part.line.tax_inclusive,
        )
        for part in parts
    ]
    return totals.compute(lines, money.asset(invoice.currency).decimals)


def _lines(
    invoice: Invoice, parts: Sequence[_Part], taken: Amounts
) -> tuple[list[dict[str, Any]], int]:
    """The lines of a note, and what goes off them: discount, and what was credited before."""
    rows: list[dict[str, Any]] = [
        {
            "description": part.line.description,
            "quantity": money.plain(part.quantity),
            "unit_price": money.plain(part.line.unit_price),
            "discount": part.discount,
            "amount": part.amount,
            "line_id": part.line.public_id,
        }
        for part in parts
    ]
    return rows, sum(part.amount for part in parts) - taken.net


def _line_of(line: LineItem) -> totals.Line:
    return totals.Line(line.quantity, line.unit_price, None, _taxes_of(line), line.tax_inclusive)


def _taxes_of(line: LineItem) -> tuple[Tax, ...]:
    return tuple(Tax(Decimal(tax["rate"]), tax["name"], tax["category"]) for tax in line.taxes)


def _tax_of_json(tax: dict[str, Any]) -> TaxTotal:
    named = Tax(Decimal(tax["rate"]), tax["name"], tax["category"])
    return TaxTotal(named, tax["inclusive"], tax["base"], tax["amount"])


def _tax_as_json(tax: TaxTotal) -> dict[str, Any]:
    return {
        "name": tax.tax.name,
        "rate": money.plain(tax.tax.rate),
        "category": tax.tax.category,
        "inclusive": tax.inclusive,
        "base": tax.base,
        "amount": tax.amount,
    }
