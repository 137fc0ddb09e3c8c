"""The auditor against a hand that owns the database: one field of one row, and it is named.

Left out because nothing follows from them: texts that no amount hangs on (memo, notes, message,
descriptions, metadata), times at which something was seen or sent, what an unfinished or failed
attempt asked for and where it would have gone, the difference between one way of ending without
money and another, which of the merchant's invoices a payment is shown under where both are paid,
and everything about drafts but their sums.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from invoicing.actions.invoices import void_invoice
from invoicing.inputs import read
from invoicing.models import Merchant
from payments import flows, ledger_triggers
from payments.actions.pay import mark_paid
from payments.audit import Break, audit
from payments.inputs import MarkPaidInput, RefundInput
from tests import factories
from tests.factories import given_a_draft, given_an_open_invoice, let_pass, pay

POSTED = "payments_ledgerentry"
POSTING = "payments_ledgerposting"
ACCOUNT = "payments_ledgeraccount"
HEAD = "payments_ledgerhead"
PAYMENT = "payments_payment"
INVOICE = "invoicing_invoice"
LINE = "invoicing_lineitem"
SERIES = "invoicing_numberseries"
REFUND = "payments_refund"
TRANSFER = "payments_transfer"
ADDRESS = "payments_depositaddress"
MORE = "more"
OTHER = "other"
PAID_BY = "payment_id IS NOT NULL"
MONEY = "status = 'succeeded'"
ISSUED = "status <> 'draft'"


@dataclass(frozen=True)
class Field:
    """A column to change: by an amount, to another row's id, or to one of these values."""

    table: str
    column: str
    to: Any = MORE
    where: str = "1 = 1"


FIELDS = [
    *(Field(POSTING, column, OTHER) for column in ("entry_id", "source_id", "destination_id")),
    Field(POSTING, "amount"),
    Field(POSTING, "asset", ("EUR", "JPY", "USDC")),
    Field(POSTED, "reference", ("payment:pay_x", "release:pay_y")),
    Field(POSTED, "kind", ("release", "refund", "correction")),
    *(Field(POSTED, column, OTHER) for column in ("merchant_id", "payment_id")),
    Field(POSTED, "created_at", ("2025-01-01 00:00:00+00:00", "2026-12-31 23:59:59.5+00:00")),
    Field(POSTED, "position"),
    Field(POSTED, "digest", ("0" * 64, "f" * 64)),
    Field(ACCOUNT, "key", ("pending:wal_x", "clearing:card:live:USD", "clearing:sandbox:live:JPY")),
    Field(ACCOUNT, "kind", ("available", "refunding", "unmatched")),
    Field(ACCOUNT, "asset", ("EUR", "JPY", "USDC")),
    Field(ACCOUNT, "merchant_id", OTHER, "merchant_id IS NOT NULL"),
    Field(ACCOUNT, "wallet_id", OTHER, "wallet_id IS NOT NULL"),
    Field(ACCOUNT, "balance"),
    Field(HEAD, "length"),
    Field(HEAD, "digest", ("0" * 64, "f" * 64)),
    Field(HEAD, "merchant_id", OTHER),
    *(Field(PAYMENT, column) for column in ("received", "amount_refunded")),
    *(
        Field(PAYMENT, column, where=MONEY)
        for column in ("surplus", "provider_fee", "platform_fee")
    ),
    *(Field(PAYMENT, column, OTHER, MONEY) for column in ("wallet_id", "merchant_id")),
    Field(PAYMENT, "currency", ("EUR", "JPY", "USDC"), MONEY),
    Field(PAYMENT, "rail", ("card", "ach", "manual"), MONEY),
    Field(PAYMENT, "status", ("failed", "canceled", "pending"), MONEY),
    Field(PAYMENT, "status", ("succeeded",), "status IN ('failed', 'canceled')"),
    *(
        Field(INVOICE, column)
        for column in ("subtotal", "discount", "tax", "total", "amount_paid", "amount_refunded")
    ),
    Field(INVOICE, "amount_credited"),
    Field(INVOICE, "currency", ("EUR", "JPY", "USDC"), ISSUED),
    Field(INVOICE, "status", ("open", "paid", "void", "expired", "uncollectible"), ISSUED),
    Field(INVOICE, "number", ("TEST-0099", "INV-0001"), ISSUED),
    Field(INVOICE, "number_value", where=ISSUED),
    Field(INVOICE, "merchant_id", OTHER, ISSUED),
    Field(INVOICE, "discount_percent", ("1", "50", "99"), "discount_amount IS NULL"),
    *(Field(LINE, column) for column in ("discount", "amount")),
    *(Field(LINE, column, ("0.5", "7", "1234.56")) for column in ("quantity", "unit_price")),
    Field(LINE, "discount_percent", ("1", "50"), "discount_amount IS NULL"),
    Field(LINE, "invoice_id", OTHER),
    Field(SERIES, "last_value"),
    Field(TRANSFER, "amount", where=PAID_BY),
    Field(TRANSFER, "forgiven", where=PAID_BY),
    Field(TRANSFER, "status", ("detected", "orphaned"), PAID_BY),
    Field(TRANSFER, "match", ("unmatched",), PAID_BY),
    Field(TRANSFER, "network", ("eip155:1", "eip155:8453")),
    Field(TRANSFER, "payment_id", OTHER, PAID_BY),
    Field(TRANSFER, "merchant_id", OTHER),
    Field(ADDRESS, '"index"', (0, 1, 2, 99), '"index" IS NOT NULL'),
    Field(ADDRESS, "address", ("0x8ba1f109551bD432803012645Ac136ddd64DBA72",)),
    Field(REFUND, "amount"),
    Field(REFUND, "currency", ("EUR", "JPY", "USDC")),
]
# Whose rows an id may be changed to.
OWNERS = {
    "entry_id": POSTED,
    "source_id": ACCOUNT,
    "destination_id": ACCOUNT,
    "merchant_id": "invoicing_merchant",
    "payment_id": PAYMENT,
    "wallet_id": "payments_wallet",
    "invoice_id": INVOICE,
}


