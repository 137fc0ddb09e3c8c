"""The application: a request comes in as bytes, an answer goes out, and nothing is forgotten.

It needs no sockets: `handle` is all that the server, and a simulator, call.
"""

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.stripe import control, pages, params, plans, routes
from tests.fakes.stripe.delivery import Delivery
from tests.fakes.stripe.errors import ApiError, BadRequest, Cut
from tests.fakes.stripe.expand import expand
from tests.fakes.stripe.faults import Fault, Faults
from tests.fakes.stripe.form import read_form, read_multipart
from tests.fakes.stripe.idempotency import KeysInUse, fingerprint, replay
from tests.fakes.stripe.objects import customers
from tests.fakes.stripe.store import Store
from tests.fakes.stripe.world import API_VERSION, Clock, WallClock, World

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    id: str

    @property
    def key(self) -> str | None:
        """Only what changes something has an idempotency key."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


class Application:
    """One fake account. Requests run one at a time; waiting and delivering do not hold them up."""

    world: World
    faults: Faults
    delivery: Delivery

    def __init__(self, store: Store, clock: Clock | None = None, **settings: Any) -> None:
        self.lock = threading.RLock()
        self.world = World(store, clock or WallClock(), **settings)
        self.faults = Faults(store)
        self.delivery = Delivery(self.world, self.lock)
        self._keys = KeysInUse()
        self._asked = 0
        boots = int(store.fact("boots", 0)) + 1
        store.set_fact("boots", boots)
        self._boot = f"{store.fact('seed')[:6]}{boots:04}"

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Answer a request, or raise Cut where a fault ends the connection."""
        parts = urlsplit(path)
        self._asked += 1
        request = Request(
            method,
            parts.path,
            parts.query,
            {name.lower(): value for name, value in headers.items()},
            body,
            f"req_{self._boot}{self._asked:06}",
        )
        if request.path.startswith("/_control/"):
            return control.answer(self, request)
        if request.path.startswith("/c/"):
            with self.lock:
                self.tick()
                return pages.answer(self, request)
        return self._api(request)

    def set_webhook(self, url: str, secret: str) -> None:
        """Send every event to this address, signed with this secret."""
        with self.lock, self.world.store.transaction():
            name = "we_configured"
            found = self.world.store.get(name) or customers.create_endpoint(
                self.world, {"url": url, "enabled_events": ["*"]}
            )
            found.pop("secret", None)
            if found["id"] != name:
                self.world.store.forget(found["id"])
            self.world.save({**found, "id": name, "url": url, "_secret": secret})

    def tick(self) -> int:
        """Do what has come due by the fake's clock."""
        with self.lock:
            return plans.run_due(self.world)

    # The API

    def _api(self, request: Request) -> Answer:
        with self.lock:
            fault = self.faults.take(request.method, request.path)
        if fault and fault.do == "drop_before":
            raise Cut
        try:
            if fault:
                self._refuse(fault)
            self._authorise(request)
            with self._keys.claimed(self._scoped(request.key)):
                if fault and fault.do == "stall":
                    self.world.clock.sleep(fault.seconds)
                answer = self._once(request, fault)
        except ApiError as error:
            answer = self._failed(request, error)
        if fault and fault.do == "stall_after":
            self.world.clock.sleep(fault.seconds)
        if fault and fault.do == "commit_then_drop":
            raise Cut
        if fault and fault.do == "cut_mid_body":
            raise Cut(answer[2][: len(answer[2]) // 2])
        return answer

    def _refuse(self, fault: Fault) -> None:
        if fault.do == "error_500_before":
            raise ApiError("An unknown error occurred", status=500, kind="api_error")
        if fault.do == "rate_limit_429":
            raise ApiError(
                "Request rate limit exceeded.",
                status=429,
                code="rate_limit",
            )

    def _authorise(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        kind, _, key = given.partition(" ")
        if kind.lower() == "basic":
            key = base64.b64decode(key).decode().partition(":")[0]
        if not key:
            raise ApiError(
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth.",
                status=401,
            )
        if key != self.world.api_key:
            shown = key[:8] + "*" * max(len(key) - 12, 0) + key[-4:]
            raise ApiError(f"Invalid API Key provided: {shown}", status=401)
        account = request.headers.get("stripe-account")
        if account and account != self.world.account:
            raise ApiError(
                f"The provided key does not have access to account '{account}' (or that account"
                " does not exist). Application access may have been revoked.",
                status=403,
                code="account_invalid",
            )

    def _scoped(self, key: str | None) -> str | None:
        return key or None

    def _once(self, request: Request, fault: Fault | None) -> Answer:
        """Carry a request out, unless its key has an answer already."""
        with self.lock:
            self.tick()
            given = self._given(request)
            key = self._scoped(request.key)
            print_ = fingerprint(request.method, request.path, given) if key else ""
            if key:
                with self.world.store.transaction():
                    kept = replay(self.world.store, self.world.now, key, print_)
                if kept:
                    status, body, first = kept
                    extra = {"Idempotent-Replayed": "true", "Original-Request": first}
                    return status, {**self._headers(request), **extra}, body
            route, ids = routes.find(request.method, request.path)
            checked = params.check(route.shape, given)
            return self._run(request, route, ids, checked, fault, key, print_)

    def _run(
        self,
        request: Request,
        route: routes.Route,
        ids: list[str],
        checked: dict[str, Any],
        fault: Fault | None,
        key: str | None,
        print_: str,
    ) -> Answer:
        """Deed and kept answer in one transaction; a refusal undoes the deed, no decline does."""
        world = self.world
        world.request = {"id": request.id, "idempotency_key": request.key}
        paths = checked.pop("expand", None) or []
        status = 200
        try:
            with world.store.transaction():
                try:
                    found = expand(world, route.verb(world, ids, checked), paths)
                    body = _json(found)
                except ApiError as error:
                    if not error.keep:
                        raise
                    status, body = error.status, self._error_body(request, error)
                if fault and fault.do == "error_500_after":
                    lost = ApiError("An unknown error occurred", status=500, kind="api_error")
                    status, body = 500, self._error_body(request, lost)
                if key:
                    world.store.keep_answer(key, print_, world.now, request.id, status, body)
        except BadRequest:
            raise
        except ApiError as error:
            status, body = error.status, self._error_body(request, error)
            if key:
                with world.store.transaction():
                    world.store.keep_answer(key, print_, world.now, request.id, status, body)
        finally:
            world.request = {"id": None, "idempotency_key": None}
        self.delivery.wake()
        return status, self._headers(request), body

    def _given(self, request: Request) -> dict[str, Any]:
        """The parameters, from the address or from the body."""
        try:
            if request.method in ("GET", "DELETE"):
                return read_form(request.query)
            kind = request.headers.get("content-type", "")
            if kind.startswith("multipart/form-data"):
                return read_multipart(request.body, kind)
            return read_form(request.body.decode())
        except (UnicodeDecodeError, ValueError) as error:
            raise BadRequest("The request body could not be read.") from error

    def _headers(self, request: Request) -> dict[str, str]:
        found = {
            "Content-Type": "application/json",
            "Request-Id": request.id,
            "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
        }
        for name in ("Stripe-Account", "Idempotency-Key"):
            if name.lower() in request.headers:
                found[name] = request.headers[name.lower()]
        return found

    def _failed(self, request: Request, error: ApiError) -> Answer:
        return error.status, self._headers(request), self._error_body(request, error)

    def _error_body(self, request: Request, error: ApiError) -> bytes:
        url = f"https://dashboard.stripe.com/test/logs/{request.id}"
        return _json({"error": {**error.error, "request_log_url": url}})


def _json(found: object) -> bytes:
    return json.dumps(found).encode()
