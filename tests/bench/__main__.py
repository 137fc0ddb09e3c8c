"""`make bench`: one table of medians, spreads and ratios.

Ours and the bare view answer from the same server process, in turns, so that whatever else the
machine does meets both. The server is granian on the database that DATABASE_URL names.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 8
KEY = "bare-key"
LINES = [
    {"description": "Design hours", "quantity": "12.5", "unit_price": "95"},
    {"description": "Icon set", "quantity": "24", "unit_price": "18.50"},
]


def main() -> None:
    """Prepare a database, start the server, measure in turns and print the table."""
    if not shutil.which("wrk"):
        sys.exit("Please install wrk (Debian: apt-get install wrk), then try again.")
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
            "DATA_DIR": folder,
            "PUBLIC_URL": "http://127.0.0.1:8765",
        }
        prepared = subprocess.run(
            [sys.executable, "-m", "tests.bench.prepare"],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        known = json.loads(prepared.stdout.splitlines()[-1])
        with _server(environment) as base:
            rows = [_compare(*pair, base, folder) for pair in _pairs(known)]
    database = os.environ.get("DATABASE_URL", "sqlite").split(":")[0]
    print(f"\n{CONNECTIONS} connections, {ROUNDS} turns of {SECONDS} s each, {database}\n")
    print(f"{'what':<18}{'ours/s':>10}{'spread':>9}{'bare/s':>10}{'spread':>9}{'ratio':>8}")
    for what, ours, bare in rows:
        ratio = statistics.median(ours) / statistics.median(bare)
        print(
            f"{what:<18}{statistics.median(ours):>10.0f}{_spread(ours):>9}"
            f"{statistics.median(bare):>10.0f}{_spread(bare):>9}{ratio:>8.2f}"
        )


def _pairs(known: dict[str, str]) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """What is measured: ours beside the bare view."""
    ours = {"Authorization": f"Bearer {known['key']}"}
    bare = {"Authorization": f"Bearer {KEY}"}
    bare_lines = [{**line, "amount": 118750} for line in LINES]
    return [
        (
            "create invoice",
            {
                "path": "/v1/invoices",
                "headers": ours,
                "body": {"customer_id": known["customer"], "line_items": LINES},
            },
            {
                "path": "/bare/invoices",
                "headers": bare,
                "body": {
                    "number": "INV-0001",
                    "customer_name": "Cleo",
                    "currency": "USD",
                    "total": 163150,
                    "lines": bare_lines,
                },
            },
        ),
        (
            "get invoice",
            {"path": f"/v1/invoices/{known['invoice']}", "headers": ours},
            {"path": f"/bare/invoices/{known['bare']}", "headers": bare},
        ),
    ]


def _compare(
    what: str, ours: dict[str, object], bare: dict[str, object], base: str, folder: str
) -> tuple[str, list[float], list[float]]:
    measured: tuple[list[float], list[float]] = ([], [])
    for asked in (ours, bare):
        _check(base, asked)
        _wrk(base, asked, folder, seconds=1)
    for _ in range(ROUNDS):
        for rates, asked in zip(measured, (ours, bare), strict=True):
            rates.append(_wrk(base, asked, folder, seconds=SECONDS))
    return what, *measured


def _check(base: str, asked: dict[str, object]) -> None:
    """A benchmark of errors is fast and worthless."""
    request = urllib.request.Request(base + str(asked["path"]), headers=asked["headers"])  # type: ignore[arg-type]  # noqa: S310
    if "body" in asked:
        request.data = json.dumps(asked["body"]).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert answer.status in (200, 201)


def _wrk(base: str, asked: dict[str, object], folder: str, *, seconds: int) -> float:
    """Requests per second, none of which may have failed."""
    headers: dict[str, str] = {**asked["headers"]}  # type: ignore[dict-item]
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    if "body" in asked:
        lines += [
            'wrk.method = "POST"',
            'wrk.headers["Content-Type"] = "application/json"',
            f"wrk.body = [==[{json.dumps(asked['body'])}]==]",
        ]
    script = Path(folder) / "ask.lua"
    script.write_text("\n".join(lines))
    printed = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]  # noqa: S607
        + [base + str(asked["path"])],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        sys.exit(f"requests failed:\n{printed}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found
    return float(found[1])


@contextmanager
def _server(environment: dict[str, str]):  # type: ignore[no-untyped-def]
    base = environment["PUBLIC_URL"]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", base.rsplit(":", 1)[1], "--threads", "1"],
        env=environment,
    )
    try:
        _until(lambda: urllib.request.urlopen(f"{base}/healthz").status == 200)  # noqa: S310
        yield base
    finally:
        process.terminate()
        process.wait(10)


def _until(ready: Callable[[], bool]) -> None:
    for _ in range(300):
        try:
            if ready():
                return
        except OSError:
            pass
        subprocess.run(["sleep", "0.1"], check=True)  # noqa: S607
    sys.exit("the server did not start")


def _spread(rates: list[float]) -> str:
    """Half the distance between the extremes, relative to the median."""
    middle = statistics.median(rates)
    return f"±{(max(rates) - min(rates)) / 2 / middle:.0%}"


if __name__ == "__main__":
    main()
