"""The protocol's own Inspector, by its command line, over HTTP and over stdio."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from checkout.bots.mcp_server import by_name
from config.settings import BASE_DIR
from invoicing.models import Invoice
from tests.checkout.test_mcp_clients import BILL, environment

INSPECTOR = BASE_DIR / "node_modules" / ".bin" / "mcp-inspector"


@cache
def node() -> int:
    """The major version of Node."""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(re.match(r"v(\d+)", said.stdout)[1])  # type: ignore[index]


pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.same_everywhere,
    pytest.mark.skipif("node() < 20", reason="the Inspector needs Node 20"),
]


def inspect(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the Inspector, which keeps nothing where its user lives."""
    found = environment("")
    return subprocess.Popen(
        [str(INSPECTOR), "--cli", *arguments],
        env={"PATH": found["PATH"], "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_by(process: "subprocess.Popen[str]") -> tuple[int, Any, str]:
    """Its exit status, the JSON that it printed, and what it complained of."""
    printed, complained = process.communicate(timeout=60)
    return process.returncode, json.loads(printed) if printed else None, complained


def test_the_inspector_lists_reads_writes_and_is_refused(
    ada_key: str, live_server: Any, tmp_path: Path
) -> None:
    http = (
        f"{live_server.url}/mcp",
        *("--transport", "http", "--header", f"Authorization: Bearer {ada_key}"),
    )
    server = {
        "command": sys.executable,
        "args": [str(BASE_DIR / "manage.py"), "mcp"],
        "env": environment(ada_key),
    }
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"billhook": server}}))
    stdio = ("--config", str(config), "--server", "billhook")
    call = ("--method", "tools/call", "--tool-name")
    bill = (
        *call,
        "create_invoice",
        "--tool-arg",
        *(f"{name}={json.dumps(value)}" for name, value in BILL.items()),
    )

    # Side by side, for each takes a while to begin.
    listing = inspect(tmp_path, *http, "--method", "tools/list", "--strict")
    writing = inspect(tmp_path, *http, *bill)
    refused = inspect(tmp_path, *http, *call, "get_invoice", "--tool-arg", "invoice_id=inv_no")

    made = [said_by(writing)]
    by_stdio = inspect(tmp_path, *stdio, *bill)
    reading = inspect(tmp_path, *http, *call, "list_invoices", "--tool-arg", "limit=5")
    status, told, complained = said_by(listing)
    assert [tool["name"] for tool in told["tools"]] == list(by_name())
    # Nothing in a schema that some client or model might not understand.
    assert (status, complained) == (0, "")
    status, told, _ = said_by(refused)
    assert (status, told["isError"]) == (5, True)
    assert told["_meta"]["billhook/error"]["code"] == "not_found"
    made.append(said_by(by_stdio))
    assert [status for status, _, _ in made] == [0, 0]
    # The same call of the same bot is one deed by either door, numbers with places and all.
    (invoice,) = Invoice.objects.all()
    assert {told["structuredContent"]["id"] for _, told, _ in made} == {invoice.public_id}
    _, told, _ = said_by(reading)
    assert [row["id"] for row in told["structuredContent"]["data"]] == [invoice.public_id]
