"""A node that lies as it is told: an HTTP proxy on loopback before a node that does not."""

import json
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Lies:
    """What the proxy does with what it is asked. Without any it passes everything on.

    Each holds for all methods, or for those in `only`.
    """

    chain_id: int | None = None
    # As if it had not heard of the newest blocks.
    lag: int = 0
    # Logs for which this is true are kept back.
    drop_logs: Callable[[dict[str, Any]], bool] | None = None
    # Logs that nobody emitted.
    invent_logs: list[dict[str, Any]] = field(default_factory=list)
    # Another hash for every block.
    other_hashes: bool = False
    # An error for ranges of more blocks, or for more addresses, than this.
    most_blocks: int | None = None
    most_topics: int | None = None
    # Results by method, whatever is asked.
    results: dict[str, Any] = field(default_factory=dict)
    # JSON-RPC errors by method: code and message.
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    # An HTTP status, with a body.
    status: int = 200
    body: bytes | None = None
    # Silence until the proxy stops, or the connection cut.
    silent: bool = False
    cut: bool = False
    only: frozenset[str] | None = None


class RpcProxy:
    """`lies` says what it does; `calls` are the methods and parameters it was asked, in order.

    with RpcProxy(devnet.url) as proxy:
        proxy.lies.lag = 3
    """

    def __init__(self, target: str, path: str = "") -> None:
        self.target = target
        self.lies = Lies()
        self.calls: list[tuple[str, list[Any]]] = []
        self.path = path
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def __enter__(self) -> "RpcProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method: str) -> list[list[Any]]:
        """The parameters of every call of one method."""
        return [params for name, params in self.calls if name == method]

    # What it answers

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        """The JSON-RPC answer, less its id."""
        lies = self.lies
        if lies.only is not None and method not in lies.only:
            return self._ask(method, params)
        if method in lies.errors:
            code, message = lies.errors[method]
            return {"error": {"code": code, "message": message}}
        if method in lies.results:
            return {"result": lies.results[method]}
        if method == "eth_chainId" and lies.chain_id is not None:
            return {"result": hex(lies.chain_id)}
        if method == "eth_getLogs":
            return self._logs(params)
        if method == "eth_getTransactionReceipt":
            return self._receipt(params)
        if method == "eth_getBlockByNumber":
            return self._block(params)
        return self._ask(method, params)

    def _logs(self, params: list[Any]) -> dict[str, Any]:
        lies, query = self.lies, dict(params[0])
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if lies.most_blocks is not None and last - first + 1 > lies.most_blocks:
            message = f"block range is too large, at most {lies.most_blocks}"
            return {"error": {"code": -32602, "message": message}}
        if lies.most_topics is not None and len(query["topics"][2] or ()) > lies.most_topics:
            return {"error": {"code": -32005, "message": "query returned more than 10000 results"}}
        if lies.lag:
            query["toBlock"] = hex(min(last, self._head()))
            if first > self._head():
                return {"result": []}
        answer = self._ask("eth_getLogs", [query])
        if "result" in answer:
            kept = [log for log in answer["result"] if not (lies.drop_logs and lies.drop_logs(log))]
            if lies.other_hashes:
                kept = [log | {"blockHash": _other(log["blockHash"])} for log in kept]
            answer["result"] = kept + lies.invent_logs
        return answer

    def _receipt(self, params: list[Any]) -> dict[str, Any]:
        answer = self._ask("eth_getTransactionReceipt", params)
        receipt = answer.get("result")
        if receipt and int(receipt["blockNumber"], 16) > self._head():
            return {"result": None}
        if receipt and self.lies.other_hashes:
            receipt["blockHash"] = _other(receipt["blockHash"])
        return answer

    def _block(self, params: list[Any]) -> dict[str, Any]:
        which = params[0]
        if self.lies.lag and which == "latest":
            which = hex(self._head())
        elif which.startswith("0x") and int(which, 16) > self._head():
            return {"result": None}
        answer = self._ask("eth_getBlockByNumber", [which, *params[1:]])
        if answer.get("result") and self.lies.other_hashes:
            answer["result"]["hash"] = _other(answer["result"]["hash"])
        return answer

    def _head(self) -> int:
        return max(0, int(self._ask("eth_blockNumber", [])["result"], 16) - self.lies.lag)

    def _ask(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(
            self.target, body.encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        return {name: answer[name] for name in ("result", "error") if name in answer}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the library's name
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                method, params = asked["method"], asked["params"]
                proxy.calls.append((method, params))
                lies = proxy.lies
                body: bytes | None = None
                status = 200
                if lies.only is None or method in lies.only:
                    if lies.silent:
                        proxy._stopped.wait()
                        self.close_connection = True
                        return
                    if lies.cut:
                        self.close_connection = True
                        return
                    body, status = lies.body, lies.status
                if body is None:
                    answer = proxy.answer(method, params)
                    body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        return Handler


def _other(block_hash: str) -> str:
    """The hash of no block, the same each time."""
    return f"0x{int(block_hash, 16) ^ 1:064x}"
