"""`manage.py mcp`: the tools over standard input and output, for a client on this machine."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from mcp import types
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from rest_framework.exceptions import AuthenticationFailed

from checkout.bots.mcp_calls import call
from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_server import server, tools_for
from invoicing.api.authentication import Caller, caller_with

R = TypeVar("R")
VARIABLE: Final = "BILLHOOK_API_KEY"
# A slow call must not hold up the next; each thread has one connection to the database.
_THREADS: Final = 4


class Command(BaseCommand):
    """Speaks the protocol on standard output and nothing else; whatever is said goes to stderr."""

    help = f"Serve the MCP tools over stdio, with the API key in {VARIABLE}."
    # Checks print where only the protocol may.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        key = os.environ.get(VARIABLE, "").strip()
        if not key:
            raise CommandError(f"Set {VARIABLE} to an API key of this installation (bh_…).")
        try:
            caller_with(key)
        except AuthenticationFailed as refusal:
            raise CommandError(f"{VARIABLE}: {refusal.detail}") from None
        asyncio.run(serve(key))


async def serve(key: str) -> None:
    """Serve until the client leaves. The key is looked at for every message: it may be revoked."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mcp") as threads:

        async def asked(do: Callable[[Caller], R]) -> R:
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(threads, _in_the_name_of, key, do)
            except AuthenticationFailed as refusal:
                raise MCPError(types.INVALID_REQUEST, str(refusal.detail)) from None

        async def listed() -> list[Tool]:
            return await asked(tools_for)

        async def called(tool: Tool, arguments: dict[str, Any]) -> types.CallToolResult:
            return await asked(lambda caller: call(caller, tool, arguments)[0])

        app = server(listed, called)
        async with stdio_server() as (reads, writes):
            await app.run(reads, writes, app.create_initialization_options())


def _in_the_name_of(key: str, do: Callable[[Caller], R]) -> R:
    """As a request begins and ends: on no connection that the database has closed."""
    close_old_connections()
    try:
        return do(caller_with(key))
    finally:
        close_old_connections()
