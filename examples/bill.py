"""Bill somebody: in parts, by a sentence, or every month. docs/recipes/bill.md tells of it.

    export BILLHOOK=http://127.0.0.1:8000 KEY=bh_test_…
    python examples/bill.py invoice --name "Cleo Marsh" --email cleo@example.com \\
        --line "Hours; 2.5; 40" --currency EUR --tax 19 --wish order-17

Run it again with the same --wish whenever you are in doubt: nothing is billed twice.
"""

import argparse
from typing import TypedDict

from billhook import Billhook, Invoice, from_environment, run


class LineItem(TypedDict):
    """One line, its numbers as text."""

    description: str
    quantity: str
    unit_price: str


class Sent(Invoice):
    """The answer to sending: whether the mail is out, and why not."""

    email_sent: bool
    email_reason: str | None


class Question(TypedDict):
    """What a sentence left open."""

    about: str
    question: str


class Quick(TypedDict):
    """What was made of a sentence. In a dry run `invoice` is only worked out."""

    sent: bool
    not_understood: list[Question]
    invoice: Invoice


class Recurring(TypedDict):
    """What this program reads of a recurring charge."""

    id: str
    status: str
    next_charge_at: str | None


def main() -> int:
    given = arguments()
    return {"invoice": invoice, "sentence": sentence, "monthly": monthly}[given.what](
        from_environment(), given
    )


def invoice(billhook: Billhook, given: argparse.Namespace) -> int:
    """Customer, preview, draft, send: each a request of its own, each done once."""
    asked = {
        "customer_id": customer(billhook, given),
        "currency": given.currency,
        "line_items": [line_item(text) for text in given.line],
        "tax_rate": given.tax,
        "purchase_order": given.wish,
    }
    preview: Invoice = billhook.post("/v1/invoices/preview", asked, f"{given.wish}-preview")
    print(f"it will be {preview['total']} {preview['currency']}")
    draft: Invoice = billhook.post("/v1/invoices", asked, f"{given.wish}-create")
    sent: Sent = billhook.post(f"/v1/invoices/{draft['id']}/send", {}, f"{given.wish}-send")
    print(f"{sent['number']} is {sent['status']}; pay at {sent['payment_url']}")
    if not sent["email_sent"] and sent["email_reason"] != "queued":
        print(f"nobody was mailed ({sent['email_reason']}): share the address yourself")
    if given.rehearse:
        play_the_payer(billhook, draft["id"], given.wish)
    return 0


def sentence(billhook: Billhook, given: argparse.Namespace) -> int:
    """One sentence in English. What is not certain comes back as a question."""
    asked = {"message": given.message, "dry_run": given.dry_run}
    quick: Quick = billhook.post("/v1/quick_invoices", asked, f"{given.wish}-quick")
    for question in quick["not_understood"]:
        print(f"{question['about']}: {question['question']}")
    made = quick["invoice"]
    done = "only worked out" if given.dry_run else "sent" if quick["sent"] else "a draft"
    # What is only worked out has neither an address nor an id.
    where = made["payment_url"] or made["id"]
    print(f"{made['total']} {made['currency']}, {done}" + (f": {where}" if where else ""))
    return 0


def monthly(billhook: Billhook, given: argparse.Namespace) -> int:
    """An invoice by mail each month. With a saved card, "charge" instead of "send" takes it."""
    asked = {
        "customer_id": customer(billhook, given),
        "amount": given.amount,
        "description": given.description,
        "interval": "monthly",
        "collection": "send",
    }
    made: Recurring = billhook.post("/v1/recurring_charges", asked, f"{given.wish}-monthly")
    print(f"{made['id']} is {made['status']}, next at {made['next_charge_at']}")
    return 0


def customer(billhook: Billhook, given: argparse.Namespace) -> str:
    """Whoever is billed; the same wish finds the one that was made for it."""
    asked = {"name": given.name, "email": given.email}
    made: dict[str, str] = billhook.post("/v1/customers", asked, f"{given.wish}-customer")
    return made["id"]


def play_the_payer(billhook: Billhook, invoice_id: str, wish: str) -> None:
    """With a test key: pay it with a test card."""
    card = {"invoice_id": invoice_id, "card": "4242424242424242"}
    billhook.post("/v1/sandbox/payments", card, f"{wish}-rehearsal")
    paid: Invoice = billhook.get(f"/v1/invoices/{invoice_id}")
    print(f"rehearsed: it is {paid['status']}")


def line_item(text: str) -> LineItem:
    """ "Hours; 2.5; 40" as a line: what, how many, at what price."""
    what, quantity, price = (part.strip() for part in text.split(";"))
    return {"description": what, "quantity": quantity, "unit_price": price}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="what", required=True)
    by_parts = kinds.add_parser("invoice", help="customer, preview, draft, send")
    by_parts.add_argument("--line", action="append", required=True, help="what; how many; price")
    by_parts.add_argument("--currency", default="USD")
    by_parts.add_argument("--tax", default="0", help="in percent")
    by_parts.add_argument("--rehearse", action="store_true", help="play the payer (test keys)")
    by_sentence = kinds.add_parser("sentence", help="an invoice of one sentence")
    by_sentence.add_argument("message")
    by_sentence.add_argument("--dry-run", action="store_true")
    every_month = kinds.add_parser("monthly", help="the same invoice every month")
    every_month.add_argument("--amount", required=True)
    every_month.add_argument("--description", required=True)
    for kind in (by_parts, every_month):
        kind.add_argument("--name", required=True)
        kind.add_argument("--email", required=True)
    for kind in (by_parts, by_sentence, every_month):
        kind.add_argument("--wish", required=True, help="your name for this deed: order-17")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
