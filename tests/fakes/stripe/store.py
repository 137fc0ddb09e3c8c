"""What the fake remembers: objects, idempotent answers, deliveries and things to do later."""

import hashlib
import json
import secrets
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

Object = dict[str, Any]

# Fields by which lists are filtered have columns of their own.
COLUMNS = ("customer", "payment_intent", "charge", "source", "payout", "setup_intent")
MEMORY = ":memory:"

_SCHEMA = [
    f"""CREATE TABLE IF NOT EXISTS objects (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
        created INTEGER NOT NULL, type TEXT, {", ".join(f"{name} TEXT" for name in COLUMNS)},
        body TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq)",
    *(
        f"CREATE INDEX IF NOT EXISTS objects_{name} ON objects ({name}, kind, seq)"
        f" WHERE {name} IS NOT NULL"
        for name in COLUMNS
    ),
    """CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, created INTEGER NOT NULL,
        request TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS deliveries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, endpoint TEXT NOT NULL,
        due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL,
        status INTEGER)""",
    "CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event)",
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due, seq)",
    """CREATE TABLE IF NOT EXISTS plans (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL,
        about TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS plans_at ON plans (at, seq)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
]


@cache
def _empty() -> bytes:
    """An empty database with all tables, which copies quicker than it is made."""
    made = sqlite3.connect(MEMORY, isolation_level=None)
    for statement in _SCHEMA:
        made.execute(statement)
    return made.serialize()


