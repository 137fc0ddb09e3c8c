"""Endpoints that fail: each failure is one of few kinds, and none tells the endpoint's address."""

import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from config.env import BASE_DIR
from payments.chain.client import Chain, NoAnswer, TooMuch
from payments.chain.rpc import Refused
from tests.fakes.chain.devnet import Devnet
from tests.fakes.chain.rpc_proxy import RpcProxy

pytestmark = pytest.mark.once

Proxies = Callable[..., RpcProxy]

ANN = "0x1000000000000000000000000000000000000ABc"
SECRET = "s3cr3t-key-of-a-provider"
WORD = "0x" + "12" * 32


@pytest.fixture
def proxy(rpc_proxy: Proxies) -> RpcProxy:
    return rpc_proxy(f"/v3/{SECRET}?token={SECRET}2")


@pytest.fixture
def chain(devnet: Devnet, proxy: RpcProxy) -> Chain:
    return Chain(devnet.network(proxy.url), timeout_seconds=0.5)


def everything(chain: Chain) -> list[Callable[[], Any]]:
    return [
        chain.verify_identity,
        chain.head,
        chain.finalized,
        lambda: chain.block(1),
        lambda: chain.transfers([ANN], 0, 1),
        lambda: chain.transaction(WORD),
        lambda: chain.authorization_used(ANN, WORD),
        lambda: chain.authorization_transactions(ANN, WORD, 0, 1),
        lambda: chain.balance(ANN),
        chain.token_domain,
    ]


@pytest.mark.parametrize(
    "lie",
    [
        {"status": 500, "body": b"Internal error"},
        {"status": 503, "body": b""},
        {"status": 401, "body": SECRET.encode()},
        {"status": 429, "body": b'{"error": "slow down"}'},
        {"body": b""},
        {"body": b"<html>"},
        {"body": b"\xff\xfe"},
        {"body": b"[" * 100_000},
        {"body": b"[]"},
        {"body": b"3"},
        {"body": b"{}"},
        {"body": b'{"jsonrpc": "2.0", "id": 1}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "error": "no"}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "error": {}}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "result": {"number": "0x1"}}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "result": "0xnonsense"}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "result": 7}'},
        {"body": b'{"jsonrpc": "2.0", "id": 1, "result": [null]}'},
        {"cut": True},
    ],
    ids=lambda lie: str(lie)[:60],
)
def test_every_question_without_an_answer_is_that_and_no_more(
    proxy: RpcProxy, chain: Chain, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(proxy.lies, name, value)
    for ask in everything(chain):
        with pytest.raises(NoAnswer) as caught:
            ask()
        assert SECRET not in str(caught.value)
        assert "127.0.0.1" in str(caught.value)


def test_reading_a_chain_lets_nothing_recurse_deeper(chain: Chain) -> None:
    """A library below web3 raises the limit so far that nested JSON kills the process."""
    script = (
        "import sys\n"
        "limit = sys.getrecursionlimit()\n"
        "from payments.chain.rpc import Endpoint, _provider\n"
        "_provider('http://127.0.0.1:1', 1)\n"
        "print('web3' in sys.modules, sys.getrecursionlimit() == limit)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "True"]


def test_an_answer_is_waited_for_as_long_as_was_said(proxy: RpcProxy, chain: Chain) -> None:
    proxy.lies.silent = True
    with pytest.raises(NoAnswer, match="did not answer eth_getBlockByNumber in time"):
        chain.head()
    # And asked once: trying again is for whoever asks.
    assert len(proxy.calls) == 1


def test_after_a_silence_less_is_asked_for(devnet: Devnet, proxy: RpcProxy, chain: Chain) -> None:
    devnet.mine(20)
    proxy.lies.silent = True
    for _ in range(2):
        with pytest.raises(NoAnswer):
            chain.transfers([ANN], 0, 15)
    proxy.lies.silent = False
    assert chain.transfers([ANN], 0, 15) == []
    ranges = [
        (int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16))
        for params in proxy.asked("eth_getLogs")
    ]
    assert ranges == [(0, 15), (0, 7), (0, 3), (4, 7), (8, 11), (12, 15)]


def test_nobody_there(devnet: Devnet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoAnswer, match="ConnectionError"):
        Chain(devnet.network(f"http://127.0.0.1:{port}/{SECRET}")).head()


def test_what_a_node_says_is_told_without_what_it_was_called(proxy: RpcProxy, chain: Chain) -> None:
    said = f"key {SECRET} is not\n allowed, nor is {SECRET}2"
    proxy.lies.errors = {"eth_chainId": (-32001, said)}
    with pytest.raises(Refused) as caught:
        chain.verify_identity()
    assert "(-32001): key … is not allowed, nor is …" in str(caught.value)
    # Some say it with an HTTP status as well.
    proxy.lies.errors = {}
    proxy.lies.status = 403
    proxy.lies.body = b'{"error": {"code": -32001, "message": "no access"}}'
    with pytest.raises(Refused, match=r"refused eth_chainId \(-32001\): no access"):
        chain.verify_identity()


def test_nothing_of_an_address_is_logged(proxy: RpcProxy, chain: Chain, settings: Any) -> None:
    """Their debugging lines hold it, so they stay unsaid whatever LOG_LEVEL is."""
    for name in ("web3", "urllib3"):
        assert settings.LOGGING["loggers"][name]["level"] == "WARNING"
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, listener = logging.getLogger(), Listener()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(listener)
    try:
        chain.head()
        proxy.lies.status = 500
        with pytest.raises(NoAnswer):
            chain.head()
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    assert not [line for line in lines if SECRET in line]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (-32005, "query returned more than 10000 results", TooMuch),
        (-32005, "query exceeds max results 20000, retry with the range 1-2", TooMuch),
        (-32602, "block range is too wide", TooMuch),
        (-32000, "exceed maximum block range: 5000", TooMuch),
        (-32614, "eth_getLogs is limited to a 10,000 range", TooMuch),
        (-32602, "Log response size exceeded. Try this block range", TooMuch),
        (-32000, "query timeout exceeded", TooMuch),
        (-32005, "daily request count exceeded, request rate limited", NoAnswer),
        (429, "Your app has exceeded its compute units per second capacity", NoAnswer),
        (-32005, "Too Many Requests", NoAnswer),
        (-32602, "block range extends beyond current head block", NoAnswer),
        (-32000, "header not found", NoAnswer),
        (-32603, "Internal error", NoAnswer),
    ],
)
def test_too_much_is_told_from_too_often(
    proxy: RpcProxy, chain: Chain, code: int, message: str, kind: type[Exception]
) -> None:
    proxy.lies.errors = {"eth_getLogs": (code, message), "eth_getBlockByNumber": (code, message)}
    with pytest.raises(kind) as caught:
        chain.transfers([ANN], 5, 5)
    assert isinstance(caught.value, NoAnswer) == (kind is NoAnswer)
    with pytest.raises(NoAnswer):
        chain.head()


