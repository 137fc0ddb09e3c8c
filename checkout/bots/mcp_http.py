"""One exchange over HTTP, spoken by the official package, worked by the thread that serves it.

The package is asynchronous and the rest of Billhook is not. So its event loop runs in the
request's own thread, and stands still while a tool does its work there: no second thread, no
second database connection, and nothing left behind when the answer is out.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp import types
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_server import server

Work = Callable[[Tool, dict[str, Any]], types.CallToolResult]


@dataclass
class Said:
    """What the package answers: a status, headers and a body."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class _Desk:
    """Where the loop leaves what is to be done outside it."""

    waiting: list[tuple[Tool, dict[str, Any], asyncio.Future[types.CallToolResult]]] = field(
        default_factory=list
    )
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, tool: Tool, arguments: dict[str, Any]) -> types.CallToolResult:
        """Ask for it, and wait while the loop stands still."""
        future: asyncio.Future[types.CallToolResult] = asyncio.get_running_loop().create_future()
        self.waiting.append((tool, arguments, future))
        self.bell.set()
        return await future

    def serve(self, work: Work) -> None:
        """Do what is waiting. Runs while the loop does not."""
        self.bell.clear()
        while self.waiting:
            tool, arguments, future = self.waiting.pop(0)
            try:
                future.set_result(work(tool, arguments))
            except Exception as problem:
                future.set_exception(problem)


def exchange(
    body: bytes, headers: Mapping[str, str], origin: str, tools: list[Tool], work: Work
) -> Said:
    """The package's answer to one POST. `origin` is this installation's, as a browser names it."""
    desk = _Desk()

    async def listed() -> list[Tool]:
        return tools

    manager = StreamableHTTPSessionManager(
        server(listed, desk.call),
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(
            # Which hosts are this installation's has been checked before.
            allowed_hosts=[headers["host"]],
            allowed_origins=[origin],
        ),
    )
    with asyncio.Runner() as runner:
        task = runner.get_loop().create_task(_ask(manager, body, headers))
        while not task.done():
            runner.run(_until_needed(task, desk.bell))
            desk.serve(work)
        return task.result()


async def _until_needed(task: "asyncio.Task[Said]", bell: asyncio.Event) -> None:
    ringing = asyncio.ensure_future(bell.wait())
    await asyncio.wait({task, ringing}, return_when=asyncio.FIRST_COMPLETED)
    ringing.cancel()


async def _ask(
    manager: StreamableHTTPSessionManager, body: bytes, headers: Mapping[str, str]
) -> Said:
    said, sent = Said(), False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            # Whoever asked is still there: the server says so no other way.
            await asyncio.get_running_loop().create_future()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said.status = message["status"]
            said.headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in message.get("headers", [])
            }
        elif message["type"] == "http.response.body":
            said.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ],
    }
    async with manager.run():
        await manager.handle_request(scope, receive, send)
    return said
