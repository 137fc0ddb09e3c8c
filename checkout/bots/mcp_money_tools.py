"""The table of tools, second part: what moves money, and where it is."""

from typing import Final

from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_words import ADD, ASKED, CHANGE, LOST, MONEY, PAGES, READ

INVOICE: Final = "/v1/invoices/{reference}"
RECURRING: Final = "/v1/recurring_charges/{recurring_id}"

MONEY_TOOLS: Final = (
    # Money in and out
    Tool(
        "charge_customer",
        "POST /v1/invoices/charge",
        "Charge a customer",
        "Charge a customer's saved payment method now, or start a recurring charge with "
        f"`recurring`. It makes its own invoice. This takes real money with a live key. {ASKED} "
        "If payment.status is `failed`, read payment.failure; if it is `unknown` or `processing`, "
        f"wait and call get_payment, never charge again. {LOST}",
        MONEY,
        makes=True,
    ),
    Tool(
        "charge_invoice",
        f"POST {INVOICE}/charge",
        "Charge an open invoice",
        "Charge an open invoice to its customer's saved payment method. This takes real money with "
        f"a live key. {ASKED} If payment.status is `unknown` or `processing`, wait and call "
        f"get_payment, never charge again. {LOST}",
        MONEY,
        makes=True,
    ),
    Tool(
        "refund_invoice",
        f"POST {INVOICE}/refund",
        "Refund an invoice",
        f"Give back all or `amount` of what was paid for an invoice. {ASKED} A refund that is "
        f"`pending` or `unknown` is under way: call get_refund, never refund again. {LOST}",
        MONEY,
        makes=True,
    ),
    Tool(
        "list_payments",
        "GET /v1/payments",
        "List payments",
        f"Payments and attempts to pay, by invoice, status or time. {PAGES}",
        READ,
    ),
    Tool(
        "get_payment",
        "GET /v1/payments/{payment_id}",
        "Get a payment",
        "One payment: how far it is, and why it failed.",
        READ,
    ),
    Tool(
        "list_refunds",
        "GET /v1/refunds",
        "List refunds",
        f"Money given back, by invoice, payment, status or time. {PAGES}",
        READ,
    ),
    Tool(
        "get_refund",
        "GET /v1/refunds/{refund_id}",
        "Get a refund",
        "One refund: how far it is, and why it failed.",
        READ,
    ),
    Tool(
        "create_credit_note",
        "POST /v1/credit_notes",
        "Create a credit note",
        "Correct an issued invoice: take `amount`, or named line_items, off it. What was paid "
        f"beyond what is then due goes back, so this may refund money. {ASKED} {LOST}",
        MONEY,
        makes=True,
    ),
    Tool(
        "list_credit_notes",
        "GET /v1/credit_notes",
        "List credit notes",
        f"Corrections of issued invoices. {PAGES}",
        READ,
    ),
    Tool(
        "get_credit_note",
        "GET /v1/credit_notes/{credit_note_id}",
        "Get a credit note",
        "One credit note, with the refunds that came of it.",
        READ,
    ),
    Tool(
        "list_disputes",
        "GET /v1/disputes",
        "List disputes",
        "Payments that a payer's bank disputes. Answering one needs evidence and a person: tell "
        f"them when it is due. {PAGES}",
        READ,
    ),
    Tool(
        "get_dispute",
        "GET /v1/disputes/{dispute_id}",
        "Get a dispute",
        "One dispute: its reason, its state and until when it can be answered.",
        READ,
    ),
    Tool(
        "list_usdc_deposits",
        "GET /v1/usdc_deposits",
        "List USDC deposits",
        f"USDC that came in on chain, and what it paid. {PAGES}",
        READ,
    ),
    # Recurring charges
    Tool(
        "create_recurring_charge",
        "POST /v1/recurring_charges",
        "Create a recurring charge",
        "Bill a customer every week, month, quarter or year, by charging their saved payment "
        f"method or by sending invoices. This goes on taking money until it ends. {ASKED} {LOST}",
        MONEY,
        makes=True,
    ),
    Tool(
        "list_recurring_charges",
        "GET /v1/recurring_charges",
        "List recurring charges",
        f"Schedules of repeated billing. {PAGES}",
        READ,
    ),
    Tool(
        "get_recurring_charge",
        f"GET {RECURRING}",
        "Get a recurring charge",
        "One schedule: its state and when it bills next.",
        READ,
    ),
    Tool(
        "pause_recurring_charge",
        f"POST {RECURRING}/pause",
        "Pause a recurring charge",
        "Bill nothing until it is resumed.",
        ADD,
    ),
    Tool(
        "resume_recurring_charge",
        f"POST {RECURRING}/resume",
        "Resume a recurring charge",
        f"Let a paused schedule bill again, which may charge the customer at once. {ASKED}",
        MONEY,
    ),
    Tool(
        "cancel_recurring_charge",
        f"POST {RECURRING}/cancel",
        "Cancel a recurring charge",
        f"End a schedule for good, now or when its period ends. {ASKED}",
        CHANGE,
    ),
    # Wallets
    Tool(
        "list_wallets",
        "GET /v1/wallets",
        "List wallets",
        "Where money is received, with what is pending and available in each.",
        READ,
    ),
    Tool(
        "get_wallet",
        "GET /v1/wallets/{wallet_id}",
        "Get a wallet",
        "One wallet and its balance.",
        READ,
    ),
    Tool(
        "list_wallet_entries",
        "GET /v1/wallets/{wallet_id}/entries",
        "List a wallet's entries",
        f"What moved a wallet's balance: payments, fees, refunds, payouts. {PAGES}",
        READ,
    ),
)
