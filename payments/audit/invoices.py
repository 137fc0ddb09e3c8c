"""Invoices: paid means paid, numbers have no gaps, and totals are what the lines add up to."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import groupby
from typing import Any

from django.db import connection

from invoicing import money, totals
from payments.audit.found import Break, reading, rows, summed

INVOICE, LINE, SERIES = "invoicing_invoice", "invoicing_lineitem", "invoicing_numberseries"


def check_paid_means_paid() -> Iterator[Break]:
    """I3: an invoice's amount paid is what its payments brought, and paid means all of it."""
    query = """
        SELECT i.id, i.public_id, i.amount_paid, COALESCE(p.brought, 0) FROM invoicing_invoice i
        LEFT JOIN (
            SELECT invoice_id, SUM(received - surplus - amount_reopened) AS brought
            FROM payments_payment WHERE status IN ('succeeded', 'reversed') GROUP BY invoice_id
        ) p ON p.invoice_id = i.id WHERE i.amount_paid <> COALESCE(p.brought, 0)
    """
    for pk, name, says, should in summed(query):
        yield Break("I3", INVOICE, pk, name, f"says {says} paid, its payments {should}")
    query = """
        SELECT i.id, i.public_id, i.amount_credited, COALESCE(c.off, 0) FROM invoicing_invoice i
        LEFT JOIN (
            SELECT invoice_id, SUM(off_due) AS off FROM invoicing_creditnote GROUP BY invoice_id
        ) c ON c.invoice_id = i.id WHERE i.amount_credited <> COALESCE(c.off, 0)
    """
    for pk, name, says, should in summed(query):
        yield Break("I3", INVOICE, pk, name, f"says {says} credited, its credit notes {should}")
    query = """
        SELECT id, public_id, status, amount_paid, amount_credited, total FROM invoicing_invoice i
        WHERE (status = 'paid' AND amount_paid < total - amount_credited)
           OR (status IN ('open', 'paying') AND total > 0
               AND amount_paid >= total - amount_credited)
    """
    for pk, name, status, paid, credited, total in summed(query):
        yield Break(
            "I3", INVOICE, pk, name, f"is {status} with {paid} paid, {credited} credited of {total}"
        )
    query = """
        SELECT id, public_id FROM invoicing_invoice i WHERE status = 'paying' AND NOT EXISTS (
            SELECT 1 FROM payments_payment p
            WHERE p.invoice_id = i.id AND p.status IN ('processing', 'unknown'))
    """
    for pk, name in summed(query):
        yield Break("I3", INVOICE, pk, name, "waits for money, but none is in flight")


def check_numbers() -> Iterator[Break]:
    """I5: each merchant's numbers are exactly 1..n, and n is where its counter stands."""
    for kind, table in (("invoice", INVOICE), ("credit_note", "invoicing_creditnote")):
        query = f"""
            SELECT s.id, s.merchant_id, s.last_value, COALESCE(g.least, 1), COALESCE(g.most, 0),
                   COALESCE(g.given, 0)
            FROM {SERIES} s LEFT JOIN (
                SELECT merchant_id, MIN(number_value) AS least, MAX(number_value) AS most,
                       COUNT(DISTINCT number_value) AS given
                FROM {table} WHERE number_value IS NOT NULL GROUP BY merchant_id
            ) g ON g.merchant_id = s.merchant_id
            WHERE s.kind = %s AND (COALESCE(g.least, 1) <> 1 OR COALESCE(g.most, 0) <> s.last_value
                                   OR COALESCE(g.given, 0) <> s.last_value)
        """  # noqa: S608
        for pk, merchant, says, least, most, given in rows(query, kind):
            yield Break(
                "I5",
                SERIES,
                pk,
                f"merchant {merchant} {kind}",
                f"counted to {says}, but {given} numbers from {least} to {most} were given",
            )
        # The % of LIKE is written out, since parameters are marked with it.
        query = f"""
            SELECT id, public_id, number, number_value FROM {table}
            WHERE number_value IS NOT NULL
              AND number NOT LIKE '%' || CAST(number_value AS varchar(20))
        """.replace("%'", "%%'")  # noqa: S608
        for pk, name, number, value in rows(query):
            yield Break("I5", table, pk, name, f"is numbered {number}, counted as {value}")


