"""The official client, over HTTP and over stdio, in both eras of the protocol."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from django.core.management import CommandError, call_command
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from checkout.bots.mcp_server import by_name
from config.settings import BASE_DIR
from invoicing.models import Invoice, Merchant
from tests.crew import database_url
from tests.factories import given_a_key
from tests.fixtures_mcp import LEGACY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.same_everywhere]

BILL: dict[str, Any] = {
    "currency": "USD",
    "recipient": {"name": "Cleo"},
    "line_items": [{"description": "Work", "quantity": 2, "unit_price": 19.9}],
}


def over_http(url: str, key: str, mode: str, talk: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            await talk(client)

    asyncio.run(run())


async def a_days_work(client: Client) -> None:
    """Bill three times over, issue, look; the client checks every answer against its shape."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == list(by_name())
    for _ in range(3):
        made = await client.call_tool("create_invoice", BILL)
    draft = made.structured_content
    assert (draft["total"], made.meta["billhook/replayed"]) == ("39.80", True)
    issued = await client.call_tool("finalize_invoice", {"invoice_id": draft["id"]})
    assert issued.structured_content["status"] == "open"
    refused = await client.call_tool("update_invoice", {"invoice_id": draft["id"], "memo": "x"})
    assert refused.is_error
    assert refused.meta["billhook/error"]["code"] == "invalid_state"
    page = await client.call_tool("list_invoices", {"limit": 5, "status": "open"})
    assert [row["id"] for row in page.structured_content["data"]] == [draft["id"]]
    with pytest.raises(MCPError, match="Unknown tool"):
        await client.call_tool("transfer_everything", {})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_official_client_bills_over_http(ada_key: str, live_server: Any, mode: str) -> None:
    over_http(live_server.url, ada_key, mode, a_days_work)
    assert Invoice.objects.count() == 1


def test_the_official_client_without_a_key_is_told(live_server: Any, ada_key: str) -> None:
    async def talk(client: Client) -> None:
        raise AssertionError("it came in")

    with pytest.raises(BaseException) as refusal:  # noqa: PT011 - a group of them
        over_http(live_server.url, "bh_test_no", "auto", talk)
    assert "it came in" not in repr(refusal.value)
    answer = httpx2.post(f"{live_server.url}/mcp", json={})
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")


def environment(key: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "BILLHOOK_API_KEY": key,
    }


HELLO = {
    "protocolVersion": LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "mcp", "version": "0.1.0"},
}
# As mcp 1.x sends it, one message a line.
OLDER: list[dict[str, Any]] = [
    {"method": "initialize", "id": 0, "params": HELLO},
    {"method": "notifications/initialized"},
    {"method": "tools/list", "id": 1},
    {"method": "tools/call", "id": 2, "params": {"name": "list_wallets", "arguments": {}}},
    {"method": "tools/call", "id": 3, "params": {"name": "list_invoices", "arguments": {}}},
]


def test_both_eras_bill_over_stdio(ada_key: str, test_merchant: Merchant) -> None:
    async def run() -> None:
        server = StdioServerParameters(
            command=sys.executable,
            args=[str(BASE_DIR / "manage.py"), "mcp"],
            env=environment(ada_key),
        )
        async with Client(server) as client:
            await a_days_work(client)

    with subprocess.Popen(
        [sys.executable, "manage.py", "mcp"],
        cwd=BASE_DIR,
        env=environment(given_a_key(test_merchant, ["wallets:read"])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # Both start at once: that is what takes long.
        asyncio.run(run())
        heard = exchanged(process, OLDER)
    assert Invoice.objects.count() == 1
    assert process.returncode == 0
    assert heard[0]["protocolVersion"] == LEGACY
    tools = [tool["name"] for tool in heard[1]["tools"]]
    assert tools == ["me", "list_wallets", "get_wallet", "list_wallet_entries"]
    assert heard[2]["structuredContent"]["data"] == []
    assert heard[3]["_meta"]["billhook/error"]["code"] == "missing_permission"


def exchanged(process: Any, messages: list[dict[str, Any]]) -> dict[int, Any]:
    """The results by their ids; nothing but one message a line may come."""
    heard: dict[int, Any] = {}
    for message in messages:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        if "id" in message:
            told = json.loads(process.stdout.readline())
            heard[told["id"]] = told["result"]
    process.stdin.close()
    assert process.stdout.read() == ""
    return heard


@pytest.mark.parametrize("key", ["", "bh_test_no"])
def test_stdio_wants_a_good_key(
    db: None, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BILLHOOK_API_KEY", key)
    with pytest.raises(CommandError, match="BILLHOOK_API_KEY"):
        call_command("mcp")
    assert capsys.readouterr().out == ""
