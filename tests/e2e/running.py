"""A whole Billhook in processes of its own, with a real mail server and a real receiver beside it.

On SQLite it is `manage.py demo`: one process. With DATABASE_URL and CELERY_BROKER_URL it is a web
server, a worker and a timetable, each a process that can be killed.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook

from tests.fakes.stripe.handle import StripeFake

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


class MailServer:
    """A real SMTP server on loopback that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: queue.Queue[EmailMessage] = queue.Queue()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.put(mail)
        return "250 taken"

    def next_to(self, address: str) -> EmailMessage:
        """The next mail to this address; others are let go by."""
        while True:
            mail = self.mails.get(timeout=PATIENCE_SECONDS)
            if mail["To"] == address:
                return mail

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class Receiver:
    """A merchant's webhook endpoint, which verifies with the official client."""

    def __init__(self) -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.secret = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # Raises, and so answers nothing, when the signature is wrong.
                event = Webhook(receiver.secret).verify(body, dict(self.headers))
                receiver.events.put(event)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def until(self, types: set[str], recipient: str) -> dict[str, dict[str, Any]]:
        """The events about this recipient's invoices by type, once all of these have been heard.

        Workers deliver side by side, so they come in any order.
        """
        heard: dict[str, dict[str, Any]] = {}
        while not types <= heard.keys():
            event = self.events.get(timeout=PATIENCE_SECONDS)
            if event["data"]["recipient"]["email"] == recipient:
                heard[event["type"]] = event
        return heard

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Running:
    """A Billhook that answers, and how to get in."""

    url: str
    api_key: str
    live_api_key: str
    email: str
    password: str
    mail: MailServer
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def api(self, key: str | None = None) -> httpx.Client:
        """A client of its API, as the demo's bot unless another key is given."""
        return httpx.Client(
            base_url=f"{self.url}/v1/",
            headers={"Authorization": f"Bearer {key or self.api_key}"},
            timeout=30,
            trust_env=False,
        )

    def manage(self, *arguments: str) -> str:
        """Run a management command beside it and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, *, stripe: bool = False) -> Iterator[Running]:
    """Start a Billhook with demo data in this folder, and stop it afterwards.

    With `stripe` it takes cards and bank debits on the fake: the demo starts its own.
    """
    port = free_port()
    with MailServer() as mail, contextlib.ExitStack() as stack:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ENV_FILE": "",
            "DATA_DIR": str(folder / "data"),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "EMAIL_URL": mail.url,
            "WEBHOOK_ALLOW_PRIVATE": "1",
            "RATE_LIMITS": "off",
            "LOG_LEVEL": "WARNING",
        }
        started = Running(environment["PUBLIC_URL"], "", "", "", "", mail, environment)
        if os.environ.get("DATABASE_URL", "").startswith("postgres"):
            environment |= stack.enter_context(_services())
            environment["DEMO"] = "1"
            if stripe:
                environment |= stack.enter_context(_stripe(folder, started.url))
            _start_services(started, stack, folder, port)
        else:
            _start_demo(started, stack, folder, port, ["--stripe"] if stripe else [])
        yield started


@contextlib.contextmanager
def _stripe(folder: Path, billhook: str) -> Iterator[dict[str, str]]:
    """The fake of Stripe, and the settings that lead to it."""
    hook = f"{billhook}/webhooks/stripe"
    with StripeFake(folder / "stripe.sqlite", webhook_url=hook) as fake:
        yield {
            "STRIPE_SECRET_KEY": fake.api_key,
            "STRIPE_WEBHOOK_SECRET": fake.webhook_secret,
            "STRIPE_API_BASE": fake.url,
        }


def _start_demo(
    started: Running, stack: contextlib.ExitStack, folder: Path, port: int, more: list[str]
) -> None:
    """One process that holds everything."""
    command = ["demo", "--port", str(port), "--data", str(folder / "data"), "--json", *more]
    web = _start(started, stack, folder, "web", [sys.executable, "manage.py", *command])
    assert web.stdout is not None
    line = web.stdout.readline()
    assert line, (folder / "web.log").read_text()
    started.__dict__.update(json.loads(line))


def _start_services(started: Running, stack: contextlib.ExitStack, folder: Path, port: int) -> None:
    """A web server, a worker and a timetable, each on its own."""
    started.manage("migrate", "--verbosity", "0")
    seeding = "import json; from checkout import demo; print(json.dumps(demo.seed()))"
    seeded = started.manage("shell", "--no-imports", "-c", seeding)
    started.__dict__.update(json.loads(seeded.splitlines()[-1]))
    python = [sys.executable, "-m", "celery", "-A", "config"]
    for name, command in {
        "web": [sys.executable, "manage.py", "serve", "--port", str(port)],
        "worker": [*python, "worker", "--pool", "threads", "--concurrency", "2"],
        "beat": [*python, "beat"],
    }.items():
        _start(started, stack, folder, name, command)
    transport = httpx.HTTPTransport(retries=8)  # waits twice as long each time
    with httpx.Client(transport=transport, trust_env=False) as client:
        assert client.get(f"{started.url}/healthz").status_code == 200


def _start(
    started: Running,
    stack: contextlib.ExitStack,
    folder: Path,
    name: str,
    command: list[str],
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=started.environment,
        stdout=subprocess.PIPE,
        stderr=stack.enter_context((folder / f"{name}.log").open("wb")),
    )
    started.processes[name] = process

    def stop() -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    stack.callback(stop)
    return process


@contextlib.contextmanager
def _services() -> Iterator[dict[str, str]]:
    """A PostgreSQL database of its own, and a Redis database that was emptied."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    name = f"billhook_e2e_{os.getpid()}"
    broker = os.environ["CELERY_BROKER_URL"].rsplit("/", 1)[0] + f"/{2 + os.getpid() % 12}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        try:
            yield {
                "DATABASE_URL": f"{server}/{name}",
                "CELERY_BROKER_URL": broker,
                "CACHE_URL": broker,
                "SECRET_KEY": "the-same-in-every-process-of-this-run-and-in-no-other",
                "KEY_PEPPER": "the-same-in-every-process-too",
            }
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
