"""One served Billhook for all examples: a process of its own with its worker, and a chain beside.

Its database is a copy of the tests' own, which costs nothing, with Ada's business in it.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from django.db import connection

from tests import factories
from tests.e2e.running import free_port

if TYPE_CHECKING:
    from tests.fakes.chain.devnet import Devnet

ROOT = Path(__file__).parents[2]
WALLET_KEY = "0x" + "c1e0" * 16


@dataclass
class Served:
    """A Billhook that answers."""

    url: str
    key: str
    devnet: "Devnet"
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """What a program of ours is started with."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "BILLHOOK": self.url,
            "KEY": self.key,
            **more,
        }

    def start(self, program: str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        """Start an example."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / program), *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Run an example to its end: its exit status and what it said."""
        process = self.start(program, *arguments, **more)
        said, complained = process.communicate(timeout=60)
        return process.returncode, said, complained

    def api(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
            trust_env=False,
        )


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve in this folder. The tests' database must be there and open to this process."""
    # Its libraries take a second to import, which other tests need not wait.
    from eth_account import Account

    from tests.fakes.chain.devnet import Devnet

    database = folder / "served.sqlite3"
    key = _a_copy_with_ada(database)
    url = f"http://127.0.0.1:{free_port()}"
    with Devnet() as devnet:
        devnet.mint(Account.from_key(WALLET_KEY).address, 1_000_000_000)
        environment = {
            **os.environ,
            **devnet.settings(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"sqlite:///{database}",
            "CELERY_BROKER_URL": "",
            "CACHE_URL": "",
            "DATA_DIR": str(folder),
            "PUBLIC_URL": url,
            "RATE_LIMITS": "off",
            "WEBHOOK_ALLOW_PRIVATE": "1",
            "X402_FACILITATOR_URL": "local",
            "X402_SIGNER_KEY": devnet.accounts[8].key.hex(),
        }
        log = folder / "served.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", url.rpartition(":")[2]],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=file,
            )
        try:
            transport = httpx.HTTPTransport(retries=8)  # waits twice as long each time
            with httpx.Client(transport=transport, trust_env=False) as client:
                assert client.get(f"{url}/healthz").status_code == 200, log.read_text()
            yield Served(url, key, devnet, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _a_copy_with_ada(database: Path) -> str:
    """Copy the tests' database, open Ada's business in the copy, and return her test key."""
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(database)) as copy:
        connection.connection.backup(copy)
    connection.close()
    theirs = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = str(database)
    try:
        return factories.given_a_key(factories.given_a_merchant())
    finally:
        connection.close()
        connection.settings_dict["NAME"] = theirs
