"""Every endpoint of the native API, and who may use it."""

from tests.matrix.declared import ANY_KEY, NO_KEY, Declared, Table
from tests.matrix.world import ADDRESS, FIRST_ADDRESS

LINES = [{"description": "x", "unit_price": "1"}]
DRAFT, OPEN, PAID = {"reference": "draft"}, {"reference": "open"}, {"reference": "paid"}
HOOK, DELIVERY = {"endpoint_id": "endpoint"}, {"endpoint_id": "endpoint", "delivery_id": "delivery"}
QUESTION = {"inquiry_id": "question"}
METHOD = {"customer_id": "saver", "method_id": "method"}
TEST_CARD = {"method_id": "test_card"}
RECURRING, PAUSED = {"recurring_id": "recurring"}, {"recurring_id": "paused"}
DISPUTE, DEPOSIT = {"dispute_id": "dispute"}, {"deposit_id": "deposit"}
USDC_DEPOSIT, CLAIM = {"deposit_id": "usdc_deposit"}, {"claim_id": "claim"}
BILL = {
    "customer_id": "{customer}",
    "wallet_id": "{wallet}",
    "checkout_page_id": "{checkout_page}",
    "line_items": LINES,
}

NATIVE: Table = {
    "GET /v1/invoices": Declared("invoices:read"),
    "POST /v1/invoices": Declared("invoices:write", body=BILL),
    "POST /v1/invoices/preview": Declared("invoices:write", body=BILL),
    "GET /v1/invoices/{reference}": Declared("invoices:read", OPEN),
    "PATCH /v1/invoices/{reference}": Declared("invoices:write", DRAFT, {"memo": "x"}),
    "DELETE /v1/invoices/{reference}": Declared("invoices:write", DRAFT),
    "POST /v1/invoices/{reference}/finalize": Declared("invoices:write", DRAFT),
    "POST /v1/invoices/{reference}/send": Declared("invoices:write", OPEN),
    "POST /v1/invoices/{reference}/void": Declared("invoices:write", {"reference": "plain"}),
    "POST /v1/invoices/{reference}/mark_uncollectible": Declared("invoices:write", OPEN),
    "POST /v1/invoices/{reference}/duplicate": Declared("invoices:write", PAID),
    "GET /v1/invoices/{reference}/pdf": Declared("invoices:read", OPEN),
    "GET /v1/invoices/{reference}/events": Declared("invoices:read", OPEN),
    "GET /v1/invoices/{reference}/inquiries": Declared("invoices:read", OPEN),
    "POST /v1/invoices/{reference}/reminders/pause": Declared("invoices:write", OPEN),
    "POST /v1/invoices/{reference}/reminders/resume": Declared("invoices:write", OPEN),
    "POST /v1/invoices/{reference}/reminders/send": Declared("invoices:write", OPEN),
    "GET /v1/reminders": Declared("invoices:read"),
    "PUT /v1/reminders": Declared("invoices:write", body={"enabled": True, "rules": []}),
    "GET /v1/inquiries": Declared("invoices:read"),
    "GET /v1/inquiries/{inquiry_id}": Declared("invoices:read", QUESTION),
    "POST /v1/inquiries/{inquiry_id}/answer": Declared("invoices:write", QUESTION, {"text": "x"}),
    "POST /v1/inquiries/{inquiry_id}/close": Declared("invoices:write", QUESTION),
    "POST /v1/invoices/{reference}/checkout": Declared("payments:write", OPEN),
    "POST /v1/invoices/{reference}/mark_paid": Declared("settle", OPEN),
    "GET /v1/invoices/{reference}/payments": Declared("payments:read", PAID),
    "GET /v1/invoices/pay/{slug}": Declared(NO_KEY, {"slug": "slug"}),
    "POST /v1/invoices/pay/{slug}/checkout": Declared(NO_KEY, {"slug": "slug"}),
    "GET /v1/customers": Declared("customers:read"),
    "POST /v1/customers": Declared("customers:write", body={"name": "Dora"}),
    "GET /v1/customers/{customer_id}": Declared("customers:read", {"customer_id": "customer"}),
    "PATCH /v1/customers/{customer_id}": Declared(
        "customers:write", {"customer_id": "customer"}, {"name": "Dora"}
    ),
    "DELETE /v1/customers/{customer_id}": Declared("customers:write", {"customer_id": "customer"}),
    "POST /v1/customers/{customer_id}/restore": Declared(
        "customers:write", {"customer_id": "archived"}
    ),
    "GET /v1/me": Declared(ANY_KEY),
    "GET /v1/bots": Declared("bots:read"),
    "POST /v1/bots": Declared("bots:write", body={"name": "Second"}),
    "GET /v1/bots/{bot_id}": Declared("bots:read", {"bot_id": "bot"}),
    "PATCH /v1/bots/{bot_id}": Declared("bots:write", {"bot_id": "bot"}, {"name": "x"}),
    "GET /v1/bots/{bot_id}/api_keys": Declared("bots:read", {"bot_id": "bot"}),
    "GET /v1/bots/{bot_id}/leash": Declared("bots:read", {"bot_id": "bot"}),
    "PUT /v1/bots/{bot_id}/leash": Declared("bots:write", {"bot_id": "bot"}),
    "GET /v1/approvals": Declared("payments:read"),
    "GET /v1/approvals/{approval_id}": Declared("payments:read", {"approval_id": "approval"}),
    "POST /v1/bots/{bot_id}/api_keys": Declared(
        "bots:write", {"bot_id": "bot"}, {"permissions": ["bots:write"]}
    ),
    "POST /v1/api_keys/{key_id}/revoke": Declared("bots:write", {"key_id": "key"}),
    "GET /v1/events": Declared("events:read"),
    "GET /v1/events/{event_id}": Declared("events:read", {"event_id": "event"}),
    "GET /v1/webhook_endpoints": Declared("webhooks:read"),
    "POST /v1/webhook_endpoints": Declared(
        "webhooks:write", body={"url": "https://example.com/two"}
    ),
    "GET /v1/webhook_endpoints/{endpoint_id}": Declared("webhooks:read", HOOK),
    "PATCH /v1/webhook_endpoints/{endpoint_id}": Declared(
        "webhooks:write", HOOK, {"description": "x"}
    ),
    "DELETE /v1/webhook_endpoints/{endpoint_id}": Declared("webhooks:write", HOOK),
    "POST /v1/webhook_endpoints/{endpoint_id}/rotate_secret": Declared("webhooks:write", HOOK),
    "GET /v1/webhook_endpoints/{endpoint_id}/deliveries": Declared("webhooks:read", HOOK),
    "GET /v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}": Declared(
        "webhooks:read", DELIVERY
    ),
    "POST /v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver": Declared(
        "webhooks:write", DELIVERY
    ),
    "GET /v1/payments": Declared("payments:read"),
    "GET /v1/payments/{payment_id}": Declared("payments:read", {"payment_id": "payment"}),
    "POST /v1/payments/{payment_id}/refund_overpayment": Declared(
        "payments:write", {"payment_id": "overpaid"}
    ),
    "POST /v1/invoices/charge": Declared(
        "payments:write",
        body={"customer_id": "{saver}", "amount": "9.00", "description": "Coffee"},
    ),
    "POST /v1/invoices/{reference}/charge": Declared("payments:write", {"reference": "savers"}),
    "POST /v1/invoices/{reference}/refund": Declared("payments:write", PAID),
    "GET /v1/invoices/{reference}/refunds": Declared("payments:read", PAID),
    "GET /v1/refunds": Declared("payments:read"),
    "GET /v1/refunds/{refund_id}": Declared("payments:read", {"refund_id": "refund"}),
    "GET /v1/customers/{customer_id}/credit": Declared("customers:read", {"customer_id": "saver"}),
    "GET /v1/customers/{customer_id}/payment_methods": Declared(
        "customers:read", {"customer_id": "saver"}
    ),
    "POST /v1/customers/{customer_id}/payment_methods": Declared(
        "payments:write", {"customer_id": "saver"}
    ),
    "GET /v1/customers/{customer_id}/payment_methods/{method_id}": Declared(
        "customers:read", METHOD
    ),
    "DELETE /v1/customers/{customer_id}/payment_methods/{method_id}": Declared(
        "payments:write", METHOD
    ),
    "POST /v1/customers/{customer_id}/payment_methods/{method_id}/default": Declared(
        "payments:write", METHOD
    ),
    "GET /v1/payment_method_setups/{setup_id}": Declared("customers:read", {"setup_id": "setup"}),
    "GET /v1/recurring_charges": Declared("payments:read"),
    "POST /v1/recurring_charges": Declared(
        "payments:write",
        body={
            "customer_id": "{saver}",
            "amount": "9.00",
            "description": "Coffee",
            "interval": "monthly",
        },
    ),
    "GET /v1/recurring_charges/{recurring_id}": Declared("payments:read", RECURRING),
    "PATCH /v1/recurring_charges/{recurring_id}": Declared(
        "payments:write", RECURRING, {"amount": "11.00"}
    ),
    "POST /v1/recurring_charges/{recurring_id}/pause": Declared("payments:write", RECURRING),
    "POST /v1/recurring_charges/{recurring_id}/resume": Declared("payments:write", PAUSED),
    "POST /v1/recurring_charges/{recurring_id}/cancel": Declared("payments:write", RECURRING),
    "GET /v1/recurring_charges/{recurring_id}/periods": Declared("payments:read", RECURRING),
    "GET /v1/recurring_charges/{recurring_id}/upcoming": Declared("payments:read", RECURRING),
    "GET /v1/dunning_policy": Declared("payments:read"),
    "PATCH /v1/dunning_policy": Declared("payments:write", body={"then": "pause"}),
    "GET /v1/disputes": Declared("payments:read"),
    "GET /v1/disputes/{dispute_id}": Declared("payments:read", DISPUTE),
    "PATCH /v1/disputes/{dispute_id}": Declared(
        "payments:write", DISPUTE, {"product_description": "Coffee"}
    ),
    "POST /v1/disputes/{dispute_id}/files": Declared(
        "payments:write",
        DISPUTE,
        {"field": "receipt", "name": "r.pdf", "content_base64": "JVBERi0xLjcK"},
    ),
    "DELETE /v1/disputes/{dispute_id}/files/{field}": Declared("payments:write", DISPUTE),
    "POST /v1/disputes/{dispute_id}/submit": Declared("payments:write", DISPUTE),
    "POST /v1/disputes/{dispute_id}/concede": Declared("payments:write", DISPUTE),
    "GET /v1/deposits": Declared("payments:read"),
    "GET /v1/deposits/{deposit_id}": Declared("payments:read", DEPOSIT),
    "POST /v1/deposits/{deposit_id}/match": Declared(
        "payments:write", DEPOSIT, {"invoice_id": "{open}"}
    ),
    "POST /v1/deposits/{deposit_id}/credit": Declared(
        "payments:write", DEPOSIT, {"customer_id": "{saver}"}
    ),
    "POST /v1/deposits/{deposit_id}/refund": Declared("payments:write", DEPOSIT),
    "GET /v1/payouts": Declared("payments:read"),
    "GET /v1/payouts/{payout_id}": Declared("payments:read", {"payout_id": "payout"}),
    "GET /v1/invoices/{reference}/credit_notes": Declared("invoices:read", PAID),
    "GET /v1/credit_notes": Declared("invoices:read"),
    "POST /v1/credit_notes": Declared("payments:write", body={"invoice_id": "{paid}"}),
    "POST /v1/credit_notes/preview": Declared("payments:write", body={"invoice_id": "{paid}"}),
    "GET /v1/credit_notes/{credit_note_id}": Declared(
        "invoices:read", {"credit_note_id": "credit_note"}
    ),
    "GET /v1/credit_notes/{credit_note_id}/pdf": Declared(
        "invoices:read", {"credit_note_id": "credit_note"}
    ),
    "GET /v1/checkout_pages": Declared("checkout:read"),
    "POST /v1/checkout_pages": Declared(
        "checkout:write", body={"title": "Tickets", "wallet_id": "{wallet}"}
    ),
    "GET /v1/checkout_pages/{page_id}": Declared("checkout:read", {"page_id": "checkout_page"}),
    "PATCH /v1/checkout_pages/{page_id}": Declared(
        "checkout:write", {"page_id": "checkout_page"}, {"title": "x"}
    ),
    "DELETE /v1/checkout_pages/{page_id}": Declared("checkout:write", {"page_id": "closing_page"}),
    "GET /v1/checkout_settings": Declared("checkout:read"),
    "PATCH /v1/checkout_settings": Declared(
        "checkout:write", body={"return_origins": ["https://shop.example.com"]}
    ),
    "GET /v1/sales": Declared("checkout:read"),
    "GET /v1/portal": Declared("checkout:read"),
    "PUT /v1/portal": Declared("checkout:write", body={"pause_recurring": True}),
    "GET /v1/sales/totals": Declared("checkout:read"),
    "GET /v1/wallets": Declared("wallets:read"),
    "POST /v1/wallets": Declared("wallets:write", body={"name": "Yen", "currency": "JPY"}),
    "GET /v1/wallets/{wallet_id}": Declared("wallets:read", {"wallet_id": "wallet"}),
    "PATCH /v1/wallets/{wallet_id}": Declared(
        "wallets:write", {"wallet_id": "wallet"}, {"name": "Main"}
    ),
    "GET /v1/wallets/{wallet_id}/entries": Declared("wallets:read", {"wallet_id": "wallet"}),
    "GET /v1/sandbox/clock": Declared(ANY_KEY, test_mode_only=True),
    "POST /v1/sandbox/clock": Declared(
        "sandbox:write", body={"advance": "P1D"}, test_mode_only=True
    ),
    "GET /v1/invoices/pay/{slug}/usdc": Declared(NO_KEY, {"slug": "slug"}),
    "POST /v1/invoices/pay/{slug}/usdc": Declared(NO_KEY, {"slug": "slug"}),
    "GET /v1/invoices/pay/{slug}/x402": Declared(NO_KEY, {"slug": "overpaid_slug"}),
    "POST /v1/invoices/pay/{slug}/x402": Declared(NO_KEY, {"slug": "overpaid_slug"}),
    "POST /v1/invoices/pay/{slug}/claim": Declared(
        NO_KEY, {"slug": "overpaid_slug"}, {"address": ADDRESS}
    ),
    "POST /v1/refunds/{refund_id}/cancel": Declared("payments:write", {"refund_id": "usdc_refund"}),
    "GET /v1/refund_claims": Declared("payments:read"),
    "GET /v1/refund_claims/{claim_id}": Declared("payments:read", CLAIM),
    "POST /v1/refund_claims/{claim_id}/accept": Declared("payments:write", CLAIM),
    "POST /v1/refund_claims/{claim_id}/decline": Declared("payments:write", CLAIM, {"note": "x"}),
    "GET /v1/wallets/{wallet_id}/receiving_keys": Declared("wallets:read", {"wallet_id": "wallet"}),
    "POST /v1/wallets/{wallet_id}/receiving_keys": Declared(
        "wallets:write", {"wallet_id": "wallet"}, {"address": ADDRESS}
    ),
    "GET /v1/usdc_addresses": Declared("wallets:read"),
    "GET /v1/usdc_addresses/export": Declared("wallets:read"),
    "GET /v1/usdc_deposits": Declared("payments:read"),
    "GET /v1/usdc_deposits/{deposit_id}": Declared("payments:read", USDC_DEPOSIT),
    "POST /v1/usdc_deposits/{deposit_id}/match": Declared(
        "payments:write", USDC_DEPOSIT, {"invoice_id": "{open}"}
    ),
    "POST /v1/usdc_deposits/{deposit_id}/credit": Declared(
        "payments:write", USDC_DEPOSIT, {"customer_id": "{saver}"}
    ),
    "POST /v1/usdc_deposits/{deposit_id}/refund": Declared(
        "payments:write", USDC_DEPOSIT, {"address": ADDRESS}
    ),
    "POST /v1/usdc_deposits/{deposit_id}/dismiss": Declared(
        "payments:write", {"deposit_id": "wrong_token"}
    ),
    "GET /v1/usdc_policy": Declared("wallets:read"),
    "PATCH /v1/usdc_policy": Declared("wallets:write", body={"tolerance_basis_points": 50}),
    "POST /v1/quick_invoices": Declared(
        "invoices:write", body={"message": "Invoice Cleo Payer $25 for coffee"}
    ),
    "POST /v1/sandbox/deposits": Declared(
        "sandbox:write",
        body={"address": FIRST_ADDRESS, "amount": "1"},
        test_mode_only=True,
    ),
    "POST /v1/sandbox/payments": Declared(
        "sandbox:write",
        body={"invoice_id": "{open}", "card": "4242424242424242"},
        test_mode_only=True,
    ),
    "GET /v1/sandbox/payment_methods/{method_id}": Declared(
        "customers:read", TEST_CARD, test_mode_only=True
    ),
    "POST /v1/sandbox/payment_methods/{method_id}": Declared(
        "sandbox:write", TEST_CARD, {"next": [{"outcome": "authenticate"}]}, test_mode_only=True
    ),
}
