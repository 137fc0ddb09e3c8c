"""The real library without a network: requests go straight into the application."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.fakes.stripe.app import Application
from tests.fakes.stripe.errors import Cut
from tests.fakes.stripe.store import Store
from tests.fakes.stripe.world import VirtualClock


class InProcessClient(stripe.HTTPClient):
    """An HTTP client for `StripeClient(key, http_client=…)` that asks an Application.

    `before` and `after` are called around each request; what they raise goes to the caller, so
    that a simulator may crash there. An answer that took longer than `timeout` seconds by the
    fake's clock is not waited for.
    """

    name = "in_process"

    def __init__(
        self,
        app: Application,
        before: Callable[[str, str], None] = lambda method, path: None,
        after: Callable[[str, str], None] = lambda method, path: None,
        timeout: float | None = None,
    ) -> None:
        super().__init__()
        self.app = app
        self.before = before
        self.after = after
        self.timeout = timeout

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        self.before(method, path)
        began = self.app.world.clock.now()
        try:
            status, answered, content = self.app.handle(
                method.upper(), path, dict(headers or {}), body
            )
        except Cut as cut:
            raise stripe.APIConnectionError(
                "The connection to the fake was cut.", should_retry=not cut.sent
            ) from None
        if self.timeout is not None and self.app.world.clock.now() - began > self.timeout:
            raise stripe.APIConnectionError("The fake took too long.", should_retry=True)
        self.after(method, path)
        lowered = {name.lower(): value for name, value in answered.items()}
        return content.decode(), status, lowered

    def close(self) -> None:
        pass


class InProcessStripe:
    """A fake in memory with a clock that stands still: made in a moment, alike for one seed."""

    api_key = "sk_test_fake"

    def __init__(self, seed: str = "0", clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.app = Application(Store(seed=seed), self.clock, api_key=self.api_key)
        self.http = InProcessClient(self.app)

    def client(self) -> stripe.StripeClient:
        """The real library, asking this fake."""
        return stripe.StripeClient(self.api_key, http_client=self.http, max_network_retries=0)

    def control(self, verb: str, **given: Any) -> Any:
        """One verb of the control API, as over HTTP."""
        body = json.dumps(given).encode()
        status, _, answer = self.app.handle("POST", f"/_control/{verb}", {}, body)
        found = json.loads(answer)
        if status != 200:
            raise ValueError(found["error"]["message"])
        return found

    def pump(self, send: Callable[[str, dict[str, str], bytes], int]) -> int:
        """Deliver what is due through a function in place of the network."""
        return self.app.delivery.pump(send)
