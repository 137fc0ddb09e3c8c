"""A stand-in for Stripe beside the demo: the one that the tests use, in a process of its own."""

import secrets
import subprocess
import sys
from pathlib import Path

from config.env import BASE_DIR

# The demo's own process holds its standard input open: when that ends, so does the stand-in.
_running: list[subprocess.Popen[str]] = []


def start(data: Path, billhook: str) -> dict[str, str]:
    """Start it, and say in which settings it is spoken to. Exits where the tests are not installed.

    What it knows is kept in the demo's folder; its events come to `billhook`.
    """
    if not (BASE_DIR / "tests" / "fakes" / "stripe").is_dir():
        sys.exit("--stripe needs a source checkout: the stand-in for Stripe lives in tests/.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = "whsec_" + secrets.token_hex(16)
    command = [sys.executable, "-m", "tests.fakes.stripe", "--port", "0", "--with-parent"]
    command += ["--data", str(data / "stripe.sqlite3"), "--business", "Billhook demo"]
    command += ["--webhook-url", f"{billhook}/webhooks/stripe", "--webhook-secret", secret]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    _running.append(process)
    said = (process.stdout.readline() if process.stdout else "").split()
    if said[:1] != ["ready"]:
        sys.exit("The stand-in for Stripe did not start; `make setup-dev` installs what it needs.")
    return {
        "STRIPE_SECRET_KEY": "sk_test_fake",
        "STRIPE_WEBHOOK_SECRET": secret,
        "STRIPE_API_BASE": said[1],
    }
