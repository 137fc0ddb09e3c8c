"""Many rows like one: how a benchmark's database grows large in a minute."""

from collections.abc import Iterable
from typing import Any

from django.db import connection


def last(table: str) -> int:
    """The highest id so far."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")  # noqa: S608
        return int(cursor.fetchone()[0])


def copy(table: str, example: int, rows: Iterable[dict[str, Any]]) -> None:
    """Write the example row again for each of these, with what differs."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE id = %s", [example])  # noqa: S608
        columns = [column[0] for column in cursor.description]
        if connection.vendor == "postgresql":
            types = ", ".join(f"{column}::text" for column in columns)
            cursor.execute(f"SELECT {types} FROM {table} WHERE id = %s", [example])  # noqa: S608
        else:
            types = ", ".join(f"{column} || ''" for column in columns)
            cursor.execute(f"SELECT {types} FROM {table} WHERE id = %s", [example])  # noqa: S608
        values = dict(zip(columns, cursor.fetchone(), strict=True))
        every = ([_text(row[c]) if c in row else values[c] for c in columns] for row in rows)
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copying:
                for row in every:
                    copying.write_row(row)
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"  # noqa: S608
            )
        else:
            places = ", ".join("?" * len(columns))
            connection.connection.executemany(f"INSERT INTO {table} VALUES ({places})", every)  # noqa: S608


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
