"""Bill at a host of which nothing is known but its address. docs/recipes/bill.md tells of it.

    export KEY=bh_test_…
    python examples/discover.py bill http://127.0.0.1:8000 --name "Cleo Marsh" --price 25.00
    python examples/discover.py rehearse http://127.0.0.1:8000 inv_…

No address of an endpoint stands in this program, and no name of a field but those it has a value
for. /llms.txt and the API catalog lead to the OpenAPI document; operations are found there by
their summaries, and bodies are built from what their schemas require and show as examples.
"""

import argparse
import os
import re
import sys
from dataclasses import dataclass
from typing import Any

from billhook import Billhook, run

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One thing that the host can do."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def words(self) -> set[str]:
        return set(re.findall(r"\w+", self.said["summary"].lower()))

    @property
    def media(self) -> dict[str, Any]:
        """The schema and the example of its body."""
        content: dict[str, Any] = self.said["requestBody"]["content"]["application/json"]
        return content


class Host:
    """A host that describes itself."""

    def __init__(self, address: str, key: str) -> None:
        self.billhook = Billhook(address, key)
        described = self._by_catalog()
        if described not in self.text("/llms.txt"):
            sys.exit("llms.txt and the API catalog name different documents")
        self.document = self.billhook.get(described)
        (server, *_) = self.document["servers"]
        self.billhook = Billhook(server["url"], key)

    def text(self, path: str) -> str:
        return self.billhook.http.get(path).raise_for_status().text

    def _by_catalog(self) -> str:
        """The address of the description, by the API catalog (RFC 9727)."""
        catalog = self.billhook.get("/.well-known/api-catalog")
        found = [row["service-desc"] for row in catalog["linkset"] if "service-desc" in row]
        return str(found[0][0]["href"])

    def operation(self, *wanted: str) -> Operation:
        """The operation whose summary has all these words and the fewest others."""
        found = [
            Operation(method, path, said)
            for path, methods in self.document["paths"].items()
            for method, said in methods.items()
            if method in METHODS
        ]
        fitting = [one for one in found if set(wanted) <= one.words]
        if not fitting:
            sys.exit(f"this host has nothing to {' '.join(wanted)}")
        return min(fitting, key=lambda one: len(one.words))

    def body(self, operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
        """What is given, and of the example what is required besides."""
        schema = self.resolved(operation.media["schema"])
        unknown = given.keys() - schema["properties"].keys()
        if unknown:
            sys.exit(f"{operation.said['summary']}: there is no {', '.join(sorted(unknown))}")
        example = operation.media.get("example", {})
        return {**{name: example[name] for name in schema.get("required", [])}, **given}

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a $ref within the document leads to."""
        while "$ref" in schema:
            found: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def do(self, operation: Operation, given: dict[str, Any], wish: str, place: str = "") -> Any:
        """Make the request; the one place in its address, if there is any, is filled."""
        path = re.sub(r"{\w+}", place, operation.path)
        if operation.method == "get":
            return self.billhook.get(path)
        return self.billhook.post(path, self.body(operation, given), wish)


def main() -> int:
    given = arguments()
    host = Host(given.host, os.environ.get("KEY", ""))
    return {"bill": bill, "rehearse": rehearse}[given.what](host, given)


def bill(host: Host, given: argparse.Namespace) -> int:
    """Make an invoice, send it, and print its id and where it is paid."""
    make, send = host.operation("create", "invoice"), host.operation("send", "invoice")
    allowed = host.do(host.operation("who", "asking"), {}, "")["permissions"]
    for operation in (make, send):
        if operation.said["x-permission"] not in allowed:
            sys.exit(f"ask for a key with {operation.said['x-permission']}")
    line = {**host.body(make, {})["line_items"][0], "quantity": "1", "unit_price": given.price}
    draft = host.do(
        make,
        {"recipient": {"name": given.name}, "currency": given.currency, "line_items": [line]},
        f"{given.wish}-create",
    )
    sent = host.do(send, {}, f"{given.wish}-send", draft["id"])
    print(sent["id"], sent["payment_url"])
    return 0


def rehearse(host: Host, given: argparse.Namespace) -> int:
    """With a test key, play the payer with the card that the document gives as its example."""
    play = host.operation("pay", "test", "card")
    paid = host.do(play, {"invoice_id": given.invoice_id}, f"{given.invoice_id}-rehearsal")
    print(paid["status"])
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="what", required=True)
    billing = kinds.add_parser("bill", help="make and send an invoice")
    rehearsal = kinds.add_parser("rehearse", help="play the payer (test keys)")
    for kind in (billing, rehearsal):
        kind.add_argument("host", help="http://127.0.0.1:8000")
    billing.add_argument("--name", required=True)
    billing.add_argument("--price", required=True)
    billing.add_argument("--currency", default="USD")
    billing.add_argument("--wish", default="discovered", help="your name for this deed")
    rehearsal.add_argument("invoice_id")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
