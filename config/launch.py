"""The options of `serve` and `demo` that settings depend on, read before settings are loaded."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from config import standin
from config.env import BASE_DIR


def add_serve_arguments(parser: ArgumentParser) -> None:
    """Declare where to listen and with how many processes and threads."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on (PORT, else 8000)")
    parser.add_argument(
        "--workers", type=int, help="processes (one per core; one without a broker)"
    )
    parser.add_argument("--threads", type=int, default=8, help="threads of each process")


def add_demo_arguments(parser: ArgumentParser) -> None:
    """Declare where to listen, what to keep and how to say so."""
    add_serve_arguments(parser)
    parser.add_argument(
        "--data", type=Path, help="folder to keep the demo in (DATA_DIR, else data/demo)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line first")
    parser.add_argument(
        "--stripe",
        action="store_true",
        help="try cards and bank debits on a stand-in for Stripe, which takes no real money",
    )
    parser.add_argument(
        "--chain",
        action="store_true",
        help="try USDC on a chain of the demo's own, whose money is worth nothing",
    )


def _stand_ins(options: Namespace) -> None:
    """Start what is asked for beside the demo, unless the environment names the real thing."""
    data = Path(os.environ["DATA_DIR"])
    if options.stripe and not os.environ.get("STRIPE_SECRET_KEY"):
        os.environ.update(standin.start_stripe(data, _address()))
    if options.chain and not os.environ.get("USDC_CHAINS"):
        os.environ.update(standin.start_chain(data))


def arrange_environment(arguments: list[str]) -> None:
    """Turn the options of `serve` and `demo` into environment, so that settings follow them.

    A demo stands alone: its own folder (--data, else DATA_DIR, else data/demo), SQLite, the worker
    inside, mail kept in the database, and webhooks to this machine allowed; no `.env` file is
    read.
    """
    if not arguments or arguments[0] not in ("serve", "demo"):
        return
    parser = ArgumentParser(add_help=False)
    add_demo_arguments(parser)
    options, _ = parser.parse_known_args(arguments[1:])
    if options.port:
        os.environ["PORT"] = str(options.port)
    if arguments[0] == "demo":
        folder = options.data or os.environ.get("DATA_DIR") or BASE_DIR / "data" / "demo"
        os.environ.update(
            ENV_FILE="",
            DATA_DIR=str(Path(folder).absolute()),
            DATABASE_URL="",
            CELERY_BROKER_URL="",
            CACHE_URL="",
            WEBHOOK_ALLOW_PRIVATE="1",
            DEMO="1",
        )
        _stand_ins(options)


def _address() -> str:
    """Where the demo itself will be, as its settings will say."""
    return os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
