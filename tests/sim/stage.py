"""Where a history is played: a business, a provider, one clock and one source of chance for all.

Nothing here depends on the true time, on the system's randomness or on a network, so a seed plays
the same history every time. A crash is an exception that no handler of the product catches.
"""

import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection

from invoicing import archive, clock, doorbell, failpoints, idempotency, ids
from invoicing import tasks as invoicing_tasks
from invoicing.actions import webhooks
from invoicing.errors import BillhookError
from invoicing.models import Customer, Invoice, Merchant
from payments import intake
from payments.models import Wallet
from payments.rails.rail import BadNotice, RailError
from payments.rails.stripe import client as stripes
from tests.factories import given_a_customer, given_a_merchant, given_an_endpoint
from tests.fakes.stripe.inprocess import InProcessStripe

SECRET = "whsec_of_the_simulator"
MINUTE, HOUR, DAY = 60, 3600, 86_400


class Crash(BaseException):
    """The process dies here. Nothing may catch it but the simulator."""


class Failpoints(dict[str, Callable[[], None]]):
    """Counts the failpoints that are passed, and crashes at the one that was chosen."""

    def __init__(self) -> None:
        super().__init__(on=lambda: None)
        self.passed: list[str] = []
        self.crash_at = 0

    def get(self, name: str, default: Any = None) -> Any:
        if name != "*":
            self.come_by(name)
        return None

    def come_by(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.crash_at:
            raise Crash(name)


class Complaints(logging.Handler):
    """What the worker had to skip: only a provider's silence is a reason."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, RailError):
            self.heard.append(f"{record.getMessage()}: {error!r}")


class Stage:
    """One history's world, made afresh from its seed."""

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)
        chance = random.Random(f"ids of {seed}")
        self.random_bytes = chance.randbytes
        self.fake = InProcessStripe(seed=seed)
        self.fake.app.set_webhook("http://billhook.test/webhooks/stripe", SECRET)
        self.fake.http.timeout = stripes.TIMEOUT_SECONDS
        self.fake.http._sleep_time_seconds = lambda retries: 0  # type: ignore[method-assign]
        self.library = stripes.stripe.StripeClient(
            self.fake.api_key,
            http_client=self.fake.http,
            stripe_version=stripes.API_VERSION,
            max_network_retries=stripes.RETRIES,
        )
        self.failpoints = Failpoints()
        self.fake.http.before = lambda method, path: self.failpoints.come_by(f"before {method}")
        self.fake.http.after = lambda method, path: self.failpoints.come_by(f"after {method}")
        self.complaints = Complaints()
        self.heard: dict[str, list[bytes]] = {}
        self.is_rough = True
        # How payers pay now: by what, and with which kind of card.
        self.rail = ""
        self.likes: dict[str, bool] = {}
        self.trace: list[str] = []
        self.crashes = 0
        self.merchant: Merchant
        self.customers: list[Customer] = []
        self.invoices: list[Invoice] = []

    # Time and the network

    def now(self) -> float:
        return self.fake.clock.now()

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def let_pass(self, seconds: float) -> None:
        """Everybody's clock moves on, and what fell due at the provider happens."""
        self.fake.clock.advance(seconds)
        self.fake.app.tick()

    def deliver(self, shuffle: int) -> int:
        """Send what the provider has to say, in a shuffled order, each one to five times."""
        sent = self.fake.app.delivery.release(shuffle=shuffle, send=self._post)
        return sent + self.fake.app.delivery.pump(self._post)

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        status = 0
        for _ in range(self.rng.choice((1, 1, 1, 2, 5)) if self.is_rough else 1):
            try:
                intake.take("stripe", body, headers)
                status = 200
            except BadNotice:
                status = 400
        return status

    def receive(self, url: str, body: bytes, headers: dict[str, str]) -> webhooks.Attempt:
        """The merchant's own receiver, which fails now and then."""
        if self.is_rough and self.rng.random() < 0.1:
            return webhooks.Attempt(status_code=503, error="The endpoint answered 503")
        self.heard.setdefault(headers["webhook-id"], []).append(body)
        if self.is_rough and self.rng.random() < 0.05:
            return webhooks.Attempt(error="No answer was heard")
        return webhooks.Attempt(status_code=200)

    # Playing

    def crash_within(self, passes: int) -> None:
        """Let the process die at one of the next failpoints or requests."""
        self.failpoints.crash_at = len(self.failpoints.passed) + self.rng.randint(1, passes)

    def crash_now(self) -> None:
        """Let the process die at the very next failpoint."""
        self.failpoints.crash_at = len(self.failpoints.passed) + 1

    def attempt(self, name: str, do: Callable[[], Any]) -> bool:
        """Do something as a client would; whether it was not cut short by a crash."""
        try:
            said = do()
        except Crash as crash:
            self.crashes += 1
            self.note(f"{name} crashed at {crash}")
            return False
        except (BillhookError, RailError) as refusal:
            said = f"{type(refusal).__name__}: {refusal}"
        self.note(f"{name}: {said}")
        return True

    def once(self, key: str, do: Callable[[], Any]) -> Any:
        """A client's request under its Idempotency-Key, in steps as the doors do them."""
        guard = idempotency.Guard(self.merchant.pk, "bot_1", key, key, None)
        with idempotency.guarded(guard):
            try:
                said = do()
                if said is not None:
                    guard.finish(idempotency.Answer(200, str(said)))
            except idempotency.Replay as replay:
                return f"as before: {replay.answer.body}"
            except Exception:
                guard.give_up()
                raise
        return said

    def note(self, text: str) -> None:
        self.trace.append(f"{int(self.now())} {text}")

    def digest(self) -> str:
        """What happened, and what the database and the provider hold of it, in one number."""
        told = hashlib.sha256("\n".join(self.trace).encode())
        told.update("\n".join(self.failpoints.passed).encode())
        for row in kept_rows():
            told.update(repr(row).encode())
        told.update(repr(self.fake.control("state", kinds=["charge", "refund"])).encode())
        return told.hexdigest()

    @contextmanager
    def lit(self) -> Iterator[None]:
        """The product, on this stage's clock, with this stage's chance, provider and receiver."""
        logs = [logging.getLogger(name) for name in ("payments.tasks", "invoicing.tasks")]
        with ExitStack() as stack:
            for target, name, value in (
                (clock, "read_wall", self.wall),
                (ids, "random_bytes", self.random_bytes),
                (doorbell, "_ask", lambda task: None),
                (stripes, "_client", lambda key, base: self.library),
                (webhooks, "_jitter", self.rng),
                (invoicing_tasks, "_post", self.receive),
                (archive.pdf, "render", lambda html, **_: b"%PDF-1.7 stands in"),
                (failpoints, "hooks", self.failpoints),
                (settings, "STRIPE_SECRET_KEY", self.fake.api_key),
                (settings, "STRIPE_WEBHOOK_SECRET", SECRET),
            ):
                stack.enter_context(mock.patch.object(target, name, value))
            for log in logs:
                log.addHandler(self.complaints)
                stack.callback(log.removeHandler, self.complaints)
                stack.enter_context(mock.patch.object(log, "propagate", False))
            yield


