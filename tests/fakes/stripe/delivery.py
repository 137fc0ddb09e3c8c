"""Sends events to webhook endpoints, signed and retried, and badly where a test asks for it."""

import http.client
import json
import random
import threading
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, public

# How long after each failed try the next one comes, by the fake's clock; then it gives up.
RETRY_AFTER = (5, 60, 300, 1800, 7200, 18_000, 36_000, 43_200, 43_200, 43_200)
_TIMEOUT = 10
_PERFECT: dict[str, Any] = {
    "drop": 0.0,
    "seed": 0,
    "duplicate": 0,
    "hold": False,
    "account": None,
    "stale": 0,
}

Send = Callable[[str, dict[str, str], bytes], int]


class Delivery:
    """The queue of what has to be sent. One sender at a time; nothing is locked while it sends."""

    def __init__(self, world: World, lock: threading.RLock) -> None:
        self._world = world
        self._lock = lock
        self._sending = threading.RLock()
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        world.on_event = self._offer

    # What to send, and how

    @property
    def script(self) -> dict[str, Any]:
        return {**_PERFECT, **self._world.store.fact("delivery", {})}

    def set_script(self, **changes: Any) -> dict[str, Any]:
        """Change how events are delivered from now on; names that are left out stay."""
        unknown = set(changes) - set(_PERFECT)
        if unknown:
            raise ValueError(f"unknown delivery settings {sorted(unknown)}")
        self._world.store.set_fact("delivery", {**self.script, **changes})
        return self.script

    def reset_script(self) -> None:
        self._world.store.set_fact("delivery", {})

    def _offer(self, event: Object) -> None:
        state = "held" if self.script["hold"] else "pending"
        offered = 0
        for endpoint in self._world.store.select("webhook_endpoint"):
            wanted = endpoint["enabled_events"]
            if endpoint["status"] == "enabled" and ("*" in wanted or event["type"] in wanted):
                self._world.store.deliver(event["id"], endpoint["id"], self._world.now, state)
                offered += 1
        if offered:
            event["pending_webhooks"] = offered
            self._world.store.put(event)

    # Sending

    def pump(self, send: Send | None = None) -> int:
        """Send whatever is due, in order; answers how many requests went out."""
        with self._sending:
            with self._lock:
                where = "state = 'pending' AND due <= ?"
                due = self._world.store.deliveries(where, (self._world.now,))
            return sum(self._try(each, send or post) for each in due)

    def release(self, *, shuffle: int | None = None, send: Send | None = None) -> int:
        """Let held events go, in a shuffled order if a seed is given."""
        with self._sending:
            with self._lock:
                held = self._world.store.deliveries("state = 'held'")
                if shuffle is not None:
                    random.Random(shuffle).shuffle(held)
                for each in held:
                    self._world.store.set_delivery(each["seq"], state="pending")
            return sum(self._try(each, send or post) for each in held)

    def again(self, events: list[str] | None = None, send: Send | None = None) -> int:
        """Send events once more, whatever became of them; all that are not done, if none named."""
        with self._sending:
            with self._lock:
                found = self._world.store.deliveries()
                chosen = [
                    each
                    for each in found
                    if (each["event"] in events if events else each["state"] != "done")
                ]
            return sum(self._try(each, send or post, faithful=True) for each in chosen)

    def _try(self, delivery: Object, send: Send, *, faithful: bool = False) -> int:
        """One delivery as the script has it; answers how many requests went out."""
        with self._lock:
            script = {**_PERFECT, "account": self.script["account"]} if faithful else self.script
            chance = random.Random(f"{script['seed']}:{delivery['event']}:{delivery['endpoint']}")
            if chance.random() < script["drop"]:
                self._world.store.set_delivery(delivery["seq"], state="dropped")
                return 0
            endpoint = self._world.store.get(delivery["endpoint"])
            event = self._world.store.get(delivery["event"])
            if endpoint is None or event is None or endpoint["status"] != "enabled":
                self._world.store.set_delivery(delivery["seq"], state="failed")
                return 0
            headers, body = self._signed(endpoint, event, script)
        copies = 1 + int(script["duplicate"])
        statuses = [send(endpoint["url"], headers, body) for _ in range(copies)]
        self._note(delivery, statuses)
        return copies

    def _signed(
        self, endpoint: Object, event: Object, script: Object
    ) -> tuple[dict[str, str], bytes]:
        shown = public(event)
        if script["account"]:
            shown["account"] = script["account"]
        text = json.dumps(shown, indent=2)
        # The receiver's clock is the true one, however far the fake's own was moved.
        at = int(self._world.clock.now()) - int(script["stale"])
        signature = stripe.WebhookSignature.generate_signature_header(
            text, endpoint["_secret"], timestamp=at
        )
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return headers, text.encode()

    def _note(self, delivery: Object, statuses: list[int]) -> None:
        """Write down what the receiver said, and when to try again."""
        ok = any(200 <= status < 300 for status in statuses)
        with self._lock, self._world.store.transaction():
            tries = int(delivery["tries"]) + 1
            changes: dict[str, Any] = {"tries": tries, "status": statuses[-1]}
            if ok:
                changes["state"] = "done"
            elif tries > len(RETRY_AFTER):
                changes["state"] = "failed"
            else:
                changes.update(state="pending", due=self._world.now + RETRY_AFTER[tries - 1])
            self._world.store.set_delivery(delivery["seq"], **changes)
            event = self._world.store.get(delivery["event"])
            if ok and event is not None:
                where = "event = ? AND state <> 'done'"
                left = self._world.store.deliveries(where, (event["id"],))
                event["pending_webhooks"] = len(left)
                self._world.store.put(event)

    # The thread of a server

    def start(self, tick: Callable[[], object]) -> None:
        """Deliver in the background, and let the clock's work be done meanwhile."""

        def run() -> None:
            while True:
                self._bell.wait(0.25)
                self._bell.clear()
                try:
                    tick()
                    self.pump()
                except Exception:
                    traceback.print_exc()

        self._thread = threading.Thread(target=run, name="deliveries", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._bell.set()


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """POST to an endpoint; answers its status, or 0 where there was none."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
