"""What a bot can do with an invoice now: the state, the next request, and when it is done.

The shape is Gwop's agent protocol 1.0. Paths are those of this instance's own API, unless a dialect
brings its own, and each can be called just as it stands by whoever was shown the invoice: issued
invoices speak to the payer, who needs no key; drafts to the merchant's bot, which has one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from invoicing import clock, money
from invoicing.models import Invoice
from payments.offered import rails_of, usdc_chains
from payments.x402_terms import is_offered

VERSION: Final = "1.0"
CHECKOUT, USDC, X402 = "checkout", "usdc", "x402"
POLL_SECONDS: Final = 3
UNAVAILABLE: Final = {
    "void": "The merchant has voided it and asks for nothing any more.",
    "expired": "The time to pay it has passed.",
    "uncollectible": "The merchant has written it off.",
}


@dataclass(frozen=True, slots=True)
class Words:
    """How a wire format says it: where payers ask, how it spells a status, and its flows.

    `payer` has a place for the slug; the ways to pay are below it. `flows` names each way.
    """

    payer: str
    spelled: Callable[[str], str]
    flows: Mapping[str, str]

    def read(self, invoice: Invoice) -> str:
        """Where an issued invoice is seen."""
        return self.payer.format(slug=invoice.slug)

    def door(self, invoice: Invoice, way: str) -> str:
        """Where paying it this way begins."""
        return f"{self.read(invoice)}/{way}"

    @property
    def poll(self) -> str:
        return f"Poll until status is {self.spelled('paid')}."


NATIVE: Final = Words(
    payer="/v1/invoices/pay/{slug}",
    spelled=str,
    flows=dict.fromkeys((CHECKOUT, USDC, X402), "invoice_checkout"),
)


def agent_protocol(invoice: Invoice, words: Words = NATIVE) -> dict[str, Any] | None:
    """The protocol's answer for this invoice; None for one that is only a preview."""
    if invoice.pk is None:
        return None
    if invoice.status == "draft":
        return _draft(invoice, words)
    if invoice.status == "open" and not window_has_closed(invoice):
        return _open(invoice, words)
    if invoice.status == "paying":
        return _paying(invoice, words)
    if invoice.status == "paid":
        steps = ["The invoice is paid in full."]
        return _said(invoice, words, "invoice_paid", "Nothing: it is paid.", steps)
    reason = UNAVAILABLE.get(invoice.status, UNAVAILABLE["expired"])
    steps = [reason, "Ask the merchant if you think it should be paid."]
    return _said(invoice, words, "invoice_unavailable", "Nothing: it cannot be paid.", steps)


def _draft(invoice: Invoice, words: Words) -> dict[str, Any]:
    finalize = f"/v1/invoices/{invoice.public_id}/finalize"
    return _said(
        invoice,
        words,
        "invoice_created",
        "Issue this draft, so that it can be paid.",
        [
            f"POST {finalize} with your API key. To mail it as well, POST to …/send instead.",
            "Give payment_url to the payer.",
            words.poll,
        ],
        _action("POST", finalize),
    )


def _open(invoice: Invoice, words: Words) -> dict[str, Any]:
    due = f"{money.to_text(invoice.amount_due, invoice.currency)} {invoice.currency}"
    if is_offered(invoice):
        return _payment_required(invoice, due, words)
    if not rails_of(invoice) and usdc_chains(invoice):
        return _deposit(invoice, due, words)
    if not rails_of(invoice):
        steps = [
            "This merchant takes no payments online yet: ask how they want to be paid.",
            words.poll,
        ]
        goal = f"Pay {due} as the merchant says."
        return _said(invoice, words, "invoice_open", goal, steps, _poll(invoice, words))
    checkout = words.door(invoice, CHECKOUT)
    steps = [
        f"POST {checkout} to begin; no key is needed. An Idempotency-Key makes a retry safe.",
        "Open the url in the answer and pay there.",
        words.poll,
    ]
    if invoice.allow_partial:
        steps[0] += ' A part may be paid: {"amount": "…"}.'
    return _said(invoice, words, "invoice_open", f"Pay {due}.", steps, _action("POST", checkout))


def _deposit(invoice: Invoice, due: str, words: Words) -> dict[str, Any]:
    """What a bot pays from a wallet of its own, where there is no other way."""
    usdc = words.door(invoice, USDC)
    steps = [
        f"POST {usdc}: it answers with the address, the exact amount, the token and the chain.",
        "Send exactly that, in one transfer of that token on that chain, before expires_at.",
        words.poll,
    ]
    return _said(
        invoice, words, "invoice_open", f"Pay {due} in USDC.", steps, _action("POST", usdc), USDC
    )


def _payment_required(invoice: Invoice, due: str, words: Words) -> dict[str, Any]:
    """What a bot can pay by itself, with a wallet and no page."""
    x402 = words.door(invoice, X402)
    steps = [
        f"POST {x402} without a payment: the 402 says in PAYMENT-REQUIRED what to pay (x402).",
        "Sign one of its entries, and POST again with it in PAYMENT-SIGNATURE. On 202 send the "
        "same once more; never sign another.",
        words.poll,
    ]
    if rails_of(invoice):
        checkout = words.door(invoice, CHECKOUT)
        steps.insert(2, f"To pay by card or bank instead, POST {checkout} and open the url.")
    action = {**_action("POST", x402), "expect_status": [200, 202, 402]}
    return _said(invoice, words, "payment_required", f"Pay {due}.", steps, action, X402)


def _paying(invoice: Invoice, words: Words) -> dict[str, Any]:
    steps = [
        "A payment is on its way: do not pay again.",
        f"Poll until status is {words.spelled('paid')}; if it becomes {words.spelled('open')}, "
        "that payment failed and another can begin.",
    ]
    goal = "Wait until the payment has arrived."
    return _said(invoice, words, "invoice_paying", goal, steps, _poll(invoice, words))


def _said(
    invoice: Invoice,
    words: Words,
    state: str,
    goal: str,
    steps: list[str],
    next_action: dict[str, Any] | None = None,
    way: str = CHECKOUT,
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "flow": words.flows[way],
        "state": state,
        "goal": goal,
        "steps": steps,
        "next_action": next_action,
        "completion_check": {
            "method": "GET",
            "path": _read_path(invoice, words),
            "field": "status",
            "success_value": words.spelled("paid"),
        },
    }


def _action(method: str, path: str) -> dict[str, Any]:
    retry = {"strategy": "fixed_interval", "retry_after_seconds": POLL_SECONDS, "max_attempts": 5}
    return {
        "method": method,
        "path": path,
        "body_template": {},
        "expect_status": [200],
        "retry": retry,
    }


def _poll(invoice: Invoice, words: Words) -> dict[str, Any]:
    action = _action("GET", _read_path(invoice, words))
    action["retry"]["max_attempts"] = 100
    return action


def _read_path(invoice: Invoice, words: Words) -> str:
    if invoice.status == "draft":
        return f"/v1/invoices/{invoice.public_id}"
    return words.read(invoice)


def window_has_closed(invoice: Invoice) -> bool:
    """Whether the time to pay has passed, even before a worker has written it down."""
    ends = invoice.expires_at
    return ends is not None and ends <= clock.now(invoice.merchant)
