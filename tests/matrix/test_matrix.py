"""Who may do what: every endpoint × every object × everybody who may not.

The endpoints come from the URL map. One that is not declared here fails, so that none is added
without having said who may use it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import get_resolver

from invoicing import clock as clocks
from invoicing import tasks
from invoicing.actions.access import revoke_api_key
from invoicing.actions.customers import delete_customer
from invoicing.actions.inquiries import ask_question
from invoicing.actions.invoices import void_invoice
from invoicing.api.views import NothingHere, PublicView
from invoicing.inputs import read
from invoicing.models import ApiKey, Delivery, Event, Merchant
from invoicing.permissions import FOR_BOTS
from invoicing.reminder_inputs import QuestionInput
from payments import flows, recurring_flow
from payments.actions.claims import claim
from payments.actions.disputes import attach_file, save_evidence
from payments.actions.receiving import request_usdc
from payments.actions.recurring import pause_recurring
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput, EvidenceInput, RefundInput
from payments.models import MethodSetup, Wallet
from payments.recurring_inputs import PauseInput, RecurringInput
from payments.usdc_inputs import ClaimInput
from tests.factories import (
    again,
    given_a_checkout_page,
    given_a_customer,
    given_a_draft,
    given_a_key,
    given_a_saved_card,
    given_an_approval,
    given_an_endpoint,
    given_an_open_invoice,
    pay,
    send_usdc,
)
from tests.fixtures import Api
from tests.fixtures_api import everything
from tests.fixtures_stripe import Stripe

# Who may ask is decided before any database is.
pytestmark = pytest.mark.same_everywhere

ADDRESS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
# The first that the sandbox gives out, to whoever asks first.
FIRST_ADDRESS = "0x8C8d35429F74ec245F8Ef2f4Fd1e551cFF97d650"
ANY_KEY, NO_KEY = "any key", "no key"
UNAUTHORIZED = (401, "unauthorized")
LINES = [{"description": "x", "unit_price": "1"}]


@dataclass(frozen=True)
class Declared:
    """Who may use an endpoint: a permission, ANY_KEY or NO_KEY.

    `uses` says which of a merchant's objects stands at each place of the address, and `body` is
    one that is taken; names in braces there are ids as well.
    """

    needs: str
    uses: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    test_mode_only: bool = False


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

DECLARED: dict[str, Declared] = {
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
    "GET /v1/sales": Declared("checkout:read"),
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
KEYED = [name for name, said in DECLARED.items() if said.needs != NO_KEY]
WITH_PERMISSION = [name for name in KEYED if DECLARED[name].needs != ANY_KEY]
WITH_OBJECTS = [
    name
    for name in KEYED
    if DECLARED[name].uses or any(str(value)[0] == "{" for value in DECLARED[name].body.values())
]
LISTS = [name for name in KEYED if name.startswith("GET") and not DECLARED[name].uses]


def endpoints() -> dict[str, type]:
    """Every endpoint below /v1 by the URL map, as "METHOD /address"."""
    found: dict[str, type] = {}
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) != "v1/":
            continue
        for inner in pattern.url_patterns:
            path = "/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(inner.pattern))
            view = inner.callback.cls
            if view is not NothingHere:
                found |= {f"{method.upper()} {path}": view for method in view.endpoints}
    return found


def world(merchant: Merchant, stripe: Stripe) -> dict[str, str]:
    """One of everything that belongs to a merchant, by what it is."""
    endpoint = given_an_endpoint(merchant, "https://example.com/")
    billed, archived = given_a_customer(merchant), given_a_customer(merchant)
    given_a_draft(merchant, customer_id=archived.public_id)
    delete_customer(merchant, archived.public_id)
    paid = given_an_open_invoice(merchant)
    payment = pay(paid)
    opened = given_an_open_invoice(merchant, customer_id=billed.public_id)
    plain = given_an_open_invoice(merchant)
    note = credit(merchant, opened.public_id, CreditNoteInput(amount=Decimal(1)))
    draft = given_a_draft(merchant)
    key = ApiKey.objects.get(prefix=given_a_key(merchant, ["events:read"])[:16])
    money = money_of(merchant, stripe)
    selling, closing = given_a_checkout_page(merchant), given_a_checkout_page(merchant)
    sold = given_an_open_invoice(merchant, checkout_page_id=selling.public_id)
    pay(sold)
    tasks.fan_out_events()
    return {
        **money,
        "checkout_page": selling.public_id,
        "closing_page": closing.public_id,
        "sold": sold.public_id,
        **usdc_of(merchant),
        "draft": draft.public_id,
        "draft by uuid": str(draft.uuid),
        "open": opened.public_id,
        "open by uuid": str(opened.uuid),
        "open by number": str(opened.number),
        "plain": plain.public_id,
        "plain by uuid": str(plain.uuid),
        "plain by number": str(plain.number),
        "paid": paid.public_id,
        "paid by uuid": str(paid.uuid),
        "paid by number": str(paid.number),
        "slug": opened.slug,
        "question": ask_question(opened.pk, QuestionInput(text="Why?")).public_id,
        "customer": billed.public_id,
        "archived": archived.public_id,
        "bot": key.bot.public_id,
        "approval": given_an_approval(merchant).public_id,
        "key": key.public_id,
        "event": Event.objects.filter(merchant=merchant).latest("pk").public_id,
        "endpoint": endpoint.public_id,
        "delivery": Delivery.objects.filter(endpoint=endpoint).latest("pk").public_id,
        "payment": payment.public_id,
        "credit_note": note.public_id,
        "wallet": Wallet.objects.get(merchant=merchant).public_id,
    }


def money_of(merchant: Merchant, stripe: Stripe) -> dict[str, str]:
    """One of everything that a merchant has through Stripe, by what it is."""
    saver = given_a_customer(merchant)
    method = stripe.given_a_method(saver)
    overpaid = stripe.given_a_payment(merchant, late=True)
    disputed = stripe.given_a_payment(merchant)
    dispute = stripe.given_a_dispute(disputed)
    save_evidence(merchant, dispute.public_id, read(EvidenceInput, {"uncategorized_text": "x"}))
    attach_file(merchant, dispute.public_id, "receipt", "r.pdf", b"%PDF-1.7")
    refund = flows.refund(
        merchant, stripe.given_a_payment(merchant).invoice.public_id, RefundInput()
    )[0]
    billed = given_an_open_invoice(merchant, customer_id=saver.public_id)
    monthly = {
        "customer_id": saver.public_id,
        "amount": "9.00",
        "description": "Coffee",
        "interval": "monthly",
    }
    recurring = recurring_flow.start(merchant, read(RecurringInput, monthly))
    paused = recurring_flow.start(merchant, read(RecurringInput, {**monthly, "trial_days": 7}))
    pause_recurring(merchant, paused.public_id, PauseInput())
    return {
        "saver": saver.public_id,
        "savers": billed.public_id,
        "savers by uuid": str(billed.uuid),
        "savers by number": str(billed.number),
        "method": method.public_id,
        "setup": MethodSetup.objects.get(customer=saver, rail="card").public_id,
        "recurring": recurring.public_id,
        "paused": paused.public_id,
        "test_card": given_a_saved_card(saver).public_id,
        "overpaid": overpaid.public_id,
        "dispute": dispute.public_id,
        "refund": refund.public_id,
        "deposit": stripe.given_a_deposit(merchant).public_id,
        "payout": stripe.given_a_payout(merchant).public_id,
    }


def usdc_of(merchant: Merchant) -> dict[str, str]:
    """One of everything that a merchant has in USDC, by what it is."""
    late, over, more, back = (given_an_open_invoice(merchant) for _ in range(4))
    asked = request_usdc(late.pk)
    void_invoice(merchant, late.public_id)
    unmatched = send_usdc(asked.address, "100", final=True)
    other = send_usdc(asked.address, "1", token=ADDRESS)
    for overpaid in (over, more):
        send_usdc(request_usdc(overpaid.pk).address, "150", final=True)
    wanted = read(ClaimInput, {"wish": "refund", "address": ADDRESS})
    send_usdc(request_usdc(back.pk).address, "100", final=True)
    refund = flows.refund(merchant, back.public_id, RefundInput(address=ADDRESS))[0]
    return {
        "late": late.public_id,
        "usdc_deposit": unmatched.public_id,
        "wrong_token": other.public_id,
        "claim": claim(over.pk, wanted).public_id,
        "overpaid_slug": more.slug,
        "usdc_refund": refund.public_id,
    }


@pytest.fixture(autouse=True)
def _without_limits(settings: Any) -> None:
    settings.RATE_LIMITS = {}


@pytest.fixture
def adas(test_merchant: Merchant, stripe_account: Stripe) -> dict[str, str]:
    return world(test_merchant, stripe_account)


def ask(who: Api, name: str, things: dict[str, str], **headers: str) -> Any:
    """Use this endpoint on these things."""
    said = DECLARED[name]
    method, path = name.split(" ", 1)
    path = path.replace("{field}", "receipt")
    for place, thing in said.uses.items():
        path = path.replace(f"{{{place}}}", things[thing])
    body = {
        key: things[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
        for key, value in said.body.items()
    }
    return who.send(method, path, body if method in ("POST", "PUT", "PATCH") else None, **headers)


def variants(name: str) -> list[dict[str, str]]:
    """The ways to name the objects of an address: an invoice has up to three."""
    thing = DECLARED[name].uses.get("reference")
    if thing is None:
        return [{}]
    kinds = ["", " by uuid"] if thing == "draft" else ["", " by uuid", " by number"]
    return [{thing: thing + kind} for kind in kinds]


def test_every_endpoint_is_declared() -> None:
    assert set(endpoints()) == set(DECLARED)
    public = {name for name, view in endpoints().items() if issubclass(view, PublicView)}
    assert public == {name for name, said in DECLARED.items() if said.needs == NO_KEY}


def test_every_permission_is_asked_for_somewhere() -> None:
    assert {DECLARED[name].needs for name in WITH_PERMISSION} == FOR_BOTS


def test_who_has_the_permission_and_nothing_else_may(
    subtests: pytest.Subtests,
    test_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    """The control of all that follows: the same request, from whom it may come."""
    for name, said in DECLARED.items():
        key = {NO_KEY: "", ANY_KEY: given_a_key(test_merchant, ["events:read"])}.get(said.needs)
        who = Api(given_a_key(test_merchant, [said.needs]) if key is None else key)
        with subtests.test(name), stripe_account.tried_out():
            assert ask(who, name, adas).status_code in (200, 201, 204)


def test_each_name_of_an_invoice_opens_it_to_its_owner(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    who = Api(given_a_key(test_merchant))
    for name in (name for name in WITH_OBJECTS if name.startswith("GET")):
        with subtests.test(name):
            answers = {
                ask(who, name, {**adas, thing: adas[kind]}).content
                for named in variants(name)
                for thing, kind in named.items()
            }
            assert len(answers) <= 1


def test_without_a_key_nothing_opens(subtests: pytest.Subtests, adas: dict[str, str]) -> None:
    before = everything()
    for name in KEYED:
        for header in ({}, {"Authorization": "Bearer bh_test_no"}, {"Authorization": "Basic x"}):
            with subtests.test(name, **header):
                answer = ask(Api(""), name, adas, **header)
                assert (answer.status_code, answer.json()["error"]["code"]) == UNAUTHORIZED
                tells_nothing_of(adas, answer)
    assert everything() == before


def revoked(merchant: Merchant) -> str:
    text = given_a_key(merchant)
    revoke_api_key(merchant, ApiKey.objects.get(prefix=text[:16]).public_id)
    return text


def expired(merchant: Merchant) -> str:
    text = given_a_key(merchant)
    ApiKey.objects.filter(prefix=text[:16]).update(expires_at=clocks.wall())
    return text


@pytest.mark.parametrize("make", [revoked, expired])
def test_a_key_that_is_revoked_or_expired_opens_nothing(
    subtests: pytest.Subtests,
    make: Callable[[Merchant], str],
    test_merchant: Merchant,
    adas: dict[str, str],
) -> None:
    who = Api(make(test_merchant))
    before = everything()
    for name in KEYED:
        with subtests.test(name):
            answer = ask(who, name, adas)
            assert (answer.status_code, answer.json()["error"]["code"]) == UNAUTHORIZED
            tells_nothing_of(adas, answer)
    assert everything() == before


def test_a_key_with_every_other_permission_may_not(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    nothing = dict.fromkeys(adas, "none")
    keys = {needs: given_a_key(test_merchant, FOR_BOTS - {needs}) for needs in FOR_BOTS}
    before = everything()
    for name in WITH_PERMISSION:
        needs = DECLARED[name].needs
        for things in (adas, nothing):
            with subtests.test(name, there=things is adas):
                answer = ask(Api(keys[needs]), name, things)
                error = answer.json()["error"]
                assert (answer.status_code, error["code"]) == (403, "missing_permission")
                assert error["details"] == {"permission": needs}
                assert needs in error["message"]
                tells_nothing_of(adas, answer)
    assert everything() == before


def test_another_merchants_objects_do_not_exist(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    nothing = dict.fromkeys(adas, "inv_" + "0" * 24)
    # Ben's own invoices have the same numbers; a PDF that was made once is kept.
    assert who.get(f"/v1/invoices/{adas['open by number']}/pdf").status_code == 200
    before = everything()
    for name in WITH_OBJECTS:
        unknown = ask(who, name, nothing).json()["error"]
        for named in variants(name):
            thing, kind = next(iter(named.items()), ("draft", "draft"))
            with subtests.test(name, by=kind):
                if kind.endswith("number"):
                    # Ben has an invoice of that number himself: it is never Ada's that he gets.
                    if name.startswith("GET"):
                        tells_nothing_of(adas, ask(who, name, {**adas, thing: adas[kind]}))
                    continue
                answer = ask(who, name, {**adas, thing: adas[kind]})
                error = answer.json()["error"]
                assert (answer.status_code, error["code"]) == (404, "not_found")
                # It is answered as for what never was, but for the id that was asked for.
                assert error["details"] == unknown["details"]
                tells_nothing_of(adas, answer, but=error["message"])
    assert everything() == before


def test_an_object_is_not_found_under_somebody_elses(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    bens = world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    before = everything()
    for name in WITH_OBJECTS:
        things = DECLARED[name].uses.values()
        for foreign in things if len(things) > 1 else ():
            with subtests.test(name, foreign=foreign):
                answer = ask(who, name, {**bens, foreign: adas[foreign]})
                assert answer.status_code == 404
    assert everything() == before


def test_the_live_merchants_key_does_not_open_its_test_twin(
    subtests: pytest.Subtests, live: Merchant, adas: dict[str, str]
) -> None:
    who = Api(given_a_key(live))
    before = everything()
    for name in WITH_OBJECTS:
        with subtests.test(name):
            expected = 403 if DECLARED[name].test_mode_only else 404
            assert ask(who, name, adas).status_code == expected
    assert everything() == before


def test_lists_show_ones_own_and_nothing_else(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    test_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    bens = world(ben_merchant, stripe_account)
    for merchant, own, foreign in ((ben_merchant, bens, adas), (test_merchant, adas, bens)):
        who = Api(given_a_key(merchant))
        for name in LISTS:
            with subtests.test(name, whose=merchant.name):
                answer = who.get(name.removeprefix("GET "))
                assert answer.status_code == 200
                tells_nothing_of(foreign, answer)
                # The control: one's own are there.
                if "data" in answer.json():
                    assert any(thing in answer.content.decode() for thing in own.values())


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        (
            "GET /v1/invoices",
            {"customer": "customer", "wallet_id": "wallet", "checkout_page_id": "checkout_page"},
        ),
        ("GET /v1/sales", {"checkout_page_id": "checkout_page"}),
        ("GET /v1/events", {"object_id": "open"}),
        ("GET /v1/payments", {"invoice_id": "paid", "wallet_id": "wallet"}),
    ],
)
def test_a_filter_by_anothers_object_finds_nothing(
    name: str,
    filters: dict[str, str],
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    for parameter, thing in filters.items():
        answer = who.get(name.removeprefix("GET "), {parameter: adas[thing]})
        assert answer.json()["data"] == []


def tells_nothing_of(things: dict[str, str], answer: Any, but: str = "") -> None:
    """No id, uuid or slug of these stands in the answer, save what the asker named himself."""
    text = answer.content.decode(errors="replace")
    text = text.replace(but, "") if but else text
    ids = {value for kind, value in things.items() if not kind.endswith("number")}
    assert [value for value in ids if value in text] == []


def test_a_merchants_own_row_is_not_changed_by_a_stranger(
    ben_merchant: Merchant, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    before = again(test_merchant).clock_offset
    Api(given_a_key(ben_merchant)).post("/v1/sandbox/clock", {"advance": "P1D"})
    assert again(test_merchant).clock_offset == before
    assert again(ben_merchant).clock_offset > timedelta(0)
