"""`/mcp` as a wire: both eras of the protocol, and whatever else is sent there."""

import json
import threading
from typing import Any

import pytest
from django.urls import reverse
from mcp import types

from checkout.bots import mcp_http
from checkout.bots.mcp_server import by_name
from invoicing.api.parser import MAX_BYTES
from tests.factories import given_a_key
from tests.fixtures_mcp import ACCEPT, LEGACY, META, NEWEST, Model, error_of

pytestmark = pytest.mark.same_everywhere

# What the client of mcp 1.30 sends, message by message.
HANDSHAKE = {
    "protocolVersion": LEGACY,
    "capabilities": {},
    "clientInfo": {"name": "mcp", "version": "0.1.0"},
}


def test_the_newest_clients_need_no_handshake(model: Model) -> None:
    found = model.ask("server/discover").json()["result"]
    assert found["supportedVersions"] == [NEWEST]
    assert found["capabilities"]["tools"] == {"listChanged": False}
    assert "idempotency_key" in found["instructions"]
    listed = model.ask("tools/list")
    assert (listed.status_code, listed["Content-Type"]) == (200, "application/json")
    result = listed.json()["result"]
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert "Mcp-Session-Id" not in listed.headers
    assert model.call("me")["structuredContent"]["object"] == "me"


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", LEGACY, "2025-11-25"])
def test_older_clients_shake_hands(model: Model, version: str) -> None:
    hello = model.legacy("initialize", {**HANDSHAKE, "protocolVersion": version})
    result = hello.json()["result"]
    assert (result["protocolVersion"], result["serverInfo"]["name"]) == (version, "billhook")
    assert "Mcp-Session-Id" not in hello.headers
    assert model.legacy("notifications/initialized", version=version).status_code == 202
    listed = model.legacy("tools/list", version=version).json()["result"]["tools"]
    assert [tool["name"] for tool in listed] == list(by_name())
    called = model.legacy("tools/call", {"name": "me", "arguments": {}}, version=version).json()
    assert json.loads(called["result"]["content"][0]["text"])["object"] == "me"
    # Older clients open a stream, and take no for an answer.
    assert model.send(b"", verb="GET").status_code == 405
    assert model.send(b"", verb="DELETE").status_code == 405


@pytest.mark.parametrize("shown", [None, "Basic x", "Bearer", "Bearer bh_test_no", "Bearer \xe4"])
def test_without_a_key_nothing_opens(db: None, shown: str | None) -> None:
    headers = {"Authorization": shown} if shown else {}
    for answer in (
        Model("").ask("tools/list", **headers),
        Model("").ask("tools/call", {"name": "me"}, Mcp_Name="me", **headers),
        Model("").legacy("initialize", HANDSHAKE) if not headers else None,
    ):
        if answer is None:
            continue
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="Billhook"'
        assert answer.json()["error"]["data"]["code"] == "unauthorized"


MESSAGES: list[Any] = [
    b"",
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"x"',
    b"[" * 100_000,
    b'{"jsonrpc": "2.0", "id": ' + b"1" * 5000 + b', "method": "ping"}',
    {"jsonrpc": "1.0", "id": 1, "method": "ping"},
    {"jsonrpc": "2.0", "id": None, "method": "tools/list"},
    {"jsonrpc": "2.0", "id": {}, "method": "tools/list"},
    {"jsonrpc": "2.0", "id": 1},
    {"jsonrpc": "2.0", "id": 1, "method": 7},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": []},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["me"]}},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "me", "arguments": 5}},
    {"jsonrpc": "2.0", "id": 1, "method": "nothing/there", "params": {}},
    {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"_meta": META}},
    {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "x://"}},
    {"jsonrpc": "2.0", "id": 1, "result": {}},
    [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}],
]


def test_bad_messages_are_refused_in_the_protocols_words(
    subtests: pytest.Subtests, model: Model
) -> None:
    for number, message in enumerate(MESSAGES):
        for headers in ({}, {"MCP-Protocol-Version": NEWEST}, {"MCP-Protocol-Version": LEGACY}):
            with subtests.test(number=number, **headers):
                answer = model.send(message, **headers)
                assert answer.status_code < 500, answer.content
                if answer.status_code != 202 and answer.content.startswith(b"{"):
                    told = answer.json()
                    assert "error" in told or told["result"]["isError"]


def test_a_batch_is_refused_as_one(model: Model) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for batch in ([listing], [], b" [" + json.dumps(listing).encode()):
        answer = model.send(batch)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == (
            "Batches are not taken: send one JSON-RPC message in each request."
        )
    # The control: the same message by itself, also where an address ends with a slash.
    assert "tools" in model.send(listing).json()["result"]
    slashed = model.client.post(
        "/mcp/",
        listing,
        content_type="application/json",
        headers={"Authorization": f"Bearer {model.key}", "Accept": ACCEPT},
    )
    assert "tools" in slashed.json()["result"]


