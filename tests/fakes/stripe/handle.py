"""What tests hold of a running fake: a process that they start, command, kill and start again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import stripe

_ROOT = Path(__file__).resolve().parents[3]


class ControlError(Exception):
    """The control API refused."""


class StripeFake:
    """The fake in a process of its own, on a free port of loopback.

    with StripeFake(tmp_path / "stripe.sqlite", webhook_url=receiver.url()) as fake:
        client = fake.client()
    """

    api_key = "sk_test_fake"
    account = "acct_1BillhookFake0000"

    def __init__(
        self, data: Path, webhook_url: str | None = None, webhook_secret: str = "whsec_fake"
    ) -> None:
        self.data = data
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, *, max_network_retries: int = 0, **options: Any) -> stripe.StripeClient:
        """The real library, pointed here."""
        return stripe.StripeClient(
            options.pop("api_key", self.api_key),
            base_addresses={"api": self.url, "files": self.url},
            max_network_retries=max_network_retries,
            **options,
        )

    # The process

    def start(self) -> "StripeFake":
        """Start, on the port of before if there was one; returns once it listens."""
        command = [sys.executable, "-m", "tests.fakes.stripe", "--port", str(self.port)]
        command += ["--data", str(self.data), "--api-key", self.api_key, "--account", self.account]
        if self.webhook_url:
            command += ["--webhook-url", self.webhook_url, "--webhook-secret", self.webhook_secret]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        if not said or said[0] != "ready":
            self.kill9()
            raise RuntimeError("the fake of Stripe did not start")
        self.port = int(said[1].rpartition(":")[2])
        return self

    def kill9(self) -> None:
        """SIGKILL, at whatever it is doing."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def restart(self) -> "StripeFake":
        """Kill if it runs, and start again on the same file and port."""
        self.kill9()
        return self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def __enter__(self) -> "StripeFake":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # The control API

    def control(self, verb: str, **given: Any) -> Any:
        """One verb of the control API; raises ControlError with what it says is wrong."""
        request = urllib.request.Request(
            f"{self.url}/_control/{verb}", json.dumps(given).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ControlError(json.load(error)["error"]["message"]) from None

    def advance(self, seconds: int = 0, *, days: int = 0) -> int:
        """Move the clock on; answers the time by it."""
        return int(self.control("clock", seconds=seconds, days=days)["now"])

    def pay(self, session: str, card: str = "4242424242424242", **given: Any) -> dict[str, Any]:
        """Pay a Checkout Session without a browser; a decline comes back as {"error": …}."""
        found: dict[str, Any] = self.control("pay", session=session, card=card, **given)
        return found

    def pay_by_bank(
        self, session: str, account: str = "000123456789", **given: Any
    ) -> dict[str, Any]:
        found: dict[str, Any] = self.control("pay", session=session, account=account, **given)
        return found

    def fault(self, do: str, method: str = "*", path: str = "/v1/", **given: Any) -> None:
        """Let the next request that fits go wrong; see `faults.KINDS`."""
        self.control("faults", do=do, method=method, path=path, **given)

    def clear_faults(self) -> None:
        self.control("faults", clear=True)

    def deliver_badly(self, **script: Any) -> None:
        """drop=0.3, seed=1, duplicate=2, hold=True, account="acct_other", stale=600."""
        self.control("delivery", **script)

    def deliver_well(self) -> None:
        self.control("delivery", reset=True)

    def release_events(self, shuffle: int | None = None) -> int:
        return int(self.control("events/release", shuffle=shuffle)["sent"])

    def flush_events(self) -> int:
        """Send what is due now, and return when it is sent."""
        return int(self.control("events/flush")["sent"])

    def redeliver(self, *events: str) -> int:
        """Send these events once more, or all that never arrived."""
        return int(self.control("events/deliver", events=list(events))["sent"])

    def payout(self, status: str = "paid", **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.control("payouts/create", status=status, **given)
        return found

    def state(self, *kinds: str) -> dict[str, Any]:
        """Every object by kind, or only these kinds."""
        found: dict[str, Any] = self.control("state", **({"kinds": kinds} if kinds else {}))
        return found

    def totals(self) -> dict[str, Any]:
        """What was booked, by currency and type of balance transaction."""
        found: dict[str, Any] = self.control("totals")
        return found
