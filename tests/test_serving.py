"""`manage.py demo` as its users start it: one process, one folder, one line of JSON."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from checkout.demo import EMAIL
from config.bodies import MOST_BYTES
from config.env import BASE_DIR
from config.launch import arrange_environment
from config.management.commands.demo import spare_others
from invoicing.models import User

pytestmark = [pytest.mark.once, pytest.mark.same_everywhere]

Start = Callable[..., "Demo"]


class Demo:
    """A demo in a process of its own."""

    def __init__(self, data: Path, port: int) -> None:
        # Nothing of this run's settings reaches it: a demo stands alone.
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.log = data.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "manage.py", "demo", "--json"),
                    *("--port", str(port), "--data", str(data)),
                ],
                cwd=BASE_DIR,
                env=keep,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def account(self) -> dict[str, Any]:
        """Its first line, which comes when it answers."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        return json.loads(line)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Stop it and return the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        return time.monotonic() - began


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start demos in one folder, and leave none behind."""
    demos: list[Demo] = []

    def start_one(port: int) -> Demo:
        demos.append(Demo(tmp_path / "demo", port))
        return demos[-1]

    yield start_one
    for demo in demos:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait(20)


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(url: str) -> tuple[int, dict[str, Any]]:
    """Ask once."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def eventually(happens: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something comes true in time."""
    ends = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)
    return True


def is_listening(port: int) -> bool:
    """Whether anyone answers on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def descendants(pid: int) -> list[str]:
    """The commands of all processes that this one has started, and those have started."""
    table = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in table.splitlines()]
    family = found = {pid}
    while found:
        found = {int(row[0]) for row in rows if int(row[1]) in family} - family
        family = family | found
    return [row[2] for row in rows if int(row[0]) in family - {pid}]


def refused(connection: HTTPConnection, size: int, sent: int) -> tuple[int, str | None]:
    """What a request without a key is answered, of whose `size` bytes of body so many are sent."""
    connection.putrequest("POST", "/v1/invoices")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    connection.send(b" " * sent)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Connection")


def test_a_demo_serves_works_stops_and_comes_back_with_the_same_keys(
    start: Start, port: int, tmp_path: Path
) -> None:
    demo = start(port)
    account = demo.account()
    assert set(account) == {"url", "api_key", "live_api_key", "email", "password"}
    assert account["url"] == f"http://127.0.0.1:{port}"
    assert account["api_key"].startswith("bh_test_")
    assert account["live_api_key"].startswith("bh_live_")
    # The line came when the server answered, and the worker follows.
    assert get(f"{account['url']}/healthz") == (200, {"status": "ok"})
    assert eventually(lambda: get(f"{account['url']}/readyz")[0] == 200)
    for name in ("demo.json", "secret_key", "key_pepper"):
        assert stat.S_IMODE((tmp_path / "demo" / name).stat().st_mode) == 0o600
    # A connection survives what is refused before its body is read, or is said to end.
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.connect()
        connection.auto_open = 0
        for _ in range(5):
            assert refused(connection, 200_000, 200_000) == (401, None)
        assert refused(connection, 2 * MOST_BYTES, MOST_BYTES) == (401, "close")
    # What makes PDFs does not wait for the first who wants one, and leaves with the server.
    assert eventually(lambda: any("pdf_child" in line for line in descendants(demo.process.pid)))

    assert demo.stop() < 5
    assert demo.process.returncode == 0
    assert not is_listening(port)

    again = start(port)
    assert again.account() == account
    assert again.stop(signal.SIGINT) < 5

    # No worker outlives a server that was killed.
    killed = start(port)
    assert killed.account() == account
    killed.stop(signal.SIGKILL)
    assert eventually(lambda: not is_listening(port))


@pytest.mark.parametrize(
    ("options", "environment", "folder"),
    [
        ([], {}, BASE_DIR / "data" / "demo"),
        ([], {"DATA_DIR": "/srv/there"}, Path("/srv/there")),
        (["--data", "/srv/elsewhere"], {"DATA_DIR": "/srv/there"}, Path("/srv/elsewhere")),
    ],
)
def test_the_environment_says_where_a_demo_is_kept_unless_an_option_does(
    monkeypatch: pytest.MonkeyPatch, options: list[str], environment: dict[str, str], folder: Path
) -> None:
    monkeypatch.setattr(os, "environ", dict(environment))
    arrange_environment(["demo", *options])
    assert os.environ["DATA_DIR"] == str(folder)


@pytest.mark.django_db
def test_where_somebody_works_no_demo_is_made(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    User.objects.create_user(EMAIL)
    spare_others()
    User.objects.create_user("ada@engines.example")
    with pytest.raises(CommandError, match="holds an installation that is no demo"):
        spare_others()
    (tmp_path / "demo.json").touch()
    spare_others()


def test_a_taken_port_is_refused(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        demo = start(port)
        assert demo.process.wait(60) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in demo.log.read_text()
