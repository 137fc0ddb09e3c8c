"""Fixtures for all tests: Ada and Ben with their merchants and keys, a clock, and the auditor."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.http import HttpResponse
from django.test import Client

from invoicing import clock as clocks
from invoicing.models import Account, Merchant, User
from payments import ledger_triggers
from payments.audit import Break, audit
from tests import factories
from tests.crew import Crew, database_url
from tests.fakes.receiver import Receiver
from tests.fakes.smtp import MailServer

# A busy machine makes nothing wrong.
hypothesis.settings.register_profile("billhook", deadline=None)
hypothesis.settings.load_profile("billhook")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("billhook")
    group.addoption("--races", type=int, default=0, help="rounds of each race (a few by default)")
    group.addoption("--kills", type=int, default=0, help="random kills on top of one per failpoint")
    group.addoption("--tampers", type=int, default=0, help="rows changed by hand (150 by default)")
    group.addoption("--lot", type=int, default=0, help="other histories and kills than lot 0's")
    group.addoption("--examples", type=int, default=0, help="invoices that totals are tried on")
    group.addoption("--calls", type=int, default=0, help="calls for each operation of the API")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tampers: breaks the books on purpose, so no audit follows")
    config.addinivalue_line("markers", "once: what asks for no database here runs on SQLite alone")
    config.addinivalue_line("markers", "same_everywhere: runs on SQLite alone, database or not")


DOORS = ("test_dashboard", "test_mcp", "test_quick", "test_one_url")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is the same on every database has been seen on the first."""
    if connection.vendor == "sqlite":
        return
    seen = [
        item
        for item in items
        if item.get_closest_marker("same_everywhere")
        # Doors say what actions and models say, and those are asked everywhere; a browser walks
        # the main ways on every database in tests/e2e.
        or item.path.name.startswith(DOORS)
        or item.path.parent.name in ("dialects", "browser")
        or (item.get_closest_marker("once") and not _uses_database(item))
    ]
    config.hook.pytest_deselected(items=seen)
    items[:] = [item for item in items if item not in seen]


@dataclass
class Api:
    """A bot's HTTP client: its key, JSON in and JSON out."""

    key: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str, query: Mapping[str, Any] | None = None, **headers: str) -> Any:
        return self.send("GET", path, None, query=query, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, None, **headers)

    def send(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        query: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **headers: str,
    ) -> HttpResponse:
        """Ask as this key. A body that is bytes or text goes as it is, anything else as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            named.setdefault("Authorization", f"Bearer {self.key}")
        if idempotency_key is not None:
            named["Idempotency-Key"] = idempotency_key
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.client.generic(
            method,
            path,
            b"" if body is None else content,
            content_type="application/json",
            query_params=dict(query or {}),
            headers=named,
        )


@dataclass
class WallClock:
    """The wall clock, which a test holds still and moves."""

    at: datetime

    def move(self, **ahead: float) -> datetime:
        """Let time pass: `clock.move(minutes=5)`."""
        self.at += timedelta(**ahead)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Time stands still, at noon of 2 March 2026 UTC, until the test moves it."""
    held = WallClock(NOON)
    monkeypatch.setattr(clocks, "read_wall", lambda: held.at)
    return held


@pytest.fixture
def ada(db: None) -> User:
    return factories.given_a_user("Ada Lovelace")


@pytest.fixture
def ada_account(ada: User) -> Account:
    return factories.given_an_account(ada)


@pytest.fixture
def live(ada_account: Account) -> Merchant:
    """Ada's live merchant."""
    return ada_account.merchants.get(livemode=True)


@pytest.fixture
def test_merchant(ada_account: Account) -> Merchant:
    """Ada's test twin, where the sandbox's cards pay."""
    return ada_account.merchants.get(livemode=False)


@pytest.fixture
def ben(db: None) -> User:
    """The rival, who must see nothing of Ada's."""
    return factories.given_a_user("Ben Rival")


@pytest.fixture
def ben_merchant(ben: User) -> Merchant:
    """The test twin of Ben's account."""
    return factories.given_a_merchant(ben, name="Ben & Sons")


@pytest.fixture
def ada_key(test_merchant: Merchant) -> str:
    """A key to Ada's test twin with every permission a bot can have."""
    return factories.given_a_key(test_merchant)


@pytest.fixture
def ben_key(ben_merchant: Merchant) -> str:
    return factories.given_a_key(ben_merchant, bot="Ben's bot")


@pytest.fixture
def api(ada_key: str) -> Api:
    """Ada's bot on the API: `api.post("/v1/invoices", {...}).json()`."""
    return Api(ada_key)


@pytest.fixture
def ben_api(ben_key: str) -> Api:
    return Api(ben_key)


@pytest.fixture
def anonymous_api(db: None) -> Api:
    """Somebody without a key."""
    return Api("")


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Callable[[], Any]:
    """`with committed():` runs what waits for a commit that a rolled-back test never makes."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A real mail server on loopback, to which the instance's mail goes."""
    server = MailServer().start()
    settings.MAIL_TRANSPORT = server.transport
    yield server
    server.stop()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A real webhook receiver on loopback, which the instance may reach."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    listening = Receiver().start()
    yield listening
    listening.stop()


@pytest.fixture(scope="session")
def _crew(django_db_setup: None, django_db_blocker: Any) -> Iterator[Crew]:
    with django_db_blocker.unblock():
        hired = Crew(database_url())
    yield hired
    hired.dismiss()


@pytest.fixture
def crew(transactional_db: None, _crew: Crew) -> Crew:
    """Real processes on this test's database."""
    return _crew


def _empty(postgresql: Any) -> None:
    """Delete all rows, which for few of them takes a hundredth of what TRUNCATE takes."""
    tables = postgresql.introspection.django_table_names(only_existing=True, include_views=False)
    with postgresql.cursor() as cursor:
        # No trigger fires, neither the guards' nor those that look for references.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in tables))


@pytest.fixture(scope="session", autouse=True)
def _the_books_can_be_emptied() -> Iterator[None]:
    """Let the flush between tests past the ledger's guards, in one transaction and no longer."""
    flush = BaseDatabaseOperations.execute_sql_flush

    def execute_sql_flush(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        with transaction.atomic(using=self.connection.alias):
            if self.connection.vendor == "postgresql":
                _empty(self.connection)
                return
            ledger_triggers.remove(self.connection)
            flush(self, sql_list)
            ledger_triggers.install(self.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", execute_sql_flush)
        yield


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that had a database, the books are audited and must hold."""
    if not _uses_database(request.node):
        yield
        return
    request.getfixturevalue("db")
    yield
    if request.node.get_closest_marker("tampers"):
        return
    if connection.needs_rollback:  # the test broke its own transaction: there is nothing to read
        return
    if not _something_to_audit():
        return
    breaks = audit()
    assert not breaks, "the books do not hold:\n" + "\n".join(map(_line, breaks))


def _uses_database(item: Any) -> bool:
    asked = {"db", "transactional_db", "live_server"} & set(item.fixturenames)
    return bool(asked) or item.get_closest_marker("django_db") is not None


def _something_to_audit() -> bool:
    """Whether there is an invoice, money or an event: one question, where an audit asks many."""
    tables = ("invoicing_invoice", "invoicing_event", "payments_ledgeraccount", "payments_payment")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables)
        )
        return bool(cursor.fetchone()[0])


def _line(found: Break) -> str:
    return str(found)
