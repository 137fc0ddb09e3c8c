"""Run the fake: `python -m tests.fakes.stripe --port 12111 --data stripe.sqlite`."""

import argparse
import os
import sys
import threading

from tests.fakes.stripe.app import Application
from tests.fakes.stripe.server import Server
from tests.fakes.stripe.store import Store


def main() -> None:
    """Serve until killed; says `ready` and its address once it listens."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="0 takes a free one")
    parser.add_argument("--data", default=":memory:", help="SQLite file; made where it is missing")
    parser.add_argument("--api-key", default="sk_test_fake")
    parser.add_argument("--account", default="acct_1BillhookFake0000")
    parser.add_argument("--business", default="Fake business", help="the name on the pages")
    parser.add_argument("--webhook-url", help="where all events go")
    parser.add_argument("--webhook-secret", default="whsec_fake", help="what signs them")
    parser.add_argument("--public-url", help="how payers reach the hosted pages")
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input is closed"
    )
    given = parser.parse_args()
    if given.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    app = Application(
        Store(given.data),
        api_key=given.api_key,
        account=given.account,
        business=given.business,
    )
    server = Server(given.port, app)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    app.world.public_url = given.public_url or url
    if given.webhook_url:
        app.set_webhook(given.webhook_url, given.webhook_secret)
    app.delivery.start(app.tick)
    print(f"ready {url}", flush=True)
    server.serve_forever(0.1)


def _end_with_parent() -> None:
    """Whoever started this holds its standard input: it closes when they end, however they do."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