class Store:
    """SQLite, in write-ahead mode and synced in full: a committed answer survives SIGKILL.

    One connection; the application lets one thread at a time near it.
    """

    def __init__(self, path: str = MEMORY, seed: str | None = None) -> None:
        """Open or make the file. With a `seed` the ids come out the same every time."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        if path == MEMORY:
            self._db.deserialize(_empty())
        else:
            self._db.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing that the system has taken; the system never dies here.
            self._db.execute("PRAGMA synchronous=OFF")
            for statement in _SCHEMA:
                self._db.execute(statement)
        self._facts: dict[str, Any] = {
            name: json.loads(value) for name, value in self._db.execute("SELECT * FROM facts")
        }
        if "seed" not in self._facts:
            self.set_fact("seed", seed or secrets.token_hex(16))
        self._made = int(self._facts.get("made", 0))
        self._depth = 0

    def kept(self) -> tuple[bytes, dict[str, Any], int]:
        """All that is remembered now, to be put back later."""
        return self._db.serialize(), dict(self._facts), self._made

    def put_back(self, kept: tuple[bytes, dict[str, Any], int]) -> None:
        """Remember what was kept, and nothing that came after it. For a store in memory."""
        body, facts, self._made = kept
        self._facts = dict(facts)
        self._db.deserialize(body)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inner transactions belong to the outer one."""
        if self._depth:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        made, facts = self._made, dict(self._facts)
        self._depth = 1
        try:
            yield
            if self._made != made:
                self.set_fact("made", self._made)
        except BaseException:
            self._db.execute("ROLLBACK")
            self._made, self._facts = made, facts
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth = 0

    # Names

    def new_id(self, prefix: str, length: int = 24) -> str:
        """A fresh id such as `ch_3Qx…`, never given out twice."""
        self._made += 1
        digest = hashlib.sha512(f"{self._facts['seed']}:{self._made}".encode()).digest()
        return prefix + b64encode(digest, b"Zz")[:length].decode()

    # Facts

    def fact(self, name: str, default: Any = None) -> Any:
        return self._facts.get(name, default)

    def set_fact(self, name: str, value: Any) -> None:
        self._facts[name] = value
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    # Objects

    def put(self, found: Object) -> None:
        """Write an object, new or changed."""
        columns = [found[n] if isinstance(found.get(n), str) else None for n in COLUMNS]
        if isinstance(found.get("_payout"), str):
            columns[COLUMNS.index("payout")] = found["_payout"]
        body = json.dumps(found)
        self._db.execute(
            f"""INSERT INTO objects (id, kind, created, type, {", ".join(COLUMNS)}, body)
            VALUES (?, ?, ?, ?{", ?" * len(COLUMNS)}, ?)
            ON CONFLICT (id) DO UPDATE SET body = excluded.body, type = excluded.type,
            {", ".join(f"{n} = excluded.{n}" for n in COLUMNS)}""",
            (
                found["id"],
                found["object"],
                found.get("created", 0),
                found.get("type"),
                *columns,
                body,
            ),
        )

    def get(self, found_id: str) -> Object | None:
        row = self._db.execute("SELECT body FROM objects WHERE id = ?", (found_id,)).fetchone()
        return json.loads(row[0]) if row else None

    def forget(self, found_id: str) -> None:
        self._db.execute("DELETE FROM objects WHERE id = ?", (found_id,))

    def seq(self, kind: str, found_id: str) -> int | None:
        """Where an object stands in the order of its kind."""
        row = self._db.execute(
            "SELECT seq FROM objects WHERE id = ? AND kind = ?", (found_id, kind)
        ).fetchone()
        return int(row[0]) if row else None

    def select(
        self, kind: str, where: str = "1", values: tuple[Any, ...] = (), tail: str = "ORDER BY seq"
    ) -> list[Object]:
        """Objects of a kind, by a condition on the columns."""
        rows = self._db.execute(
            f"SELECT body FROM objects WHERE kind = ? AND {where} {tail}", (kind, *values)
        )
        return [json.loads(body) for (body,) in rows]

    def everything(self) -> list[Object]:
        return [json.loads(b) for (b,) in self._db.execute("SELECT body FROM objects ORDER BY seq")]

    # Idempotent answers

    def answer(self, key: str) -> tuple[str, str, int, bytes] | None:
        """The fingerprint, first request id, status and body kept under a key."""
        row = self._db.execute(
            "SELECT fingerprint, request, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return (row[0], row[1], int(row[2]), bytes(row[3])) if row else None

    def keep_answer(
        self, key: str, fingerprint: str, now: int, request: str, status: int, body: bytes
    ) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (key, fingerprint, now, request, status, body),
        )

    def prune_answers(self, before: int) -> None:
        self._db.execute("DELETE FROM answers WHERE created <= ?", (before,))

    # Things to do later

    def plan(self, at: int, what: str, about: str) -> None:
        self._db.execute("INSERT INTO plans (at, what, about) VALUES (?, ?, ?)", (at, what, about))

    def due(self, now: int) -> tuple[int, int, str, str] | None:
        """The earliest thing to do by now: its row, when, what, and about which object."""
        found: tuple[int, int, str, str] | None = self._db.execute(
            "SELECT seq, at, what, about FROM plans WHERE at <= ? ORDER BY at, seq LIMIT 1", (now,)
        ).fetchone()
        return found

    def drop_plan(self, seq: int) -> None:
        self._db.execute("DELETE FROM plans WHERE seq = ?", (seq,))

    def drop_plans(self, what: str, about: str) -> None:
        self._db.execute("DELETE FROM plans WHERE what = ? AND about = ?", (what, about))

    # Deliveries

    def deliver(self, event: str, endpoint: str, now: int, state: str) -> None:
        self._db.execute(
            "INSERT INTO deliveries (event, endpoint, due, state) VALUES (?, ?, ?, ?)",
            (event, endpoint, now, state),
        )

    def deliveries(self, where: str = "1", values: tuple[Any, ...] = ()) -> list[Object]:
        rows = self._db.execute(
            "SELECT seq, event, endpoint, due, tries, state, status FROM deliveries"
            f" WHERE {where} ORDER BY seq",
            values,
        )
        names = ("seq", "event", "endpoint", "due", "tries", "state", "status")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def set_delivery(self, seq: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE deliveries SET {names} WHERE seq = ?", (*values.values(), seq))
