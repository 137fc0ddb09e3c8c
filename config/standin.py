"""Stand-ins beside the demo, the ones that the tests use, each in a process of its own."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

from config.env import BASE_DIR

# The demo's own process holds their standard input open: when that ends, so do they.
_running: list[subprocess.Popen[str]] = []
# Where USDC is sent from on the demo's own chain, if there is one.
wallet = ""


def start_stripe(data: Path, billhook: str) -> dict[str, str]:
    """Start a stand-in for Stripe, and say in which settings it is spoken to.

    What it knows is kept in the demo's folder; its events come to `billhook`. Exits where the tests
    are not installed.
    """
    secret = "whsec_" + secrets.token_hex(16)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = _start(
        "stripe",
        *("--port", "0", "--data", str(data / "stripe.sqlite3"), "--business", "Billhook demo"),
        *("--webhook-url", f"{billhook}/webhooks/stripe", "--webhook-secret", secret),
    )
    return {
        "STRIPE_SECRET_KEY": "sk_test_fake",
        "STRIPE_WEBHOOK_SECRET": secret,
        "STRIPE_API_BASE": address,
    }


def start_chain(data: Path) -> dict[str, str]:
    """Start a chain with USDC that is worth nothing, and say in which settings it is read.

    It is kept in the demo's folder. Exits where the tests are not installed.
    """
    global wallet
    said = json.loads(_start("chain", "--data", str(data / "chain")))
    wallet = said["wallet"]
    return {
        "USDC_CHAINS": said["USDC_CHAINS"],
        "USDC_NETWORKS": said["USDC_NETWORKS"],
        "X402_FACILITATOR_URL": "local",
        "X402_SIGNER_KEY": said["signer"],
    }


def _start(name: str, *arguments: str) -> str:
    """What the stand-in says once it listens."""
    if not (BASE_DIR / "tests" / "fakes" / name).is_dir():
        sys.exit(f"--{name} needs a source checkout: its stand-in lives in tests/.")
    command = [sys.executable, "-m", f"tests.fakes.{name}", "--with-parent", *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _running.append(process)
    word, _, said = (process.stdout.readline() if process.stdout else "").partition(" ")
    if word != "ready":
        sys.exit(
            f"The stand-in for --{name} did not start; `make setup-dev` installs what it needs."
        )
    return said.strip()
