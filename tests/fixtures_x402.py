"""Wallets that pay by x402, and facilitators that may be asked to settle."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from invoicing import clock
from payments import x402_facilitator, x402_flow
from payments.chain.client import Chain
from tests.fixtures import Api

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from tests.fakes.chain.devnet import Devnet

# The tests' chain pays for gas with the ninth of its accounts.
SIGNER = 8


@dataclass
class Facilitator:
    """A facilitator at an address on loopback, which answers as it is told, or really settles."""

    settle: Callable[[dict[str, Any]], tuple[int, Any]]
    verify: Callable[[dict[str, Any]], tuple[int, Any]] = field(
        default=lambda asked: (200, {"isValid": True})
    )
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def settlements(self) -> list[dict[str, Any]]:
        """What was asked to be settled, in order."""
        return [asked for verb, asked in self.asked if verb == "/settle"]


@pytest.fixture
def on_devnet(settings: Any, devnet: "Devnet", monkeypatch: pytest.MonkeyPatch) -> "Devnet":
    """This installation takes USDC on the tests' own chain, and settles by itself."""
    for name, value in devnet.settings().items():
        setattr(settings, name, value)
    settings.X402_FACILITATOR_URL = "local"
    settings.X402_SIGNER_KEY = devnet.accounts[SIGNER].key.hex()
    # The newest block is as old as the chain, and wallets sign by the clock on the wall.
    devnet.mine()
    x402_facilitator._scheme.cache_clear()
    monkeypatch.setattr(x402_flow, "pause", lambda seconds: None)
    return devnet


@pytest.fixture
def facilitator(settings: Any, on_devnet: "Devnet") -> "Iterator[Facilitator]":
    """A facilitator at an address: it settles on the chain unless a test has it do otherwise."""
    served = Facilitator(settle=lambda asked: (200, settled(on_devnet, asked)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path, asked))
            served.headers.append(dict(self.headers))
            status, answer = (served.settle if self.path == "/settle" else served.verify)(asked)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            if status == 0:  # it hangs up and says nothing
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    settings.X402_FACILITATOR_URL, settings.X402_SIGNER_KEY = served.url, ""
    yield served
    server.shutdown()
    server.server_close()


def settled(devnet: "Devnet", asked: dict[str, Any]) -> dict[str, Any]:
    """Settle as a facilitator does; what it answers."""
    payload = asked["paymentPayload"]["payload"]
    said = payload["authorization"]
    # A database may keep an object's names in another order than that of the contract.
    message = {
        name: int(said[name]) if name in ("value", "validAfter", "validBefore") else said[name]
        for name in ("from", "to", "value", "validAfter", "validBefore", "nonce")
    }
    tx_hash = devnet.settle(message, payload["signature"])
    return {
        "success": True,
        "payer": said["from"],
        "transaction": tx_hash,
        "network": asked["paymentRequirements"]["network"],
    }


@dataclass
class Wallet:
    """A payer's wallet that reads a challenge and signs what it asks for."""

    devnet: "Devnet"
    api: Api
    payer: "LocalAccount"

    def paid_to(self, address: str) -> list[int]:
        """What the chain says that this wallet has paid there."""
        chain = Chain(self.devnet.network())
        found = chain.transfers([address], 0, self.devnet.head)
        return [log.amount for log in found if log.sender == self.payer.address]

    def challenge(self, slug: str) -> dict[str, Any]:
        """What is asked for, in version 2."""
        answer = self.api.post(path_of(slug))
        assert answer.status_code == 402, answer.content
        return decoded(answer, "PAYMENT-REQUIRED")

    def sign(self, slug: str, **changes: Any) -> dict[str, Any]:
        """A PaymentPayload for an invoice. `changes` are to the message that is signed, and
        `payer`, `sender` as devnet.authorization takes them."""
        challenge = self.challenge(slug)
        (wanted,) = challenge["accepts"]
        now = int(clock.wall().timestamp())
        how = {
            "payer": self.payer,
            "valid_after": now - 600,
            "valid_before": now + wanted["maxTimeoutSeconds"],
            **changes,
        }
        to = how.pop("to", wanted["payTo"])
        value = how.pop("value", int(wanted["amount"]))
        message, signature = self.devnet.authorization(to, value, **how)
        texts = {name: str(value) for name, value in message.items()}
        return {
            "x402Version": 2,
            "resource": challenge["resource"],
            "accepted": wanted,
            "payload": {"signature": signature, "authorization": texts},
        }

    def send(self, slug: str, payload: dict[str, Any]) -> Any:
        return self.api.post(path_of(slug), PAYMENT_SIGNATURE=encoded(payload))

    def pay(self, slug: str, **changes: Any) -> Any:
        return self.send(slug, self.sign(slug, **changes))


@pytest.fixture
def wallet(on_devnet: "Devnet", anonymous_api: Api) -> Wallet:
    """Cleo's wallet, with a thousand USDC on the tests' chain.

    The accounts of that chain are those to which the sandbox's key leads, so hers is another.
    """
    from eth_account import Account

    payer = Account.from_key("0x" + "c1e0" * 16)
    on_devnet.mint(payer.address, 1_000_000_000)
    return Wallet(on_devnet, anonymous_api, payer)


def path_of(slug: str) -> str:
    return f"/v1/invoices/pay/{slug}/x402"


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def decoded(answer: Any, header: str) -> dict[str, Any]:
    found = json.loads(base64.b64decode(answer.headers[header], validate=True))
    assert isinstance(found, dict)
    return found
