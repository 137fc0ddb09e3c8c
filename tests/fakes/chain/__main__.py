"""Run the chain beside a demo: `python -m tests.fakes.chain --data folder --with-parent`.

Its wallet is a page on which anybody sends USDC from an account with plenty of it, by hand or by
`curl -d '{"to": "0x…", "amount": "25.00"}'`.
"""

import argparse
import html
import json
import os
import sys
import threading
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.chain.devnet import Devnet

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Demo wallet</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui; max-width: 34rem; margin: 3rem auto; padding: 0 1rem }}
label {{ display: block; margin: 1rem 0 }}
input[type=text] {{ font: inherit; width: 100%; padding: .5rem; box-sizing: border-box }}
button {{ font: inherit; padding: .5rem 1.5rem }}
p {{ overflow-wrap: anywhere }}
</style>
<h1>Demo wallet</h1>
<p>Account {payer} on a chain of this demo alone, with {balance} USDC that is worth nothing.
Block {head}.</p>
<form method="post">
<label>To <input type="text" name="to" required pattern="0x[0-9a-fA-F]{{40}}"></label>
<label>Amount in USDC <input type="text" name="amount" inputmode="decimal" required></label>
<label><input type="checkbox" name="other" value="1"> Send another token of the same name, by
mistake</label>
<button>Send</button>
</form>
<form method="post"><p><button name="reorg" value="1">Let the last block vanish</button></p></form>
<p role="status">{said}</p>
"""


def main() -> None:
    """Serve until killed; says `ready` and, as JSON, the settings and the wallet's address."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.chain", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder to keep the chain in")
    parser.add_argument("--block-seconds", type=int, default=2)
    parser.add_argument("--port", type=int, default=0, help="of the wallet; 0 takes a free one")
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input is closed"
    )
    given = parser.parse_args()
    devnet = Devnet(kept=given.data, block_seconds=given.block_seconds).start()
    if given.with_parent:
        threading.Thread(target=_end_with_parent, args=(devnet,), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), _wallet(devnet))
    said = {
        **devnet.settings(),
        "wallet": f"http://127.0.0.1:{server.server_port}/",
        "signer": f"0x{bytes(devnet.accounts[1].key).hex()}",
    }
    print(f"ready {json.dumps(said)}", flush=True)
    try:
        server.serve_forever(0.1)
    finally:
        devnet.stop()


def _wallet(devnet: Devnet) -> type[BaseHTTPRequestHandler]:
    one_at_a_time = threading.Lock()

    class Wallet(BaseHTTPRequestHandler):
        """Sends what it is told, from the account that has plenty."""

        def do_GET(self) -> None:
            self._page("")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            as_json = body.lstrip().startswith("{")
            try:
                asked = json.loads(body) if as_json else _form(body)
                with one_at_a_time:
                    said = _send(devnet, asked)
            except (ValueError, InvalidOperation, RuntimeError) as problem:
                said = {"error": str(problem)}
            if as_json:
                self._answer(400 if "error" in said else 200, json.dumps(said), "application/json")
            else:
                self._page(said.get("error") or said["done"])

        def _page(self, said: str) -> None:
            units = devnet.token.functions.balanceOf(devnet.payer.address).call()
            text = PAGE.format(
                payer=devnet.payer.address,
                balance=f"{units / 10**6:,.2f}",
                head=devnet.head,
                said=html.escape(said),
            )
            self._answer(200, text, "text/html; charset=utf-8")

        def _answer(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    return Wallet


def _form(body: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body).items()}


def _send(devnet: Devnet, asked: dict[str, Any]) -> dict[str, str]:
    if asked.get("reorg"):
        devnet.reorg(int(asked["reorg"]))
        return {"done": "The last block is gone, and what was in it."}
    units = int(Decimal(str(asked["amount"])).scaleb(6))
    to = devnet.web3.to_checksum_address(str(asked["to"]).strip())
    token = devnet.lookalike if asked.get("other") else devnet.token
    sent = devnet.pay(to, units, token)
    return {"done": f"Sent by transaction {sent}.", "tx_hash": sent}


def _end_with_parent(devnet: Devnet) -> None:
    """Whoever started this holds its standard input: it closes when they end, however they do."""
    sys.stdin.read()
    devnet.stop()
    os._exit(0)


if __name__ == "__main__":
    main()
