"""The books' guards in the database itself: what a hand with raw SQL gets refused."""

from contextlib import suppress

import pytest
from django.db import DatabaseError, connection, transaction

from invoicing.models import Merchant
from payments import ledger_triggers
from payments.models import LedgerEntry, LedgerHead, LedgerPosting
from tests.factories import given_an_open_invoice, pay

NOW = "CURRENT_TIMESTAMP"
POSTING = "payments_ledgerposting (entry_id, source_id, destination_id, amount, asset)"
ENTRY = "payments_ledgerentry (reference, kind, merchant_id, created_at, posted, digest, position)"
# `entry` and `posting` are the posted payment's, `open` an entry that is not posted yet, `full`
# one that has a posting; from and to are its accounts, `yen` is an account of another asset.
SABOTAGE = {
    "change an amount": "UPDATE payments_ledgerposting SET amount = amount + 1",
    "change one amount": "UPDATE payments_ledgerposting SET amount = 1 WHERE id = {posting}",
    "turn a posting around": "UPDATE payments_ledgerposting SET source_id = destination_id,"
    " destination_id = source_id",
    "remove a posting": "DELETE FROM payments_ledgerposting WHERE id = {posting}",
    "remove all postings": "DELETE FROM payments_ledgerposting",
    "add to a posted entry": f"INSERT INTO {POSTING} VALUES"
    " ({entry}, {from}, {to}, 5, 'USD')",
    "name another asset": f"INSERT INTO {POSTING} VALUES ({{open}}, {{from}}, {{to}}, 5, 'JPY')",
    "pay dollars into yen": f"INSERT INTO {POSTING} VALUES ({{open}}, {{from}}, {{yen}}, 5, 'USD')",
    "pay yen into dollars": f"INSERT INTO {POSTING} VALUES ({{open}}, {{yen}}, {{to}}, 5, 'USD')",
    "move nothing": f"INSERT INTO {POSTING} VALUES ({{open}}, {{from}}, {{to}}, 0, 'USD')",
    "move less than nothing": f"INSERT INTO {POSTING} VALUES"
    " ({open}, {from}, {to}, -5, 'USD')",
    "reopen an entry": "UPDATE payments_ledgerentry SET posted = {false} WHERE id = {entry}",
    "rename an entry": "UPDATE payments_ledgerentry SET reference = 'x' WHERE id = {entry}",
    "date an entry back": "UPDATE payments_ledgerentry SET created_at = '2001-01-01 00:00:00Z'",
    "give an entry away": "UPDATE payments_ledgerentry SET merchant_id = {other}",
    "forget its payment": "UPDATE payments_ledgerentry SET payment_id = NULL",
    "change an open entry": "UPDATE payments_ledgerentry SET kind = 'y' WHERE id = {open}",
    "post an empty entry": "UPDATE payments_ledgerentry SET posted = {true} WHERE id = {open}",
    "remove an entry": "DELETE FROM payments_ledgerentry WHERE id = {entry}",
    "remove an open entry": "DELETE FROM payments_ledgerentry WHERE id = {open}",
    "insert a posted entry": f"INSERT INTO {ENTRY} VALUES"
    f" ('x', 'x', {{merchant}}, {NOW}, {{true}}, 'x', 99)",
    "use a reference twice": f"INSERT INTO {ENTRY} VALUES"
    f" ('{{reference}}', 'x', {{merchant}}, {NOW}, {{false}}, '', NULL)",
    "post without a seal": "UPDATE payments_ledgerentry SET posted = {true} WHERE id = {full}",
    "seal again": "UPDATE payments_ledgerentry SET digest = 'x' WHERE id = {entry}",
    "move along the chain": "UPDATE payments_ledgerentry SET position = 99 WHERE id = {entry}",
    "seal before posting": "UPDATE payments_ledgerentry SET digest = 'x' WHERE id = {full}",
    "lengthen a chain": "UPDATE payments_ledgerhead SET length = length + 2",
    "shorten a chain": "UPDATE payments_ledgerhead SET length = length - 1",
    "end a chain otherwise": "UPDATE payments_ledgerhead SET digest = 'x'",
    "remove a chain": "DELETE FROM payments_ledgerhead",
    "overdraw a wallet": "UPDATE payments_ledgeraccount SET balance = -1 WHERE id = {to}",
}
ONLY = {
    "sqlite": {
        "replace a posting": "INSERT OR REPLACE INTO payments_ledgerposting"
        " (id, entry_id, source_id, destination_id, amount, asset)"
        " VALUES ({posting}, {open}, {from}, {to}, 5, 'USD')",
        "replace an entry": "INSERT OR REPLACE INTO payments_ledgerentry"
        f" (id, reference, kind, merchant_id, created_at, posted, digest)"
        f" VALUES ({{entry}}, 'x', 'x', {{merchant}}, {NOW}, 0, '')",
        "replace an entry by its reference": f"INSERT OR REPLACE INTO {ENTRY} VALUES"
        f" ('{{reference}}', 'x', {{merchant}}, {NOW}, 0, '', NULL)",
        "replace a chain": "INSERT OR REPLACE INTO payments_ledgerhead"
        " (merchant_id, length, digest) VALUES ({merchant}, 0, '')",
        "update or replace": "UPDATE OR REPLACE payments_ledgerposting SET id = id + 1",
    },
    "postgresql": {
        "empty the postings": "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE payments_ledgerposting",
        "empty the entries": "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE payments_ledgerentry CASCADE",
        "empty the chains": "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE payments_ledgerhead",
        "insert or update": "INSERT INTO payments_ledgerposting"
        " (id, entry_id, source_id, destination_id, amount, asset)"
        " VALUES ({posting}, {open}, {from}, {to}, 5, 'USD')"
        " ON CONFLICT (id) DO UPDATE SET amount = 5",
    },
}
# Held by CHECK, UNIQUE or FOREIGN KEY constraints as well, so not by the guards alone.
HELD_TWICE = {
    "move nothing",
    "move less than nothing",
    "overdraw a wallet",
    "use a reference twice",
    "remove an entry",
    "post an empty entry",
    "post without a seal",
    "insert or update",
}
EVERY = sorted({*SABOTAGE, *(name for some in ONLY.values() for name in some)})


