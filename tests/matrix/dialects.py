"""Every address of the dialects, and who may use it."""

from tests.matrix.declared import NO_KEY, Declared, Table

WALLGENT = "/compat/wallgent/v1/invoices"
GWOP = "/compat/gwop/v1/invoices"
CREDITCLAW = "/compat/creditclaw/api/v1/bot"

DRAFT, OPEN, PAID = {"reference": "draft"}, {"reference": "open"}, {"reference": "paid"}
SLUG = {"slug": "slug"}
IN_USDC, PAYER_IN_USDC = {"reference": "in_usdc by uuid"}, {"slug": "in_usdc_slug"}
BILL = {
    "walletId": "{wallet}",
    "customerId": "{customer}",
    "lineItems": [{"description": "x", "unitPrice": "1"}],
}
CHARGE = {"walletId": "{wallet}", "customerId": "{saver}", "amount": "5.00", "description": "x"}
SELL = {
    "checkout_page_id": "{checkout_page}",
    "line_items": [{"description": "x", "quantity": 1, "unit_price_usd": 1}],
}
FEE = {"amount": 25.00, "fiat_currency": "USD"}

DIALECTS: Table = {
    f"GET {WALLGENT}": Declared("invoices:read"),
    f"POST {WALLGENT}": Declared("invoices:write", body=BILL),
    f"POST {WALLGENT}/charge": Declared("payments:write", body=CHARGE),
    f"GET {WALLGENT}/{{reference}}": Declared("invoices:read", OPEN),
    f"POST {WALLGENT}/{{reference}}/finalize": Declared("invoices:write", DRAFT),
    f"POST {WALLGENT}/{{reference}}/checkout": Declared("payments:write", OPEN),
    f"POST {WALLGENT}/{{reference}}/void": Declared("invoices:write", {"reference": "plain"}),
    f"POST {WALLGENT}/{{reference}}/refund": Declared("payments:write", PAID),
    f"GET {WALLGENT}/pay/{{slug}}": Declared(NO_KEY, SLUG),
    f"POST {WALLGENT}/pay/{{slug}}/checkout": Declared(NO_KEY, SLUG),
    f"POST {WALLGENT}/pay/{{slug}}/usdc": Declared(NO_KEY, SLUG),
    "GET /compat/wraith/invoice/{reference}": Declared("invoices:read", OPEN),
    "POST /compat/wraith/invoice/{reference}/paid": Declared("settle", OPEN),
    "POST /compat/wraith/agent/{agent}/chat": Declared(
        "invoices:write", {"agent": "bot"}, {"message": "Create an invoice for $50"}
    ),
    "POST /compat/wayout/api/invoice": Declared("invoices:write", body=FEE),
    "GET /compat/wayout/pay-invoice": Declared(NO_KEY, query={"share_token": "{slug}"}),
    f"GET {GWOP}": Declared("invoices:read"),
    f"POST {GWOP}": Declared("invoices:write", body={"amount_usdc": 1_000_000}),
    f"GET {GWOP}/{{reference}}": Declared("invoices:read", IN_USDC),
    f"POST {GWOP}/{{reference}}/cancel": Declared("invoices:write", IN_USDC),
    f"GET {GWOP}/inv_{{slug}}": Declared(NO_KEY, PAYER_IN_USDC),
    f"POST {GWOP}/inv_{{slug}}/checkout": Declared(NO_KEY, SLUG),
    f"GET {GWOP}/inv_{{slug}}/usdc": Declared(NO_KEY, PAYER_IN_USDC),
    f"POST {GWOP}/inv_{{slug}}/usdc": Declared(NO_KEY, PAYER_IN_USDC),
    f"GET {GWOP}/inv_{{slug}}/x402": Declared(NO_KEY, {"slug": "overpaid_slug"}),
    f"POST {GWOP}/inv_{{slug}}/x402": Declared(NO_KEY, {"slug": "overpaid_slug"}),
    f"GET {CREDITCLAW}/invoices": Declared("invoices:read"),
    f"POST {CREDITCLAW}/invoices/create": Declared("invoices:write", body=SELL),
    f"POST {CREDITCLAW}/invoices/{{reference}}/send": Declared(
        "invoices:write", {"reference": "sendable"}
    ),
    f"GET {CREDITCLAW}/checkout-pages": Declared("checkout:read"),
    f"POST {CREDITCLAW}/checkout-pages/create": Declared(
        "checkout:write", body={"title": "Tickets"}
    ),
    f"GET {CREDITCLAW}/sales": Declared("checkout:read"),
    "GET /compat/creditclaw/pay/{page_id}": Declared(NO_KEY, {"page_id": "checkout_page"}),
}
# They refuse whatever is asked, because the address lacks an id.
NAMELESS = {
    f"POST {CREDITCLAW}/invoices/send": Declared("invoices:write"),
    f"POST {CREDITCLAW}/invoices//send": Declared("invoices:write"),
}
# It leads on to the page, and does not look whether there is one.
LEADS_ON = {"GET /compat/creditclaw/pay/{page_id}"}
# What has no code of its own for a refusal, but a sentence.
WITHOUT_CODES = ("/compat/wraith/", "/compat/wayout/")