@pytest.fixture
def business(test_merchant: Merchant, ben_merchant: Merchant) -> None:
    """Two merchants with something of everything that moves money or asks for it."""
    tax = [{"name": "VAT", "rate": "19"}]
    for merchant in (test_merchant, ben_merchant):
        given_a_draft(merchant)
        given_an_open_invoice(merchant, "19.99")
        for amount in ("100.00", "20.00", "7.50", "33.33"):
            pay(given_an_open_invoice(merchant, amount))
        lines = [
            {"description": "a", "quantity": "2.5", "unit_price": "19.99", "taxes": tax},
            {"description": "b", "unit_price": "3", "discount": {"percent": "10"}},
        ]
        pay(given_an_open_invoice(merchant, line_items=lines, discount={"amount": "2"}))
        pay(given_an_open_invoice(merchant, allow_partial=True), amount=1000)
        pay(given_an_open_invoice(merchant, "5000", currency="JPY"))
        pay(given_an_open_invoice(merchant), factories.DECLINED)
        factories.pay_usdc(given_an_open_invoice(merchant, "25.00"))
        factories.pay_usdc(given_an_open_invoice(merchant, "25.00"), 30_000_000)
        declared = given_an_open_invoice(merchant)
        mark_paid(merchant, declared.public_id, MarkPaidInput(method="cash"))
        void_invoice(merchant, given_an_open_invoice(merchant).public_id)
        let_pass(merchant, "P3D")
    factories.work()
    for merchant in (test_merchant, ben_merchant):
        paid = list(merchant.invoices.filter(status="paid").order_by("id"))
        for invoice, how in (
            (paid[0], {}),
            (paid[1], {"amount": "5.00"}),
            (paid[2], {"destination": "credit_balance"}),
            (paid[-1], {"destination": "manual", "amount": "1.00"}),
        ):
            flows.refund(merchant, invoice.public_id, read(RefundInput, how))
    factories.work()
    pay(given_an_open_invoice(test_merchant))


