"""What a bot can do with an invoice now: the state, the next request, and when it is done.

The shape is Gwop's agent protocol 1.0. Paths are those of this instance's own API, and each can
be called just as it stands by whoever was shown the invoice: issued invoices speak to the payer,
who needs no key; drafts to the merchant's bot, which has one.
"""

from typing import Any, Final

from invoicing import clock, money
from invoicing.models import Invoice
from payments.offered import rails_of, usdc_chains
from payments.x402_terms import is_offered

VERSION: Final = "1.0"
FLOW: Final = "invoice_checkout"
POLL_SECONDS: Final = 3
UNAVAILABLE: Final = {
    "void": "The merchant has voided it and asks for nothing any more.",
    "expired": "The time to pay it has passed.",
    "uncollectible": "The merchant has written it off.",
}


def agent_protocol(invoice: Invoice) -> dict[str, Any] | None:
    """The protocol's answer for this invoice; None for one that is only a preview."""
    if invoice.pk is None:
        return None
    if invoice.status == "draft":
        return _draft(invoice)
    if invoice.status == "open" and not _window_has_closed(invoice):
        return _open(invoice)
    if invoice.status == "paying":
        return _paying(invoice)
    if invoice.status == "paid":
        return _said(
            invoice, "invoice_paid", "Nothing: it is paid.", ["The invoice is paid in full."]
        )
    reason = UNAVAILABLE.get(invoice.status, UNAVAILABLE["expired"])
    steps = [reason, "Ask the merchant if you think it should be paid."]
    return _said(invoice, "invoice_unavailable", "Nothing: it cannot be paid.", steps)


def _draft(invoice: Invoice) -> dict[str, Any]:
    finalize = f"/v1/invoices/{invoice.public_id}/finalize"
    return _said(
        invoice,
        "invoice_created",
        "Issue this draft, so that it can be paid.",
        [
            f"POST {finalize} with your API key. To mail it as well, POST to …/send instead.",
            "Give payment_url to the payer.",
            "Poll until status is paid.",
        ],
        _action("POST", finalize),
    )


def _open(invoice: Invoice) -> dict[str, Any]:
    due = f"{money.to_text(invoice.amount_due, invoice.currency)} {invoice.currency}"
    if is_offered(invoice):
        return _payment_required(invoice, due)
    if not rails_of(invoice) and usdc_chains(invoice):
        return _deposit(invoice, due)
    if not rails_of(invoice):
        steps = [
            "This merchant takes no payments online yet: ask how they want to be paid.",
            "Poll until status is paid.",
        ]
        goal = f"Pay {due} as the merchant says."
        return _said(invoice, "invoice_open", goal, steps, _poll(invoice))
    checkout = f"/v1/invoices/pay/{invoice.slug}/checkout"
    steps = [
        f"POST {checkout} to begin; no key is needed. An Idempotency-Key makes a retry safe.",
        "Open the url in the answer and pay there.",
        "Poll until status is paid.",
    ]
    if invoice.allow_partial:
        steps[0] += ' A part may be paid: {"amount": "…"}.'
    return _said(invoice, "invoice_open", f"Pay {due}.", steps, _action("POST", checkout))


def _deposit(invoice: Invoice, due: str) -> dict[str, Any]:
    """What a bot pays from a wallet of its own, where there is no other way."""
    usdc = f"/v1/invoices/pay/{invoice.slug}/usdc"
    steps = [
        f"POST {usdc}: it answers with the address, the exact amount, the token and the chain.",
        "Send exactly that, in one transfer of that token on that chain, before expires_at.",
        "Poll until status is paid.",
    ]
    return _said(invoice, "invoice_open", f"Pay {due} in USDC.", steps, _action("POST", usdc))


def _payment_required(invoice: Invoice, due: str) -> dict[str, Any]:
    """What a bot can pay by itself, with a wallet and no page."""
    x402 = f"/v1/invoices/pay/{invoice.slug}/x402"
    steps = [
        f"POST {x402} without a payment: the 402 says in PAYMENT-REQUIRED what to pay (x402).",
        "Sign one of its entries, and POST again with it in PAYMENT-SIGNATURE. On 202 send the "
        "same once more; never sign another.",
        "Poll until status is paid.",
    ]
    if rails_of(invoice):
        checkout = f"/v1/invoices/pay/{invoice.slug}/checkout"
        steps.insert(2, f"To pay by card or bank instead, POST {checkout} and open the url.")
    action = {**_action("POST", x402), "expect_status": [200, 202, 402]}
    return _said(invoice, "payment_required", f"Pay {due}.", steps, action)


def _paying(invoice: Invoice) -> dict[str, Any]:
    steps = [
        "A payment is on its way: do not pay again.",
        "Poll until status is paid; if it becomes open, that payment failed and another can begin.",
    ]
    goal = "Wait until the payment has arrived."
    return _said(invoice, "invoice_paying", goal, steps, _poll(invoice))


def _said(
    invoice: Invoice,
    state: str,
    goal: str,
    steps: list[str],
    next_action: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "flow": FLOW,
        "state": state,
        "goal": goal,
        "steps": steps,
        "next_action": next_action,
        "completion_check": {
            "method": "GET",
            "path": _read_path(invoice),
            "field": "status",
            "success_value": "paid",
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


def _poll(invoice: Invoice) -> dict[str, Any]:
    action = _action("GET", _read_path(invoice))
    action["retry"]["max_attempts"] = 100
    return action


def _read_path(invoice: Invoice) -> str:
    if invoice.status == "draft":
        return f"/v1/invoices/{invoice.public_id}"
    return f"/v1/invoices/pay/{invoice.slug}"


def _window_has_closed(invoice: Invoice) -> bool:
    """Whether the time to pay has passed, even before a worker has written it down."""
    ends = invoice.expires_at
    return ends is not None and ends <= clock.now(invoice.merchant)
