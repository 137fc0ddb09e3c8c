"""A page that sells tickets is made in the dashboard, and three are bought on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from checkout.actions.checkout_pages import update_checkout_settings
from checkout.inputs import CheckoutSettingsChanges
from checkout.models import CheckoutPage
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere


def looks_right(page: Page) -> None:
    """Nothing that axe complains of, in any look."""
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert axe.complaints(page) == []


@pytest.fixture
def phone(browser: Browser, base_url: str) -> Iterator[Page]:
    """A payer's telephone, in a browser that runs no script."""
    context = browser.new_context(
        base_url=base_url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        java_script_enabled=False,
        locale="en-US",
    )
    yield context.new_page()
    context.close()


def test_a_page_that_sells_three_tickets_is_made(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/checkout_pages/")
    looks_right(page)
    page.get_by_role("link", name="New checkout page").first.click()
    page.get_by_label("Title").fill("Loom fair")
    page.get_by_label("Items, of which the payer takes some").check()
    page.get_by_role("button", name="Add an item").click()
    page.get_by_label("Item 1: name").fill("Day ticket")
    page.get_by_label("Item 1: price").fill("20")
    page.get_by_label("Item 1: stock").fill("3")
    page.get_by_role("button", name="Add a question").click()
    page.get_by_label("Question 1: label").fill("Your shirt")
    # The preview follows what is typed.
    frame = page.frame_locator("iframe")
    expect(frame.get_by_label("Day ticket")).to_have_value("1")
    expect(frame.get_by_label("Your shirt")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Make the page").click()
    made = CheckoutPage.objects.get(merchant=shop)
    expect(page.get_by_label("Link", exact=True)).to_have_value(
        f"http://127.0.0.1:8000/pay/{made.public_id}"
    )
    page.locator("summary", has_text="The same by API").click()
    looks_right(page)
    assert [(item.name, item.stock) for item in made.on_sale] == [("Day ticket", 3)]


def test_a_payer_buys_three_tickets_on_a_phone(
    phone: Page, at_work: Page, shop: Merchant, settings: Any, base_url: str
) -> None:
    settings.PUBLIC_URL = base_url
    wanted = read(CheckoutSettingsChanges, {"return_origins": [base_url]})
    update_checkout_settings(shop, wanted)
    items = [{"name": "Day ticket", "description": "Saturday", "unit_price": "20", "stock": 3}]
    page = factories.given_a_checkout_page(
        shop,
        title="Loom fair",
        amount=None,
        items=items,
        custom_fields=[
            {"key": "shirt", "label": "Your shirt", "type": "choice", "choices": ["S", "M"]},
            {"key": "terms", "label": "I agree", "type": "checkbox", "required": True},
        ],
        success_url=f"{base_url}/healthz",
    )
    phone.goto(f"/pay/{page.public_id}")
    phone.get_by_label("Day ticket").fill("3")
    phone.get_by_label("Your name").fill("Cleo Payer")
    phone.get_by_label("Email").fill("cleo@example.com")
    phone.get_by_label("Your shirt").select_option("M")
    phone.get_by_label("I agree").check()
    phone.get_by_role("button", name="Continue to pay").click()
    expect(phone.get_by_text("$60.00").first).to_be_visible()
    phone.get_by_role("button", name="Pay $60.00").click()
    phone.wait_for_url("**/sandbox/checkout/**")
    phone.locator(f"a[href*='{factories.VISA}']").click()
    phone.get_by_role("button", name="Pay $60.00").click()
    # Paid, and back on the seller's site.
    phone.wait_for_url("**/healthz")
    invoice = Invoice.objects.get(checkout_page=page)
    assert (invoice.status, invoice.amount_paid) == ("paid", 6000)
    phone.goto(f"/i/{invoice.slug}")
    expect(phone.get_by_role("link", name="Back to")).to_be_visible()
    phone.goto(f"/pay/{page.public_id}")
    expect(phone.get_by_text("This is sold out.")).to_be_visible()
    # What the seller sees of it.
    at_work.goto(f"/dashboard/checkout_pages/{page.public_id}/")
    expect(at_work.get_by_role("cell", name="Your shirt: M")).to_be_visible()
    looks_right(at_work)


def test_every_way_to_ask_looks_right_and_can_be_framed(
    page: Page, shop: Merchant, base_url: str
) -> None:
    asked = [
        {"key": kind, "label": kind.title(), "type": kind, "help": "Help"}
        for kind in ("text", "long_text", "checkbox", "number", "date")
    ]
    amounts = {"least": "5", "most": "100", "suggested": ["10", "25", "50"]}
    chosen = factories.given_a_checkout_page(
        shop, amount=None, payer_amount=amounts, custom_fields=asked, embed_origins=[base_url]
    )
    items = [
        {"name": "Day ticket", "description": "Saturday", "unit_price": "20", "stock": 8},
        {"name": "Weekend", "unit_price": "35", "tax_rate": "19", "stock": 0},
    ]
    tickets = factories.given_a_checkout_page(shop, amount=None, items=items)
    for one in (chosen, tickets):
        page.goto(f"/pay/{one.public_id}")
        page.get_by_label("Your name").fill("Cleo")
        page.get_by_label("Email").fill("cleo@example.com")
        page.get_by_role("button", name="Continue to pay").click()
        expect(page.get_by_role("alert").first).to_be_visible()
        looks_right(page)
    # In a frame what is begun goes on in a page of its own.
    page.goto("/healthz")
    page.set_content(f'<iframe src="{base_url}/pay/{chosen.public_id}/embed" title="x"></iframe>')
    frame = page.frame_locator("iframe")
    frame.get_by_label("Or another amount").fill("7.50")
    frame.get_by_label("Your name").fill("Cleo")
    frame.get_by_label("Email").fill("cleo@example.com")
    with page.expect_popup() as popup:
        frame.get_by_role("button", name="Continue to pay").click()
    expect(popup.value.get_by_text("$7.50").first).to_be_visible()
