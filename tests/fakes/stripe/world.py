"""What every part of the fake stands on: its clock, its store, and events for each change."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import stripe

from tests.fakes.stripe.errors import missing
from tests.fakes.stripe.store import Object, Store

API_VERSION = stripe.api_version
DAY = 86_400

# Objects whose id says what they are.
PREFIXES = {
    "cus": "customer",
    "pm": "payment_method",
    "pi": "payment_intent",
    "seti": "setup_intent",
    "ch": "charge",
    "py": "charge",
    "txn": "balance_transaction",
    "re": "refund",
    "pyr": "refund",
    "du": "dispute",
    "po": "payout",
    "cs": "checkout.session",
    "mandate": "mandate",
    "file": "file",
    "evt": "event",
    "we": "webhook_endpoint",
}


class Clock(Protocol):
    """Where time comes from, in seconds since 1970."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class WallClock:
    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """Stands still until it is told."""

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class World:
    """One account at Stripe. Callers hold the application's lock."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        api_key: str = "sk_test_fake",
        account: str = "acct_1BillhookFake0000",
        business: str = "Fake business",
        public_url: str = "http://127.0.0.1",
    ) -> None:
        self.store = store
        self.clock = clock
        self.api_key = api_key
        self.account = account
        self.business = business
        self.public_url = public_url
        self.request: dict[str, str | None] = {"id": None, "idempotency_key": None}
        self.on_event: Callable[[Object], None] = lambda event: None
        self._pinned: int | None = None

    # Time

    @property
    def now(self) -> int:
        """Seconds since 1970 by the fake's own clock."""
        if self._pinned is not None:
            return self._pinned
        return int(self.clock.now()) + self.ahead

    @property
    def ahead(self) -> int:
        """By how many seconds the fake's clock was moved on; whoever asks does not know of it."""
        return int(self.store.fact("offset", 0))

    def pin(self, at: int | None) -> None:
        """Let it be this moment while something planned for then is done; None lets go."""
        self._pinned = at

    def after(self, seconds: int, what: str, about: str) -> None:
        """Do something to an object after so many seconds."""
        self.store.plan(self.now + seconds, what, about)

    # Objects

    def new_id(self, prefix: str, length: int = 24) -> str:
        return self.store.new_id(prefix, length)

    def get(self, kind: str, found_id: str, param: str | None = None) -> Object:
        """An object, or Stripe's resource_missing."""
        found = self.store.get(found_id) if isinstance(found_id, str) else None
        gone = param and found and found.get("deleted")
        if found is None or found["object"] != kind or gone:
            raise missing(kind, found_id, param)
        return found

    def save(self, found: Object) -> Object:
        self.store.put(found)
        return found

    def made(self, kind: str, prefix: str, **fields: Any) -> Object:
        """A new object with what all objects have."""
        return {
            "id": self.new_id(prefix),
            "object": kind,
            "created": self.now,
            "livemode": False,
            **fields,
        }

    # Events

    def emit(self, kind: str, found: Object, previous: Object | None = None) -> Object:
        """Store an event with the object as it now stands, and offer it for delivery."""
        data: Object = {"object": public(found)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.made(
            "event",
            "evt_",
            api_version=API_VERSION,
            data=data,
            pending_webhooks=0,
            request=dict(self.request),
            type=kind,
        )
        self.store.put(event)
        self.on_event(event)
        return event


def public(found: Object) -> Object:
    """An object without what only the fake knows of it."""
    return {name: value for name, value in found.items() if not name.startswith("_")}


def merge_metadata(found: Object, given: Any) -> None:
    """Stripe's rule: keys are merged, an empty value removes one, an empty text removes all."""
    if given == "":
        found["metadata"] = {}
        return
    kept = {**found.get("metadata", {}), **given}
    found["metadata"] = {name: value for name, value in kept.items() if value != ""}