def test_headers_and_body_must_say_the_same(model: Model) -> None:
    def refused(message: Any, **headers: str) -> tuple[int, int]:
        answer = model.send(message, **headers)
        return answer.status_code, answer.json()["error"]["code"]

    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    newest = {"MCP-Protocol-Version": NEWEST}
    assert refused(ask, **newest, Mcp_Method="tools/call") == (400, types.HEADER_MISMATCH)
    future = {**META, "io.modelcontextprotocol/protocolVersion": "2031-01-01"}
    asked = {**ask, "params": {"_meta": future}}
    headers = {"MCP-Protocol-Version": "2031-01-01", "Mcp-Method": "tools/list"}
    assert refused(asked, **headers) == (400, types.UNSUPPORTED_PROTOCOL_VERSION)
    assert refused({**ask, "params": {}}, **newest, Mcp_Method="tools/list") == (400, -32602)
    unknown = {**ask, "method": "no/such"}
    assert refused(unknown, **newest, Mcp_Method="no/such") == (404, types.METHOD_NOT_FOUND)
    nobody = {
        **ask,
        "method": "tools/call",
        "params": {"_meta": META, "name": "no", "arguments": {}},
    }
    assert (
        model.send(nobody, **newest, Mcp_Method="tools/call", Mcp_Name="no").json()["error"]["code"]
        == types.INVALID_PARAMS
    )
    assert model.send(ask, **newest, Mcp_Method="tools/list", Accept="text/html").status_code == 406


def test_other_sites_pages_are_refused(model: Model, settings: Any) -> None:
    assert model.ask("tools/list", Origin="https://evil.example").status_code == 403
    assert model.legacy("ping").status_code == 200
    assert model.ask("tools/list", Origin=settings.PUBLIC_URL).status_code == 200
    assert model.ask("tools/list", Origin="null").status_code == 403
    # A name that somebody else made point here.
    assert model.ask("tools/list", Host="evil.example").status_code == 400


def test_a_body_has_a_limit(model: Model) -> None:
    answer = model.send(b" " * (MAX_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["data"]["code"] == "too_large"


def test_every_message_counts_once(model: Model, settings: Any) -> None:
    settings.RATE_LIMITS = {"api": (3, 3600)}
    assert model.ask("tools/list")["RateLimit"].startswith('"api";r=2')
    called = model.ask("tools/call", {"name": "me", "arguments": {}}, Mcp_Name="me")
    assert called["RateLimit"].startswith('"api";r=1')
    # A call that is refused before any tool hears of it.
    assert model.ask("tools/call", {"name": "me", "arguments": {}}).status_code == 400
    limited = error_of(model.call("me"))
    assert limited["code"] == "rate_limited"
    assert limited["retry_after"] >= 1
    listed = model.ask("tools/list")
    assert listed.status_code == 429
    assert int(listed["Retry-After"]) >= 1
    assert listed.json()["error"]["data"]["code"] == "rate_limited"


def test_a_call_stays_in_its_thread_and_leaves_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    exchange = mcp_http.exchange

    def watched(*args: Any) -> Any:
        *rest, work = args

        def noted(*given: Any) -> Any:
            seen.append(threading.get_ident())
            return work(*given)

        return exchange(*rest, noted)

    monkeypatch.setattr("checkout.bots.mcp_http.exchange", watched)
    model.call("me")
    threads = threading.active_count()
    for _ in range(2):
        assert "structuredContent" in model.call("me")
        model.ask("tools/list")
    # So the connection to the database is the request's own, and closed with it.
    assert set(seen) == {threading.get_ident()}
    assert threading.active_count() == threads


@pytest.mark.once
def test_a_slow_tool_blocks_no_other() -> None:
    """The first call ends only when the second has been at work."""
    second_was_here = threading.Event()
    told = []

    def exchanged(work: Any) -> None:
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "me", "arguments": {}, "_meta": META},
        }
        headers = {
            "host": "x",
            "accept": ACCEPT,
            "content-type": "application/json",
            "mcp-protocol-version": NEWEST,
            "mcp-method": "tools/call",
            "mcp-name": "me",
        }
        said = mcp_http.exchange(json.dumps(message).encode(), headers, "http://x", [], work)
        told.append(json.loads(said.body)["result"]["content"][0]["text"])

    def answer(text: str) -> Any:
        return types.CallToolResult(content=[types.TextContent(text=text)])

    def slow(*_: Any) -> Any:
        return answer(f"slow {second_was_here.wait(30)}")

    def quick(*_: Any) -> Any:
        second_was_here.set()
        return answer("quick")

    first = threading.Thread(target=exchanged, args=[slow])
    first.start()
    exchanged(quick)
    first.join()
    assert sorted(told) == ["quick", "slow True"]


def test_a_defect_is_told_without_its_details(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("checkout.bots.mcp_calls.call", broken)
    answer = model.ask("tools/call", {"name": "me", "arguments": {}}, Mcp_Name="me")
    assert answer.json()["error"]["code"] == types.INTERNAL_ERROR
    assert "42" not in answer.content.decode()


def test_a_key_for_few_things_sees_few_tools(test_merchant: Any) -> None:
    few = Model(given_a_key(test_merchant, ["wallets:read"]))
    names = [tool["name"] for tool in few.tools()]
    assert names == ["me", "list_wallets", "get_wallet", "list_wallet_entries"]
    assert few.tools() == few.tools()
    assert reverse("mcp") == "/mcp"
