"""A model's client: one message of the newest protocol revision at a time, as raw as wanted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

NEWEST, LEGACY = "2026-07-28", "2025-06-18"
ACCEPT = "application/json, text/event-stream"
META = {
    "io.modelcontextprotocol/protocolVersion": NEWEST,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
}
_numbers = count(1)


@dataclass
class Model:
    """Calls tools with a key: `model.call("get_invoice", invoice_id=…)`."""

    key: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """The result of a call, or the error's object."""
        params = {"name": tool, "arguments": {**(arguments or {}), **more}}
        answer = self.ask("tools/call", params, Mcp_Name=tool).json()
        return answer.get("result") or answer["error"]

    def tools(self) -> list[dict[str, Any]]:
        """The tools that are listed for the key."""
        found: list[dict[str, Any]] = self.ask("tools/list").json()["result"]["tools"]
        return found

    def ask(
        self, method: str, params: Mapping[str, Any] | None = None, **headers: str
    ) -> HttpResponse:
        """One request of the newest revision, as its clients send it."""
        message = {
            "jsonrpc": "2.0",
            "id": next(_numbers),
            "method": method,
            "params": {"_meta": META, **(params or {})},
        }
        named = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": method, **headers}
        return self.send(message, **named)

    def legacy(self, method: str, params: Any = None, *, version: str = LEGACY) -> HttpResponse:
        """One message as a client of the handshake's era sends it, a notification by its name."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        if not method.startswith("notifications/"):
            message["id"] = next(_numbers)
        headers = {} if method == "initialize" else {"MCP-Protocol-Version": version}
        return self.send(message, **headers)

    def send(self, body: Any, *, verb: str = "POST", **headers: str) -> HttpResponse:
        """Whatever is wanted. A body that is bytes goes as it is, anything else as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Accept", ACCEPT)
        if self.key:
            named.setdefault("Authorization", f"Bearer {self.key}")
        return self.client.generic(
            verb,
            "/mcp",
            body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json",
            headers=named,
        )


def text_of(result: Mapping[str, Any]) -> str:
    """All that a model reads of a result."""
    return "\n".join(part["text"] for part in result["content"])


def error_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The refusal that a result tells of."""
    assert result["isError"], result
    found: dict[str, Any] = result["_meta"]["billhook/error"]
    return found


@pytest.fixture
def model(ada_key: str) -> Model:
    """Ada's bot, with every permission."""
    return Model(ada_key)


@pytest.fixture
def ben_model(ben_key: str) -> Model:
    return Model(ben_key)
