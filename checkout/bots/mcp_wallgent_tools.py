"""The table of tools, third part: Wallgent's own six, by its names and with its arguments.

Each stands for an address of its dialect, so clients and prompts written for it work unchanged.
"""

from typing import Final

from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_words import ADD, ASKED, CHANGE, LOST, MONEY, PAGES, READ

_AT: Final = "/compat/wallgent/v1/invoices"
_ID: Final = {"reference": "invoiceId"}
_ALIAS: Final = "In Wallgent's words, for clients written for it; otherwise prefer {}."

WALLGENT_TOOLS: Final = (
    Tool(
        "wallgent_create_invoice",
        f"POST {_AT}",
        "Create an invoice (Wallgent)",
        f"Create an invoice with line items, as a draft. {LOST} {_ALIAS.format('create_invoice')}",
        ADD,
        makes=True,
    ),
    Tool(
        "wallgent_list_invoices",
        f"GET {_AT}",
        "List invoices (Wallgent)",
        f"List invoices with optional filters. {PAGES} {_ALIAS.format('list_invoices')}",
        READ,
    ),
    Tool(
        "wallgent_finalize_invoice",
        f"POST {_AT}/{{reference}}/finalize",
        "Finalize an invoice (Wallgent)",
        f"Finalize a draft invoice, so that it can be paid. {_ALIAS.format('finalize_invoice')}",
        ADD,
        renamed=_ID,
    ),
    Tool(
        "wallgent_charge_customer",
        f"POST {_AT}/charge",
        "Charge a customer (Wallgent)",
        f"Charge a customer's saved payment method now. This takes real money with a live key. "
        f"{ASKED} {LOST} {_ALIAS.format('charge_customer')}",
        MONEY,
        makes=True,
    ),
    Tool(
        "wallgent_void_invoice",
        f"POST {_AT}/{{reference}}/void",
        "Void an invoice (Wallgent)",
        f"Void an unpaid invoice, for good. {ASKED} {_ALIAS.format('void_invoice')}",
        CHANGE,
        renamed=_ID,
    ),
    Tool(
        "wallgent_refund_invoice",
        f"POST {_AT}/{{reference}}/refund",
        "Refund an invoice (Wallgent)",
        f"Refund all of a paid invoice. {ASKED} {LOST} {_ALIAS.format('refund_invoice')}",
        MONEY,
        makes=True,
        renamed=_ID,
    ),
)