def open_business() -> Merchant:
    """The business that all histories begin with: two customers and somebody who listens."""
    with mock.patch.object(settings, "WEBHOOK_ALLOW_PRIVATE", True):
        merchant = given_a_merchant()
        given_an_endpoint(merchant, "http://127.0.0.1:9/hooks")
    for name in ("Cleo", "Dora"):
        given_a_customer(merchant, name=name, email="")
    return merchant


def kept_rows() -> Iterator[tuple[Any, ...]]:
    """What the database says in the end, without what it calls its rows."""
    from invoicing.models import Event
    from payments.models import LedgerEntry, LedgerPosting, Payment, Refund

    yield from Payment.objects.order_by("pk").values_list("public_id", "status", "received")
    yield from Refund.objects.order_by("pk").values_list("public_id", "status", "amount")
    yield from LedgerEntry.objects.order_by("pk").values_list("reference", "created_at")
    yield from LedgerPosting.objects.order_by("pk").values_list("source__kind", "amount")
    yield from Event.objects.order_by("pk").values_list("public_id", "type", "object_status")
    yield from Wallet.objects.order_by("pk").values_list("accounts__kind", "accounts__balance")


class Theatre:
    """The database that histories are played in, put back between them.

    On SQLite that is a copy in memory of the test's own; elsewhere each history opens a business
    of its own beside the others.
    """

    def __init__(self) -> None:
        self._own: Any = None
        self._empty: Any = None

    def __enter__(self) -> "Theatre":
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            self._own = connection.connection
            memory, self._empty = self._memory(), self._memory()
            self._own.backup(memory)
            connection.connection = memory
            with Stage("business").lit():
                open_business()
            memory.backup(self._empty)
        return self

    def __exit__(self, *_: object) -> None:
        if self._own is not None:
            memory, connection.connection = connection.connection, self._own
            memory.close()
            self._empty.close()

    def opens(self, stage: Stage) -> None:
        """Put the business on the stage as it was before anything happened."""
        if self._empty is not None:
            with suppress(Exception):
                connection.connection.rollback()
            self._empty.backup(connection.connection)
            merchant = Merchant.objects.get(livemode=False)
        else:
            merchant = open_business()
        stage.merchant = merchant
        stage.customers = list(merchant.customers.order_by("pk"))

    @staticmethod
    def _memory() -> Any:
        given = {**connection.get_connection_params(), "database": ":memory:"}
        opened = connection.get_new_connection(given)
        opened.isolation_level = None  # as Django sets it: it begins transactions itself
        return opened
