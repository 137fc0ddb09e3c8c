"""What stands in the form that changes a schedule when it opens: exactly what is billed."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from invoicing import money
from invoicing.inputs import LineItemInput, Taxed, TaxInput, read
from payments.models import RecurringCharge


def initial_of(row: RecurringCharge) -> dict[str, Any]:
    """All but the lines; an amount only where it is all that there is to say."""
    kind, value = _discount(row.template.get("discount"))
    end = row.end_at and row.end_at.astimezone(ZoneInfo(row.timezone)).date()
    return {
        "description": row.description,
        "amount": money.to_text(row.amount, row.currency) if is_plain(row) else "",
        "discount_value": value,
        "discount_kind": kind,
        "tax_behavior": row.template.get("tax_behavior") or "exclusive",
        "collection": row.collection,
        "payment_method_id": row.payment_method.public_id if row.payment_method else "",
        "end_at": end.isoformat() if end else "",
    }


def lines_of(row: RecurringCharge) -> list[dict[str, Any]]:
    """Its lines as they are typed, each with the taxes that hold for it; none for an amount."""
    if is_plain(row):
        return []
    return [_line(row, line) for line in row.template["line_items"]]


def is_plain(row: RecurringCharge) -> bool:
    """Whether an amount and what it is for say all that is billed."""
    lines, discount = row.template["line_items"], row.template.get("discount")
    if len(lines) != 1 or discount or lines[0].get("discount"):
        return False
    line = read(LineItemInput, lines[0])
    exact = line.unit_price == money.to_decimal(row.amount, row.currency)
    one_of_it = line.quantity == 1 and line.description == row.description
    return exact and one_of_it and not _taxes(row, line)


def _line(row: RecurringCharge, stored: dict[str, Any]) -> dict[str, Any]:
    line = read(LineItemInput, stored)
    kind, value = _discount(stored.get("discount"))
    return {
        "description": line.description,
        "quantity": money.plain(line.quantity),
        "unit_price": money.plain(line.unit_price),
        "discount_value": value,
        "discount_kind": kind,
        "taxes": [
            {"rate": money.plain(tax.rate), "name": tax.name, "category": tax.category}
            for tax in _taxes(row, line)
        ],
        "tax_behavior": line.tax_behavior or "",
    }


def _taxes(row: RecurringCharge, line: LineItemInput) -> list[TaxInput]:
    """The line's own taxes, or those of the whole."""
    own = line.own_taxes()
    if own is not None:
        return own
    named = {name: row.template.get(name) for name in ("tax_rate", "taxes")}
    return read(Taxed, named).own_taxes() or []


def _discount(stored: dict[str, Any] | None) -> tuple[str, str]:
    """The kind of a discount, and how much."""
    found = stored or {}
    kind = next((kind for kind in ("percent", "amount") if found.get(kind) is not None), "")
    return kind or "percent", money.plain(Decimal(found[kind])) if kind else ""