def check_documents() -> Iterator[Break]:
    """I9: an issued invoice is still what its issuing told: whose, its number and currency."""
    within = "strpos" if connection.vendor == "postgresql" else "instr"
    query = f"""
        SELECT i.id, i.public_id, i.number, i.currency, e.id FROM {INVOICE} i
        LEFT JOIN invoicing_event e ON e.object_id = i.public_id AND e.type = 'invoice.finalized'
        WHERE i.status <> 'draft' AND (
            e.id IS NULL OR e.merchant_id <> i.merchant_id
            OR {within}(e.body, '"number":"' || i.number || '"') = 0
            OR {within}(e.body, '"currency":"' || i.currency || '"') = 0)
    """  # noqa: S608
    for pk, name, number, currency, event in rows(query):
        told = f"event {event} told otherwise" if event else "nothing was told of its issuing"
        yield Break("I9", INVOICE, pk, name, f"is {number} in {currency}, {told}")


def check_totals() -> Iterator[Break]:
    """I9: every amount on an invoice is what its lines make it."""
    query = f"""
        SELECT i.id, i.public_id, i.currency, i.discount_percent, i.discount_amount, i.tax_amount,
               i.subtotal, i.discount, i.tax, i.total, {_text("i.taxes")},
               l.id, l.public_id, l.quantity,
               l.unit_price, l.discount_percent, l.discount_amount, {_text("l.taxes")},
               l.tax_inclusive, l.discount, l.amount
        FROM {INVOICE} i LEFT JOIN {LINE} l ON l.invoice_id = i.id ORDER BY i.id, l.position
    """  # noqa: S608
    with reading(query) as found:
        for head, of_it in groupby(found, key=lambda row: row[:11]):
            yield from _invoice(head, [row[11:] for row in of_it if row[11] is not None])


def _invoice(head: tuple[Any, ...], lines: list[tuple[Any, ...]]) -> Iterator[Break]:
    pk, name, currency, percent, amount, tax_amount, *says = head
    try:
        should = _worked_out(
            currency, percent, amount, tax_amount, tuple(line[2:8] for line in lines)
        )
    except (ValueError, ArithmeticError, InvalidOperation, KeyError) as problem:
        yield Break("I9", INVOICE, pk, name, f"cannot be worked out: {problem}")
        return
    for line, (discount, net) in zip(lines, should[-1], strict=True):
        if (line[8], line[9]) != (discount, net):
            yield Break(
                "I9",
                LINE,
                line[0],
                line[1],
                f"of {name} says {line[9]} after {line[8]} off, it makes {net} after {discount}",
            )
    named = ("subtotal", "discount", "tax", "total", "taxes")
    for field, is_now, right in zip(named, says, should, strict=False):
        if (json.loads(is_now) if field == "taxes" else is_now) != right:
            yield Break("I9", INVOICE, pk, name, f"says {field} {is_now}, its lines make {right}")


@lru_cache(maxsize=4096)
def _worked_out(
    currency: str,
    percent: str | None,
    amount: int | None,
    tax_amount: int | None,
    lines: tuple[tuple[Any, ...], ...],
) -> tuple[Any, ...]:
    """Subtotal, discount, tax, total, taxes, and each line's discount and amount."""
    worked_out = totals.compute(
        [
            totals.Line(
                quantity=Decimal(quantity),
                unit_price=Decimal(price),
                discount=_discount(line_percent, line_amount),
                taxes=tuple(
                    totals.Tax(Decimal(tax["rate"]), tax["name"], tax["category"])
                    for tax in json.loads(taxes)
                ),
                tax_inclusive=bool(inclusive),
            )
            for quantity, price, line_percent, line_amount, taxes, inclusive in lines
        ],
        money.asset(currency).decimals,
        _discount(percent, amount),
        tax_amount,
    )
    taxes = [
        {
            "name": tax.tax.name,
            "rate": money.plain(tax.tax.rate),
            "category": tax.tax.category,
            "inclusive": tax.inclusive,
            "base": tax.base,
            "amount": tax.amount,
        }
        for tax in worked_out.taxes
    ]
    each = [(line.discount, line.amount) for line in worked_out.lines]
    return (
        worked_out.subtotal,
        worked_out.discount,
        worked_out.tax,
        worked_out.total,
        taxes,
        each,
    )


def _discount(percent: str | None, amount: int | None) -> totals.Discount | None:
    if percent is not None:
        return totals.Discount(percent=Decimal(percent))
    return None if amount is None else totals.Discount(amount=amount)


def _text(column: str) -> str:
    return f"{column}::text" if connection.vendor == "postgresql" else column
