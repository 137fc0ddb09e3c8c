"""Charge a list of customers, and survive anything on the way. docs/recipes/recover.md tells of it.

    export BILLHOOK=http://127.0.0.1:8000 KEY=bh_test_…
    python examples/recover.py charges.csv

The columns of charges.csv are wish, customer_id, amount, currency and description. The wish is
your own name for the deed ("membership-17-2026-11"). Everything that is asked for is asked under
it, so this program may be killed at any moment and run again: what was done is told again and not
done again. Each row ends as paid, failed, waiting or twice; the exit status is 3 while any waits.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import TypedDict

from billhook import Billhook, Invoice, Payment, Refused, from_environment, run

POLL_SECONDS = 1.0
PAID, FAILED, WAITING, TWICE = "paid", "failed", "waiting", "twice"


class Charged(TypedDict):
    """What a charge answers. Without a payment, the customer's credit has paid for all of it."""

    invoice: Invoice
    payment: Payment | None


class Result(TypedDict):
    """What an approved request came to."""

    status: int
    body: Charged


class Approval(TypedDict):
    """A charge that waits for a person."""

    object: str
    status: str
    url: str
    result: Result | None


def main() -> int:
    given = arguments()
    billhook = from_environment()
    ends: list[str] = []
    with Path(given.charges).open(newline="") as file:
        for row in csv.DictReader(file):
            end, why = charge(billhook, row, given.patience)
            print(f"{row['wish']}: {end}{f', {why}' if why else ''}", flush=True)
            ends.append(end)
    return 3 if WAITING in ends else 1 if FAILED in ends or TWICE in ends else 0


def charge(billhook: Billhook, row: dict[str, str], patience: float) -> tuple[str, str]:
    """How one charge ended, and why."""
    asked = {name: row[name] for name in ("customer_id", "amount", "currency", "description")}
    try:
        answer = billhook.post("/v1/invoices/charge", asked, row["wish"])
    except Refused as refused:
        if refused.code == "duplicate_intent":
            # Somebody asked for the same under another wish. A person decides whether it is
            # meant twice; never `allow_duplicate` by a program's own choice.
            return TWICE, f"see {refused.details.get('look')}"
        return FAILED, str(refused)
    if answer.get("object") == "approval":
        approved = decided(billhook, answer, patience)
        if approved["result"] is None:
            return (WAITING if approved["status"] == "pending_approval" else FAILED), approved[
                "status"
            ]
        if approved["result"]["status"] >= 400:
            return FAILED, "approved, and then refused"
        answer = approved["result"]["body"]
    return settled(billhook, answer, patience)


def settled(billhook: Billhook, charged: Charged, patience: float) -> tuple[str, str]:
    """Wait for a payment that is `processing` or `unknown`. Neither has failed."""
    payment = charged["payment"]
    end = time.monotonic() + patience
    while payment is not None and payment["status"] in ("pending", "processing", "unknown"):
        if time.monotonic() > end:
            return WAITING, payment["status"]
        time.sleep(POLL_SECONDS)
        payment = billhook.get(f"/v1/payments/{payment['id']}")
    if payment is None or payment["status"] == "succeeded":
        return PAID, charged["invoice"]["number"] or ""
    failure = payment["failure"]
    return FAILED, f"{failure['code']}, {failure['advice']}" if failure else payment["status"]


def decided(billhook: Billhook, approval: Approval, patience: float) -> Approval:
    """Ask until a person has decided and it was done, for as long as there is patience."""
    end = time.monotonic() + patience
    while approval["status"] in ("pending_approval", "approved") and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        approval = billhook.get(approval["url"])
    return approval


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("charges", help="a CSV file")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait per row (60)")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
