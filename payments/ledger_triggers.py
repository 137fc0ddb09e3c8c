"""The books' own guards, inside the database: what no code path and no typing hand gets past.

The same six rules on SQLite and PostgreSQL:
1. a posting goes under an entry that is not posted yet;
2. its asset is that of both its accounts;
3. a posting is never changed or removed;
4. an entry only ever goes from unposted to posted, and not without postings;
5. an entry is never removed;
6. the end of a chain moves on by one entry at a time, and is never removed.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

_SQLITE = {
    "ledger_posting_insert": """
        CREATE TRIGGER ledger_posting_insert BEFORE INSERT ON payments_ledgerposting
        BEGIN
            SELECT RAISE(ABORT, 'ledger: the entry is already posted')
            WHERE (SELECT posted FROM payments_ledgerentry WHERE id = NEW.entry_id);
            SELECT RAISE(ABORT, 'ledger: the asset is not that of both accounts')
            WHERE (SELECT asset FROM payments_ledgeraccount WHERE id = NEW.source_id) != NEW.asset
               OR (SELECT asset FROM payments_ledgeraccount WHERE id = NEW.destination_id)
                  != NEW.asset;
            -- INSERT OR REPLACE would remove the old row without firing its delete trigger.
            SELECT RAISE(ABORT, 'ledger: postings are never changed')
            WHERE EXISTS (SELECT 1 FROM payments_ledgerposting WHERE id = NEW.id);
        END""",
    "ledger_posting_update": """
        CREATE TRIGGER ledger_posting_update BEFORE UPDATE ON payments_ledgerposting
        BEGIN SELECT RAISE(ABORT, 'ledger: postings are never changed'); END""",
    "ledger_posting_delete": """
        CREATE TRIGGER ledger_posting_delete BEFORE DELETE ON payments_ledgerposting
        BEGIN SELECT RAISE(ABORT, 'ledger: postings are never removed'); END""",
    "ledger_entry_update": """
        CREATE TRIGGER ledger_entry_update BEFORE UPDATE ON payments_ledgerentry
        BEGIN
            SELECT RAISE(ABORT, 'ledger: entries are never changed')
            WHERE OLD.posted OR NOT NEW.posted OR NEW.id != OLD.id
               OR NEW.reference != OLD.reference OR NEW.kind != OLD.kind
               OR NEW.merchant_id != OLD.merchant_id OR NEW.payment_id IS NOT OLD.payment_id
               OR NEW.created_at != OLD.created_at;
            SELECT RAISE(ABORT, 'ledger: an entry needs postings')
            WHERE NOT EXISTS (SELECT 1 FROM payments_ledgerposting WHERE entry_id = NEW.id);
        END""",
    "ledger_entry_delete": """
        CREATE TRIGGER ledger_entry_delete BEFORE DELETE ON payments_ledgerentry
        BEGIN SELECT RAISE(ABORT, 'ledger: entries are never removed'); END""",
    "ledger_entry_insert": """
        CREATE TRIGGER ledger_entry_insert BEFORE INSERT ON payments_ledgerentry
        BEGIN
            SELECT RAISE(ABORT, 'ledger: an entry begins unposted') WHERE NEW.posted;
            SELECT RAISE(ABORT, 'ledger: entries are never changed')
            WHERE EXISTS (SELECT 1 FROM payments_ledgerentry
                          WHERE id = NEW.id OR reference = NEW.reference);
        END""",
}
_SQLITE_HEADS = {
    "ledger_head_update": """
        CREATE TRIGGER ledger_head_update BEFORE UPDATE ON payments_ledgerhead
        BEGIN
            SELECT RAISE(ABORT, 'ledger: a chain goes on by one entry')
            WHERE NEW.id != OLD.id OR NEW.merchant_id != OLD.merchant_id
               OR NEW.length != OLD.length + 1;
        END""",
    "ledger_head_delete": """
        CREATE TRIGGER ledger_head_delete BEFORE DELETE ON payments_ledgerhead
        BEGIN SELECT RAISE(ABORT, 'ledger: chains are never removed'); END""",
    # INSERT OR REPLACE would remove the old row without firing its delete trigger.
    "ledger_head_insert": """
        CREATE TRIGGER ledger_head_insert BEFORE INSERT ON payments_ledgerhead
        BEGIN
            SELECT RAISE(ABORT, 'ledger: chains are never removed')
            WHERE EXISTS (SELECT 1 FROM payments_ledgerhead
                          WHERE id = NEW.id OR merchant_id = NEW.merchant_id);
        END""",
}

_POSTGRESQL_FUNCTIONS = {
    "ledger_check_posting": """
        CREATE OR REPLACE FUNCTION ledger_check_posting() RETURNS trigger AS $$
        DECLARE is_posted boolean;
        BEGIN
            -- The lock keeps a posting from slipping under an entry that is being posted.
            SELECT posted INTO is_posted FROM payments_ledgerentry
            WHERE id = NEW.entry_id FOR NO KEY UPDATE;
            IF is_posted THEN
                RAISE EXCEPTION 'ledger: the entry is already posted';
            END IF;
            IF EXISTS (SELECT 1 FROM payments_ledgeraccount
                       WHERE id IN (NEW.source_id, NEW.destination_id) AND asset <> NEW.asset) THEN
                RAISE EXCEPTION 'ledger: the asset is not that of both accounts';
            END IF;
            RETURN NEW;
        END $$ LANGUAGE plpgsql""",
    "ledger_check_entry": """
        CREATE OR REPLACE FUNCTION ledger_check_entry() RETURNS trigger AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                IF NEW.posted THEN RAISE EXCEPTION 'ledger: an entry begins unposted'; END IF;
                RETURN NEW;
            END IF;
            IF OLD.posted OR NOT NEW.posted OR NEW.id <> OLD.id
               OR NEW.reference <> OLD.reference OR NEW.kind <> OLD.kind
               OR NEW.merchant_id <> OLD.merchant_id
               OR NEW.payment_id IS DISTINCT FROM OLD.payment_id
               OR NEW.created_at <> OLD.created_at THEN
                RAISE EXCEPTION 'ledger: entries are never changed';
            END IF;
            IF NOT EXISTS (SELECT 1 FROM payments_ledgerposting WHERE entry_id = NEW.id) THEN
                RAISE EXCEPTION 'ledger: an entry needs postings';
            END IF;
            RETURN NEW;
        END $$ LANGUAGE plpgsql""",
    "ledger_check_head": """
        CREATE OR REPLACE FUNCTION ledger_check_head() RETURNS trigger AS $$
        BEGIN
            IF NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id
               OR NEW.length <> OLD.length + 1 THEN
                RAISE EXCEPTION 'ledger: a chain goes on by one entry';
            END IF;
            RETURN NEW;
        END $$ LANGUAGE plpgsql""",
    "ledger_refuse": """
        CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger AS $$
        BEGIN
            RAISE EXCEPTION 'ledger: % are never changed or removed', TG_TABLE_NAME;
        END $$ LANGUAGE plpgsql""",
}

_POSTGRESQL = {
    "ledger_posting_insert": (
        "payments_ledgerposting",
        "BEFORE INSERT",
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_posting()",
    ),
    "ledger_posting_change": (
        "payments_ledgerposting",
        "BEFORE UPDATE OR DELETE",
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    ),
    "ledger_posting_truncate": (
        "payments_ledgerposting",
        "BEFORE TRUNCATE",
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    ),
    "ledger_entry_change": (
        "payments_ledgerentry",
        "BEFORE INSERT OR UPDATE",
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_entry()",
    ),
    "ledger_entry_delete": (
        "payments_ledgerentry",
        "BEFORE DELETE",
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    ),
    "ledger_entry_truncate": (
        "payments_ledgerentry",
        "BEFORE TRUNCATE",
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    ),
}
_POSTGRESQL_HEADS = {
    "ledger_head_update": (
        "payments_ledgerhead",
        "BEFORE UPDATE",
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_head()",
    ),
    "ledger_head_delete": (
        "payments_ledgerhead",
        "BEFORE DELETE",
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    ),
    "ledger_head_truncate": (
        "payments_ledgerhead",
        "BEFORE TRUNCATE",
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    ),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the guards in place."""
    with connection.cursor() as cursor:
        # Migrations from before the chains were kept call this as well.
        chained = "payments_ledgerhead" in connection.introspection.table_names(cursor)
        if connection.vendor == "postgresql":
            for function in _POSTGRESQL_FUNCTIONS.values():
                cursor.execute(function)
            for name, (table, when, what) in (
                _POSTGRESQL | (_POSTGRESQL_HEADS if chained else {})
            ).items():
                cursor.execute(f"CREATE TRIGGER {name} {when} ON {table} {what}")
        else:
            for trigger in (_SQLITE | (_SQLITE_HEADS if chained else {})).values():
                cursor.execute(trigger)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guards away, as emptying a test database or undoing the migration needs."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name, (table, _, _) in (_POSTGRESQL | _POSTGRESQL_HEADS).items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        else:
            for name in _SQLITE | _SQLITE_HEADS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
