"""What every test stands on: the browser, a fresh cache, and nothing that leaves this machine."""

import os
import shutil
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

# Playwright's event loop runs in the thread of the test, where Django then refuses its ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

pytest_plugins = [
    "tests.nothing_skipped",
    *(f"tests.{path.stem}" for path in sorted(Path(__file__).parent.glob("fixtures*.py"))),
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the system's Chromium where there is one, else the browser Playwright brought."""
    return {
        **browser_type_launch_args,
        "executable_path": os.environ.get("CHROMIUM") or shutil.which("chromium"),
        "args": ["--no-sandbox", "--disable-dev-shm-usage"],
    }


@pytest.fixture(scope="session", autouse=True)
def _names_stay_here() -> Iterator[None]:
    """Refuse to ask a name server: connections are held by pytest-socket, look-ups are not."""
    resolve = socket.getaddrinfo

    def resolve_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests may not look up {host!r}")
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve_here)
        yield


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == socket.gethostname() or name.split(".")[-1] == "localhost":
        return True
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def _fresh_cache(settings: Any) -> Iterator[None]:
    """Forget counters and cached answers of the test before."""
    yield
    from django.core.cache import cache

    if not settings.CACHES["default"]["BACKEND"].endswith("RedisCache"):
        cache.clear()
        return
    # Redis also holds the broker and the keys of other runs, so only our own go.
    client = cache._cache.get_client()
    ours = list(client.scan_iter(f"{settings.CACHES['default']['KEY_PREFIX']}:*"))
    if ours:
        client.delete(*ours)
