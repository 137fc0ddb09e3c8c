"""What an audit finds: one row that does not hold, and by which invariant."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

Rows = Iterator[tuple[Any, ...]]
CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Break:
    """One row that does not hold: what it says, and what it should say.

    `row` is its id in `table`, none for a row that is missing; `name` is its public id or
    reference.
    """

    invariant: str
    table: str
    row: int | None
    name: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.invariant}: {self.table} {self.row or 'missing'} ({self.name}) {self.message}"
        )


def table_of(model: type[models.Model]) -> str:
    """The name of a model's table, as breaks give it."""
    return model._meta.db_table


@contextmanager
def snapshot() -> Iterator[None]:
    """One view of the whole instance, which nothing that is written meanwhile changes.

    Writes nothing and holds nobody up. Within a transaction that has begun it is that one's view.
    """
    with ExitStack() as stack:
        if connection.in_atomic_block:
            stack.enter_context(transaction.atomic())
        elif connection.vendor == "sqlite":
            # Our transactions take the one writer's place when they begin; a reader needs none.
            sqlite: Any = connection
            sqlite.ensure_connection()  # which is when it learns of its mode
            ours, sqlite.transaction_mode = sqlite.transaction_mode, "DEFERRED"
            try:
                stack.enter_context(transaction.atomic())
            finally:
                sqlite.transaction_mode = ours
        else:
            stack.enter_context(transaction.atomic())
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def summed(query: str) -> list[tuple[Any, ...]]:
    """A result that is small however much is read for it, at once: a cursor that hands rows out
    as they come would keep PostgreSQL to one process."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@contextmanager
def reading(query: str, *parameters: Any) -> Iterator[Rows]:
    """Read a query's rows as they come, a few thousand at a time, whatever their number."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        yield _rows(cursor)


def rows(query: str, *parameters: Any) -> Rows:
    """All rows of a query, which are few unless something is wrong."""
    with reading(query, *parameters) as found:
        yield from found


def _rows(cursor: Any) -> Rows:
    while some := cursor.fetchmany(CHUNK):
        yield from some
