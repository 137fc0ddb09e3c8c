"""The wiring: settings from the environment, headers, health, and the guards of the test run."""

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from pytest_socket import SocketConnectBlockedError

from config.env import BASE_DIR, Environment
from config.tasks import show_life
from config.timetable import TIMETABLE

SHARED = {"SECRET_KEY": "s", "KEY_PEPPER": "p"}


def environment(**values: object) -> Environment:
    """Read these values and nothing else of the environment."""
    return Environment(_env_file=None, **values)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    text = (BASE_DIR / ".env.example").read_text()
    listed = dict(re.findall(r"^#? ?([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))
    assert set(listed) == set(Environment.model_fields)
    # Taken as it stands, the file changes nothing.
    written = environment(**{name: value for name, value in listed.items() if value})
    assert written == environment().model_copy(update={"DATA_DIR": Path("data")})


def test_secrets_are_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    env = environment(DATA_DIR=tmp_path)
    assert len(env.secret_key) == 64
    assert env.key_pepper != env.secret_key
    assert environment(DATA_DIR=tmp_path).secret_key == env.secret_key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key_pepper", "secret_key"]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_shared_database_needs_shared_secrets() -> None:
    url = "postgres://db/billhook"
    with pytest.raises(ValidationError, match="SECRET_KEY must be set"):
        environment(DATABASE_URL=url, KEY_PEPPER="p")
    with pytest.raises(ValidationError, match="KEY_PEPPER must be set"):
        environment(DATABASE_URL=url, SECRET_KEY="s")
    assert environment(DATABASE_URL=url, **SHARED).database_url == url


def test_the_public_url_decides_hosts_and_tls() -> None:
    local = environment(PORT=8123)
    assert local.public_url == "http://127.0.0.1:8123"
    assert not local.https
    assert {"127.0.0.1", "localhost", "[::1]", "wraith.localhost"} <= set(local.allowed_hosts)

    public = environment(
        PUBLIC_URL="https://bills.example.com/",
        ALLOWED_HOSTS="a.example.com, b.example.com",
        COMPAT_HOSTS="gwop=gwop.example.com",
    )
    assert public.public_url == "https://bills.example.com"
    assert public.https
    assert public.compat_hosts["gwop.example.com"] == "gwop"
    assert {"bills.example.com", "a.example.com", "b.example.com", "gwop.example.com"} <= set(
        public.allowed_hosts
    )
    assert "127.0.0.1" not in public.allowed_hosts


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com", "example.com", "https://example.com/bills", "https://u@example.com"),
        "https://bücher.example",
    ],
)
def test_a_public_url_that_would_break_links_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="PUBLIC_URL"):
        environment(PUBLIC_URL=url)


def test_rate_limits_are_read_scope_by_scope() -> None:
    usual = {
        "api": (100, 1),
        "public": (60, 60),
        "begin": (20, 600),
        "page": (600, 600),
        "portal": (20, 600),
    }
    assert environment().rate_limits == usual
    assert environment(RATE_LIMITS="off").rate_limits == {}
    assert environment(RATE_LIMITS="api=5/h,login=3/d").rate_limits == {
        **usual,
        "api": (5, 3600),
        "login": (3, 86400),
    }
    for wrong in ("api", "api=5", "api=5/w", "api=０/s", "api=-1/s", "api=0/s"):
        with pytest.raises(ValueError, match="RATE_LIMITS"):
            _ = environment(RATE_LIMITS=wrong).rate_limits


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mailbox:", {"kind": "mailbox"}),
        ("smtp://127.0.0.1:2525", {"host": "127.0.0.1", "port": 2525, "tls": "none"}),
        ("smtp://mail.example.com", {"port": 587, "tls": "starttls"}),
        ("smtp://mail.example.com?tls=none", {"port": 25, "tls": "none"}),
        ("smtps://mail.example.com", {"port": 465, "tls": "implicit"}),
        ("smtp://a%40b.c:p%3Aw@mail.example.com", {"user": "a@b.c", "password": "p:w"}),
    ],
)
def test_mail_goes_where_the_url_says(url: str, expected: dict[str, object]) -> None:
    transport = environment(EMAIL_URL=url).mail_transport
    assert {name: transport[name] for name in expected} == expected


def test_a_redis_broker_brings_its_cache_and_takes_the_worker_out() -> None:
    assert environment().embedded
    assert environment().cache_url == ""
    redis = environment(CELERY_BROKER_URL="redis://127.0.0.1/0")
    assert not redis.embedded
    assert redis.cache_url == "redis://127.0.0.1/0"


def test_every_reply_carries_a_request_id(client: object) -> None:
    made = client.get("/healthz")["X-Request-Id"]
    assert re.fullmatch(r"req_[0-9a-f]{24}", made)
    assert client.get("/healthz")["X-Request-Id"] != made
    assert (
        client.get("/healthz", headers={"X-Request-Id": "mine_1-a"})["X-Request-Id"] == "mine_1-a"
    )
    for insane in ("two words", "a" * 65, "naïve", "<b>", ""):
        reply = client.get("/healthz", headers={"X-Request-Id": insane})
        assert reply["X-Request-Id"].startswith("req_")


def test_browsers_are_told_to_trust_nothing(client: object) -> None:
    headers = client.get("/healthz").headers
    policy = headers["Content-Security-Policy"]
    for directive in ("default-src 'self'", "frame-ancestors 'none'", "form-action 'self'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.django_db
def test_readiness_names_what_is_missing(client: object) -> None:
    sick = client.get("/readyz")
    assert sick.status_code == 503
    assert sick.json() == {
        "status": "unavailable",
        "checks": {"database": "ok", "broker": "ok", "worker": "unavailable"},
    }
    show_life()
    well = client.get("/readyz")
    assert well.status_code == 200
    assert well.json()["status"] == "ok"


def test_every_task_of_the_timetable_exists() -> None:
    from config.celery import app

    app.loader.import_default_modules()
    assert {entry["task"] for entry in TIMETABLE.values()} <= set(app.tasks)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_nothing_leaves_this_machine() -> None:
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.com", 80)
    # The control: loopback works.
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()


@pytest.mark.once
@pytest.mark.parametrize(("strict", "code"), [("1", 1), ("0", 0)])
def test_a_skipped_test_fails_the_run_where_nothing_may_be_skipped(
    tmp_path: Path, strict: str, code: int
) -> None:
    (tmp_path / "test_lazy.py").write_text(
        "import pytest\n\n"
        "def test_never():\n    pytest.skip('later')\n\n"
        "def test_fine():\n    pass\n"
    )
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.nothing_skipped"),
            *("-p", "no:django", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)),
        ],
        cwd=BASE_DIR,
        env={**os.environ, "BILLHOOK_NOTHING_SKIPPED": strict},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout
    assert "1 passed, 1 skipped" in run.stdout
    assert ("skipped tests fail this run" in run.stdout) == (strict == "1")