@pytest.fixture
def scene(test_merchant: Merchant, ben_merchant: Merchant) -> dict[str, object]:
    """One paid invoice, one entry that is not posted yet, and an account in yen."""
    pay(given_an_open_invoice(test_merchant, "100"))
    pay(given_an_open_invoice(test_merchant, "5000", currency="JPY"))
    entry = LedgerEntry.objects.order_by("id")[0]
    posting = entry.postings.order_by("id")[0]
    unposted = LedgerEntry.objects.create(
        reference="open", kind="x", merchant=test_merchant, created_at=entry.created_at
    )
    full = LedgerEntry.objects.create(
        reference="full", kind="x", merchant=test_merchant, created_at=entry.created_at
    )
    LedgerPosting.objects.create(
        entry=full,
        source_id=posting.source_id,
        destination_id=posting.destination_id,
        amount=5,
        asset=posting.asset,
    )
    yen = LedgerPosting.objects.filter(asset="JPY").order_by("id")[0].destination_id
    postgresql = connection.vendor == "postgresql"
    return {
        "entry": entry.pk,
        "reference": entry.reference,
        "posting": posting.pk,
        "open": unposted.pk,
        "full": full.pk,
        "from": posting.source_id,
        "to": posting.destination_id,
        "yen": yen,
        "merchant": test_merchant.pk,
        "other": ben_merchant.pk,
        "true": "true" if postgresql else 1,
        "false": "false" if postgresql else 0,
    }


def everything() -> list[object]:
    return [
        list(LedgerEntry.objects.order_by("id").values()),
        list(LedgerPosting.objects.order_by("id").values()),
        list(LedgerHead.objects.order_by("id").values()),
    ]


@pytest.mark.tampers
@pytest.mark.parametrize("name", EVERY)
def test_sabotage_by_hand_is_refused(name: str, scene: dict[str, object]) -> None:
    statement = {**SABOTAGE, **ONLY[connection.vendor]}.get(name)
    if statement is None:  # the other database's own way to sin
        return
    before = everything()
    by = None if name in HELD_TWICE else "ledger: "
    with (
        pytest.raises(DatabaseError, match=by),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(**scene))
    assert everything() == before


class Rollback(Exception):
    """Undo what a test has just done."""


@pytest.mark.tampers
def test_without_the_guards_the_same_hand_succeeds(scene: dict[str, object]) -> None:
    """A control: it is the guards that refuse the statements above, and nothing else."""
    before, done = everything(), set()
    statements = {**SABOTAGE, **ONLY[connection.vendor]}
    for name in statements.keys() - HELD_TWICE:
        with suppress(Rollback), transaction.atomic(), connection.cursor() as cursor:
            ledger_triggers.remove(connection)
            cursor.execute(statements[name].format(**scene))
            assert everything() != before, name
            done.add(name)
            raise Rollback
        assert everything() == before
    assert done == statements.keys() - HELD_TWICE


@pytest.mark.tampers
def test_the_guards_can_be_taken_away_and_put_back(scene: dict[str, object]) -> None:
    ledger_triggers.remove(connection)
    ledger_triggers.remove(connection)
    ledger_triggers.install(connection)
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM payments_ledgerposting")