def test_an_answer_too_large_for_http_is_too_much(proxy: RpcProxy, chain: Chain) -> None:
    proxy.lies.status, proxy.lies.body = 413, b"too large"
    with pytest.raises(TooMuch):
        chain.transfers([ANN], 5, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"topics": None},
        {"topics": ["0x12"]},
        {"data": None},
        {"address": "0x12"},
        {"blockNumber": None},
        {"blockNumber": "0x" + "f" * 70},
        {"logIndex": "7"},
        {"transactionHash": "0x12"},
        {"blockHash": 7},
        # Right in itself, and not what was asked for.
        {"blockNumber": "0x7777"},
    ],
    ids=str,
)
def test_a_log_that_cannot_be_is_no_answer(
    devnet: Devnet, proxy: RpcProxy, chain: Chain, change: dict[str, Any]
) -> None:
    tx_hash = devnet.pay(ANN, 5)
    log = devnet.ask("eth_getTransactionReceipt", tx_hash)["logs"][0]
    proxy.lies.results["eth_getLogs"] = [log | change]
    with pytest.raises(NoAnswer, match="answered eth_getLogs with nonsense"):
        chain.transfers([ANN], 0, devnet.head)
    # A transfer in whatever shape is no answer to where an authorization was used.
    with pytest.raises(NoAnswer, match="answered eth_getLogs with nonsense"):
        chain.authorization_transactions(ANN, WORD, 0, devnet.head)
    # The control, and a log that a reorganization took away.
    proxy.lies.results["eth_getLogs"] = [log, log | change | {"removed": True}]
    assert [found.tx_hash for found in chain.transfers([ANN], 0, devnet.head)] == [tx_hash]


def test_a_fourth_topic_makes_it_no_transfer_of_money(
    devnet: Devnet, proxy: RpcProxy, chain: Chain
) -> None:
    log = devnet.ask("eth_getTransactionReceipt", devnet.pay(ANN, 5))["logs"][0]
    for topics, count in ((log["topics"], 1), ([*log["topics"], WORD], 0)):
        proxy.lies.results["eth_getLogs"] = [log | {"topics": topics}]
        assert len(chain.transfers([ANN], 0, devnet.head)) == count


def test_a_transfer_to_somebody_else_was_not_asked_for(
    devnet: Devnet, proxy: RpcProxy, chain: Chain
) -> None:
    log = devnet.ask("eth_getTransactionReceipt", devnet.pay(devnet.payer.address, 5))["logs"][0]
    proxy.lies.results["eth_getLogs"] = [log]
    with pytest.raises(NoAnswer, match="nonsense"):
        chain.transfers([ANN], 0, devnet.head)


def test_a_receipt_of_something_else_is_no_answer(
    devnet: Devnet, proxy: RpcProxy, chain: Chain
) -> None:
    receipt = devnet.ask("eth_getTransactionReceipt", devnet.pay(ANN, 5))
    proxy.lies.results["eth_getTransactionReceipt"] = receipt
    with pytest.raises(NoAnswer, match="nonsense"):
        chain.transaction(WORD)


@pytest.mark.parametrize(
    ("code", "message", "known"),
    [
        (-39001, "finalized block not found", True),
        (-32602, "invalid argument 0: hex string without 0x prefix", True),
        (-32000, "unknown block tag", True),
        (-32603, "Internal error", False),
        (-32005, "rate limited", False),
    ],
)
def test_where_a_node_knows_nothing_final_half_an_hour_is(
    devnet: Devnet, proxy: RpcProxy, code: int, message: str, known: bool
) -> None:
    chain = Chain(devnet.network(proxy.url, block_seconds=600.0))
    devnet.mine(10)
    honest = proxy.answer

    def answer(method: str, params: list[Any]) -> dict[str, Any]:
        if params[:1] == ["finalized"]:
            return {"error": {"code": code, "message": message}}
        return honest(method, params)

    proxy.answer = answer
    if known:
        assert chain.finalized().number == devnet.head - 3
        assert Chain(devnet.network(proxy.url)).finalized().number == 0
    else:
        with pytest.raises(Refused):
            chain.finalized()
