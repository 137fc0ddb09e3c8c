"""Pay an invoice of which you know only the address. docs/recipes/pay.md tells of it.

    python examples/pay.py http://127.0.0.1:8000/i/5f4dcc3b5aa765d61d8327deb882cf99

It makes the request that the invoice's `agent_protocol` names (or, with --by, another one), tells
what that came to, and waits until the invoice is paid. A page is for a person to pay on, an
address for USDC to be sent to. Only x402 is paid by the program itself: WALLET_KEY is the private
key of its wallet, --at-most the limit. Ends with 0 once it is paid, 1 if it cannot be, 3 while it
is not known.
"""

import argparse
import os
import sys
import time
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from billhook import AgentProtocol, Billhook, Invoice, Refused, error_of, run

POLL_SECONDS = 1.0
OVER = {"void", "expired", "uncollectible"}


def main() -> int:
    given = arguments()
    host, slug = taken_apart(given.address)
    billhook = Billhook(host)
    invoice: Invoice = billhook.get(f"/i/{slug}")
    protocol = invoice["agent_protocol"]
    # The goal is Billhook's own words; what the merchant wrote is shown, and never obeyed.
    print(f"{invoice['number']}: {protocol['goal']}", flush=True)
    if invoice["status"] == "open":
        path = f"/v1/invoices/pay/{slug}/{given.by}" if given.by else next_path(protocol)
        if path.endswith("/x402"):
            pay_by_x402(billhook, path, given)
        else:
            body = {"chain": given.chain} if given.chain and path.endswith("/usdc") else {}
            show(billhook.post(path, body, f"pay-{slug}-{invoice['amount_due']}"))
    return wait(billhook, protocol, given.patience)


def next_path(protocol: AgentProtocol) -> str:
    """Where the invoice says that paying begins."""
    action = protocol["next_action"]
    if action is None or action["method"] != "POST":
        sys.exit(" ".join(protocol["steps"]))
    return action["path"]


def show(answer: dict[str, Any]) -> None:
    """What somebody has to do elsewhere: pay on a page, or send USDC."""
    if "url" in answer:
        print(f"pay on this page: {answer['url']}", flush=True)
    else:
        print(f"send exactly {answer['amount']} USDC on {answer['chain']} to {answer['address']}")
        print(f"the token is {answer['token']}", flush=True)
        if answer["expires_at"]:
            print(f"the amount holds until {answer['expires_at']}", flush=True)


def pay_by_x402(billhook: Billhook, path: str, given: argparse.Namespace) -> None:
    """Sign once, and send the same until it is taken. Raises Refused where it is not."""
    wallet = os.environ.get("WALLET_KEY")
    if not wallet:
        sys.exit("This is paid by x402: set WALLET_KEY, or choose --by checkout.")
    asked = billhook.http.post(path)
    if asked.status_code == 200:
        return  # it is paid already
    if asked.status_code != 402:
        raise Refused(asked.status_code, error_of(asked))
    signed = signature(wallet, asked, given)
    for _ in range(20):
        try:
            answer = billhook.http.post(path, headers=signed)
        except httpx.TransportError:
            # It may have arrived. The same signature moves money once; another one might again.
            time.sleep(POLL_SECONDS)
            continue
        if answer.status_code == 200:
            print("paid by x402", flush=True)
            return
        if (
            answer.status_code not in (202, 409, 429, 502, 503)
            or "Retry-After" not in answer.headers
        ):
            raise Refused(answer.status_code, error_of(answer))
        time.sleep(float(answer.headers["Retry-After"]))


def signature(wallet: str, asked: httpx.Response, given: argparse.Namespace) -> dict[str, str]:
    """The header that pays what the 402 asks for, within the limit."""
    # Who only follows pages need not have them, nor wait for them.
    from eth_account import Account
    from x402 import x402ClientSync
    from x402.client_base import SpendControls
    from x402.http import x402HTTPClientSync
    from x402.mechanisms.evm.exact import register_exact_evm_client
    from x402.mechanisms.evm.signers import EthAccountSigner
    from x402.schemas.errors import NoMatchingRequirementsError

    limits: SpendControls = {"max_amount_per_payment": f"${given.at_most}"}
    if given.token:
        # A token that the client does not know by itself, such as the demo's.
        network, _, token = given.token.rpartition("/")
        atomic = str(int(given.at_most) * 10**6)
        limits["allowed_assets"] = [
            {"network": network, "asset": token, "max_amount_per_payment": atomic}
        ]
    client = x402ClientSync()
    register_exact_evm_client(client, EthAccountSigner(Account.from_key(wallet)))
    client.set_spend_controls(limits)
    http = x402HTTPClientSync(client)
    try:
        headers, _ = http.handle_402_response(dict(asked.headers), asked.content, str(asked.url))
    except NoMatchingRequirementsError as problem:
        sys.exit(f"Nothing was signed: {problem}")
    return headers


def wait(billhook: Billhook, protocol: AgentProtocol, patience: float) -> int:
    """Look until the invoice says that the goal is reached, or cannot be any more."""
    check = protocol["completion_check"]
    end = time.monotonic() + patience
    before = ""
    while True:
        invoice = billhook.get(check["path"])
        now = str(invoice[check["field"]])
        if now != before:
            print(f"it is {now}", flush=True)
            before = now
        if now == check["success_value"]:
            return 0
        if now in OVER:
            return 1
        if time.monotonic() > end:
            return 3
        time.sleep(POLL_SECONDS)


def taken_apart(address: str) -> tuple[str, str]:
    """The host and the slug of an invoice's address."""
    parts = urlsplit(address)
    way, _, slug = parts.path.strip("/").partition("/")
    if way != "i" or not slug or not parts.netloc:
        sys.exit(f"{address} is not the address of an invoice (https://…/i/…).")
    return f"{parts.scheme}://{parts.netloc}", slug


def arguments() -> argparse.Namespace:
    ways: list[Literal["checkout", "usdc", "x402"]] = ["checkout", "usdc", "x402"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="the invoice's payment_url")
    parser.add_argument("--by", choices=ways, help="another way than the invoice proposes")
    parser.add_argument("--chain", help="for --by usdc: one of the invoice's usdc_chains")
    parser.add_argument("--at-most", type=int, default=100, help="for x402: whole USDC (100)")
    parser.add_argument("--token", help="for x402: network/address of another token to pay with")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait (600)")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
