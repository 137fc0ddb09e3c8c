"""The dashboard's pages about money that goes back, is argued about, set aside or sent on."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from invoicing.models import Merchant
from payments import flows
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput, RefundInput
from payments.models import Refund
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS
from tests.fixtures_stripe import Stripe

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere

LINES = [
    {"description": "Photographs, licensed for five years", "quantity": "3", "unit_price": "400"},
    {"description": "Design hours", "quantity": "12.5", "unit_price": "96"},
]


def given_money_back(shop: Merchant, stripe: Stripe) -> dict[str, str]:
    """Rows for every page, with the ids that addresses need."""
    customer = factories.given_a_customer(shop)
    payout = stripe.given_a_payout(shop)
    stripe.given_a_method(customer)
    flows.save_method(shop, customer.public_id, "ach")
    payment = stripe.given_a_payment(shop, line_items=LINES, customer_id=customer.public_id)
    flows.refund(shop, payment.invoice.public_id, RefundInput(amount=Decimal("15.50")))
    dispute = stripe.given_a_dispute(stripe.given_a_payment(shop), reason="product_not_received")
    over = stripe.given_a_payment(shop, late=True)
    deposit = stripe.given_a_deposit(shop)
    invoice = factories.given_an_open_invoice(
        shop, line_items=LINES, customer_id=customer.public_id
    )
    note = credit(shop, invoice.public_id, CreditNoteInput(amount=Decimal("30"), memo="Too late"))
    return {
        "customer": customer.public_id,
        "payment": payment.public_id,
        "paid": payment.invoice.public_id,
        "over": over.public_id,
        "refund": Refund.objects.get(payment=payment).public_id,
        "dispute": dispute.public_id,
        "deposit": deposit.public_id,
        "payout": payout.public_id,
        "invoice": invoice.public_id,
        "note": note.public_id,
        "wallet": payment.wallet.public_id,
    }


PAGES = [
    "refunds/",
    "refunds/{refund}/",
    "invoices/{paid}/refund/",
    "payments/{payment}/refund/",
    "payments/{over}/overpayment/",
    "payments/{payment}/",
    "invoices/{invoice}/",
    "invoices/{invoice}/credit/",
    "credit-notes/",
    "credit-notes/{note}/",
    "disputes/",
    "disputes/{dispute}/",
    "disputes/{dispute}/evidence/",
    "disputes/{dispute}/concede/",
    "unmatched/",
    "unmatched/{deposit}/",
    "unmatched/{deposit}/match/",
    "unmatched/{deposit}/credit/",
    "unmatched/{deposit}/return/",
    "payouts/",
    "payouts/{payout}/",
    "customers/{customer}/",
    "customers/{customer}/charge/",
    "wallets/{wallet}/",
    "settings/numbering/",
]


def test_everybody_can_use_every_page_about_money_back(
    at_work: Page, shop: Merchant, stripe_account: Stripe
) -> None:
    things = given_money_back(shop, stripe_account)
    page, found = at_work, []
    for path in PAGES:
        answer = page.goto("/dashboard/" + path.format(**things))
        assert answer is not None and answer.status == 200, path
        # What is folded away is looked at as well.
        page.evaluate("document.querySelectorAll('main details.more').forEach(d => d.open = true)")
        for width, theme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{path} {width} {theme} {line}" for line in axe.complaints(page)]
    assert "\n".join(found) == ""


@pytest.mark.parametrize("form", ["invoices/{paid}/refund/", "invoices/{invoice}/credit/"])
def test_a_wallet_is_asked_for_only_where_money_goes_to_one(
    at_work: Page, shop: Merchant, stripe_account: Stripe, form: str
) -> None:
    things = given_money_back(shop, stripe_account)
    page = at_work
    page.goto("/dashboard/" + form.format(**things))
    wallet, goes = page.get_by_label("Wallet's id"), page.get_by_label(re.compile("goes$"))
    expect(wallet).to_be_hidden()
    goes.select_option("wallet")
    expect(wallet).to_be_visible()
    # What was typed is not sent unseen: it is refused, and stands there with the reason.
    wallet.fill(things["wallet"])
    goes.select_option("credit_balance")
    expect(wallet).to_be_hidden()
    page.get_by_label("Amount").fill("1")
    page.get_by_role("button", name=re.compile("^(Refund|Preview)$")).click()
    expect(page.get_by_text("is needed for the destination").first).to_be_visible()
    expect(wallet).to_be_visible()
    expect(wallet).to_have_value(things["wallet"])