class Undone(Exception):
    """Take back what a hand has just done."""


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that is rolled back, its constraints looked at no more than needed."""
    try:
        with transaction.atomic():
            yield
            raise Undone
    except Undone:
        pass


def one(query: str, *parameters: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return tuple(cursor.fetchone() or ())


def rows_of(field: Field) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {field.table} WHERE {field.where} ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def tamper(chance: random.Random, field: Field) -> tuple[int, Any, Any] | None:
    """Change the field in one row; which, from what, to what. None where it would not change."""
    row = chance.choice(rows_of(field))
    (before,) = one(f"SELECT {field.column} FROM {field.table} WHERE id = %s", row)
    if field.to == MORE:
        after = before + chance.choice([1, -1, 10, 100, 12345])
    elif field.to == OTHER:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {OWNERS[field.column]} ORDER BY id")
            after = chance.choice([found[0] for found in cursor.fetchall()])
    else:
        after = chance.choice(field.to)
    if str(after) == str(before):
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {field.table} SET {field.column} = %s WHERE id = %s", [after, row])
    return row, before, after


def names(found: Break, field: Field, row: int, of: set[int]) -> bool:
    """Whether a break names the row.

    A posting is named by its entry, which was sealed with it, and a line that was moved by an
    invoice that has one too many or too few.
    """
    if field.table == POSTING:
        return found.table in (POSTED, POSTING) and found.row in of
    if field.column == "invoice_id":
        return found.table == INVOICE and found.row in of
    return (found.table, found.row) == (field.table, row)


@pytest.mark.tampers
def test_every_row_that_was_tampered_with_is_named(
    business: None, pytestconfig: pytest.Config
) -> None:
    assert audit() == []  # the control: untouched books have no break
    wanted = pytestconfig.getoption("--tampers") or 150
    chance, done, missed = random.Random(20260302), 0, list[str]()
    ledger_triggers.remove(connection)
    while done < wanted:
        field = FIELDS[done % len(FIELDS)] if done < len(FIELDS) else chance.choice(FIELDS)
        with undone():
            entries = dict(_pairs("SELECT id, entry_id FROM payments_ledgerposting"))
            try:
                with transaction.atomic():
                    changed = tamper(chance, field)
            except DatabaseError:
                continue  # a constraint that even the owner's hand meets
            if changed is None:
                continue
            row, before, after = changed
            of = {entries[row]} if field.table == POSTING else {before, after}
            if not any(names(found, field, row, of) for found in audit()):
                missed.append(f"{field.table}.{field.column} of {row}: {before} → {after}")
            done += 1
    ledger_triggers.install(connection)
    assert missed == []
    assert audit() == []


def _pairs(query: str) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [(row[0], row[1]) for row in cursor.fetchall()]


CUTS = {
    "the last entry cut off": (
        "DELETE FROM payments_ledgerposting WHERE entry_id = {last};"
        "DELETE FROM payments_ledgerentry WHERE id = {last}",
        HEAD,
        "the chain ends at",
    ),
    "an entry taken out": (
        "DELETE FROM payments_ledgerposting WHERE entry_id = {first};"
        "DELETE FROM payments_ledgerentry WHERE id = {first}",
        POSTED,
        "is missing before",
    ),
    "a posting taken out": (
        "DELETE FROM payments_ledgerposting WHERE id ="
        " (SELECT MAX(id) FROM payments_ledgerposting WHERE entry_id = {first})",
        POSTED,
        "is not as it was sealed",
    ),
    "two entries changing places": (
        "UPDATE payments_ledgerentry SET position = 99 WHERE id = {first};"
        "UPDATE payments_ledgerentry SET position = 1 WHERE id = {second};"
        "UPDATE payments_ledgerentry SET position = 2 WHERE id = {first}",
        POSTED,
        "is not as it was sealed",
    ),
    "the end of a chain forgotten": ("DELETE FROM payments_ledgerhead", HEAD, "says 0 entries"),
    "an entry put in, balances and all": (
        "INSERT INTO payments_ledgerentry (reference, kind, merchant_id, created_at, posted,"
        " position, digest) SELECT 'x', kind, merchant_id, created_at, posted, 100, digest"
        " FROM payments_ledgerentry WHERE id = {first};"
        "INSERT INTO payments_ledgerposting (entry_id, source_id, destination_id, amount, asset)"
        " SELECT (SELECT MAX(id) FROM payments_ledgerentry), source_id, destination_id, 5, asset"
        " FROM payments_ledgerposting WHERE id = {posting};"
        "UPDATE payments_ledgeraccount SET balance = balance + 5 WHERE id ="
        " (SELECT destination_id FROM payments_ledgerposting WHERE id = {posting})",
        POSTED,
        "is not as it was sealed",
    ),
}


@pytest.mark.tampers
@pytest.mark.parametrize("name", CUTS)
def test_cutting_putting_in_and_reordering_are_found(
    name: str, business: None, test_merchant: Merchant
) -> None:
    statements, table, message = CUTS[name]
    entries = list(test_merchant.ledger_entries.order_by("id"))
    posting = entries[0].postings.order_by("id")[0]
    ids = {"first": entries[0].pk, "second": entries[1].pk, "last": entries[-1].pk}
    ledger_triggers.remove(connection)
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement.format(**ids, posting=posting.pk))
    breaks = audit()
    ledger_triggers.install(connection)
    assert any(found.table == table and message in found.message for found in breaks), breaks


@pytest.mark.tampers
def test_a_chain_computed_again_without_the_key_is_found(
    business: None, test_merchant: Merchant, settings: Any
) -> None:
    """Whoever has the database alone can change an entry and its seal, but not rightly."""
    before, settings.KEY_PEPPER = settings.KEY_PEPPER, "a guess"
    factories.pay(given_an_open_invoice(test_merchant))
    settings.KEY_PEPPER = before
    last = test_merchant.ledger_entries.order_by("-id")[0]
    assert [(found.table, found.row) for found in audit()] == [(POSTED, last.pk)]


@pytest.mark.tampers
def test_a_key_that_was_changed_is_no_break_and_does_not_come_back(
    business: None, test_merchant: Merchant, settings: Any
) -> None:
    old, settings.KEY_PEPPER = settings.KEY_PEPPER, "the new one"
    assert {found.table for found in audit()} == {POSTED}
    settings.KEY_PEPPER_FALLBACKS = [old]
    assert audit() == []
    pay(given_an_open_invoice(test_merchant))
    assert audit() == []
    settings.KEY_PEPPER = old
    stale = pay(given_an_open_invoice(test_merchant))
    settings.KEY_PEPPER = "the new one"
    assert [found.name for found in audit()] == [f"payment:{stale.public_id}"]
