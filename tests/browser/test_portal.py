"""Cleo in the portal on her phone, by keyboard alone: in by mail, three paid, and out again."""

import os

import pytest
from playwright.sync_api import Locator, Page, expect

from checkout.actions.portal import set_portal
from checkout.inputs import PortalSettingsInput
from invoicing.models import Invoice, Merchant
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS
from tests.portal import at_portal, link_for

PHONE = {"width": 390, "height": 844}
CLEO = "cleo@example.com"


@pytest.fixture
def invoices(studio: Merchant) -> list[Invoice]:
    """Three that ask for money, two that do not, and what recurs; the card pays them all."""
    cleo = factories.given_a_customer(studio, address={"city": "Berlin", "country": "DE"})
    factories.given_a_saved_card(cleo)
    factories.subscribe(cleo, description="Letterpress club")
    set_portal(studio, PortalSettingsInput(pause_recurring=True, cancel_recurring=True))
    titles = ("Photography, half a day", "Website care", "Illustration for the spring catalogue")
    return [
        factories.given_an_open_invoice(
            studio, f"{place}40.00", customer_id=cleo.public_id, title=title
        )
        for place, title in enumerate(titles, start=1)
    ]


def looks_right(page: Page, name: str) -> None:
    """Nothing that axe complains of, on a small phone, a large screen and Cleo's phone."""
    for width, theme in [*LOOKS, (PHONE["width"], "light"), (PHONE["width"], "dark")]:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert axe.complaints(page) == [], (name, width, theme)
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{width}-{theme}.png", full_page=True)
    if folder := os.environ.get("PICTURES"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.screenshot(path=f"{folder}/{name}-1280.png", full_page=True)
    page.set_viewport_size({**PHONE})


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go to it with the Tab key, as whoever has no mouse does, and press a key on it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            page.keyboard.press(key)
            return
    raise AssertionError(f"no Tab leads to {target}")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_cleo_pays_three_by_keyboard(page: Page, studio: Merchant, invoices: list[Invoice]) -> None:
    page.set_viewport_size({**PHONE})
    page.goto(at_portal(studio))
    looks_right(page, "1-door")
    email = page.get_by_label("Email")
    press(page, email, "c")
    page.keyboard.type("leo@example.com")
    page.keyboard.press("Enter")
    heading(page, "Look into your mailbox")
    looks_right(page, "2-sent")
    page.goto(link_for(studio, CLEO))
    looks_right(page, "3-enter")
    press(page, page.get_by_role("button", name="See your invoices"))
    heading(page, "Your invoices")
    expect(page.get_by_text("Due in all")).to_be_visible()
    looks_right(page, "4-invoices")
    # All are chosen; the last is left out.
    press(page, page.get_by_label(f"Pay invoice {invoices[2].number}"), "Space")
    press(page, page.get_by_role("button", name="Pay what is chosen"))
    heading(page, "Pay your invoices")
    expect(page.locator(".totals")).to_contain_text("$380.00")
    looks_right(page, "5-summary")
    press(page, page.get_by_role("button", name="Pay now"))
    heading(page, "What came of it")
    expect(page.get_by_text("Paid, thank you")).to_have_count(2)
    looks_right(page, "6-report")
    assert [factories.again(row).status for row in invoices] == ["paid", "paid", "open"]
    press(page, page.get_by_role("button", name="Sign out"))
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_cleo_looks_after_the_rest(page: Page, studio: Merchant, invoices: list[Invoice]) -> None:
    page.set_viewport_size({**PHONE})
    page.goto(link_for(studio, CLEO))
    page.get_by_role("button", name="See your invoices").click()
    page.get_by_role("link", name="Ways to pay").click()
    expect(page.get_by_text("Is charged for: Letterpress club")).to_be_visible()
    looks_right(page, "7-methods")
    page.get_by_role("button", name="Agree and go on").click()
    heading(page, "Save a card for Hedgerow Studio")
    page.locator("a[href*='5555555555554444']").click()
    page.get_by_role("button", name="Save this card").click()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_text("Mastercard ending in 4444")).to_be_visible()
    page.get_by_role("link", name="Remove Visa ending in 4242").click()
    heading(page, "Remove this card or bank account?")
    looks_right(page, "8-remove")
    page.get_by_role("link", name="Recurring").click()
    looks_right(page, "9-recurring")
    page.get_by_role("link", name="Letterpress club").click()
    looks_right(page, "10-one")
    page.get_by_role("link", name="Cancel it").click()
    looks_right(page, "11-cancel")
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("It is cancelled.")).to_be_visible()
    page.get_by_role("link", name="Statement").click()
    looks_right(page, "12-statement")
    page.get_by_role("link", name="Details").click()
    page.get_by_label("City").fill("Eugene")
    looks_right(page, "13-details")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_it_works_without_script(
    plain_page: Page, studio: Merchant, invoices: list[Invoice]
) -> None:
    page = plain_page
    page.goto(link_for(studio, CLEO))
    page.get_by_role("button", name="See your invoices").click()
    page.get_by_role("button", name="Pay what is chosen").click()
    page.get_by_label("Charged to").select_option("Each on its own page")
    page.get_by_role("button", name="Pay now").click()
    page.get_by_role("link", name=f"Pay invoice {invoices[0].number}: $140.00").click()
    expect(page.get_by_role("link", name="All your invoices")).to_be_visible()
    factories.pay(invoices[0])
    page.get_by_role("link", name="All your invoices").click()
    expect(page.get_by_text("You are paying several invoices: 2 of 3.")).to_be_visible()
