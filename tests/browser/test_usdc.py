"""Cleo pays in USDC: she copies, sends, sees it counted, tops up, and asks for too much back."""

import os
import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from invoicing import clock
from invoicing.actions.invoices import void_invoice
from invoicing.models import Invoice, Merchant
from payments.actions import claims, transfers
from payments.models import DepositAddress, ExchangeRate, RefundClaim, Transfer
from tests import factories
from tests.browser import axe, scenes
from tests.browser.looks import LOOKS

HERS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def invoice(studio: Merchant) -> Invoice:
    return scenes.given_an_open_invoice(studio)


@pytest.fixture
def a_euro_rate(transactional_db: None) -> None:
    rate = {"currency": "EUR", "rate": Decimal("1.0843"), "source": "a test"}
    ExchangeRate.objects.create(**rate, fetched_at=clock.wall())


def looks_right(page: Page, name: str = "") -> None:
    """Nothing that axe complains of, in any look nor on Cleo's phone at night."""
    for width, theme in [*LOOKS, (PHONE["width"], "light"), (PHONE["width"], "dark")]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert axe.complaints(page) == [], (width, theme)
        folder = os.environ.get("PICTURES")
        if folder and name:
            page.screenshot(path=f"{folder}/{name}-{width}-{theme}.png", full_page=True)


def choose_usdc(page: Page, invoice: Invoice) -> DepositAddress:
    """From the invoice's page to the one that says where to send it."""
    page.goto(f"/i/{invoice.slug}")
    page.locator("label", has_text="USDC").click()
    page.get_by_role("button", name="Pay $1,412.64").click()
    expect(page).to_have_url(re.compile(f"/i/{invoice.slug}/usdc"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("1412.64 USDC")
    return invoice.deposit_addresses.get()


def test_cleo_copies_sends_and_sees_it_counted(page: Page, invoice: Invoice) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/i/{invoice.slug}")
    looks_right(page, "1-choose")
    address = choose_usdc(page, invoice)
    page.get_by_text("Details for your wallet").click()
    looks_right(page, "2-send")
    expect(page.get_by_role("link", name="Open in wallet")).to_have_attribute(
        "href", re.compile(rf"^ethereum:0x\w+@0/transfer\?address={address.address}&uint256=14126")
    )
    page.get_by_role("button", name="Copy Address").click()
    assert page.evaluate("navigator.clipboard.readText()") == address.address
    expect(page.locator("#announce")).to_have_text("Copied")
    page.get_by_role("button", name="Copy Amount").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#usdc-amount-copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "1412.64"
    sent = factories.send_usdc(address, "1412.64", confirmations=1)
    expect(page.get_by_text("Confirmations: 1 of 3", exact=True)).to_be_visible()
    expect(page.locator("#announce")).to_have_text("1412.64 USDC Confirmations: 1 of 3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payment is on its way")
    looks_right(page, "3-seen")
    transfers.recount(sent.pk, 2, False, 3)
    expect(page.get_by_text("Confirmations: 2 of 3", exact=True)).to_be_visible()
    transfers.recount(sent.pk, 3, False, 3)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    expect(page.get_by_text("USDC on Sandbox, from 0x3C44…93BC")).to_be_visible()
    looks_right(page, "4-paid")


def test_a_part_is_counted_and_the_rest_is_asked_for(page: Page, invoice: Invoice) -> None:
    address = choose_usdc(page, invoice)
    factories.send_usdc(address, "1000")
    expect(page.get_by_role("heading", level=1)).to_contain_text("412.64 USDC")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Still to send")
    expect(page.get_by_text("$1,000.00 of $1,412.64 is paid")).to_be_visible()
    expect(page.locator("#usdc-amount")).to_have_text("412.64")
    factories.send_usdc(address, "5", token=HERS)
    expect(page.get_by_text("Another token came, not USDC.")).to_be_visible()
    looks_right(page, "5-part")
    factories.send_usdc(address, "412.64")
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")


def test_too_much_is_asked_for_back(page: Page, invoice: Invoice, studio: Merchant) -> None:
    address = choose_usdc(page, invoice)
    factories.send_usdc(address, "1500", final=True)
    expect(page.get_by_text("$87.36 more than was due has come.")).to_be_visible()
    page.get_by_text("Ask for money back").click()
    page.get_by_label("Address of your wallet").fill("0x123")
    page.get_by_role("button", name="Send to Hedgerow Studio").last.click()
    expect(page.get_by_text("Give the address of your own wallet")).to_be_visible()
    looks_right(page, "6-claim")
    page.get_by_label("Keep it as credit").check()
    expect(page.get_by_label("Address of your wallet")).to_be_hidden()
    page.get_by_label("Send it back to my wallet").check()
    page.get_by_label("Address of your wallet").fill(HERS)
    page.get_by_role("button", name="Send to Hedgerow Studio").first.click()
    expect(page.get_by_text("Hedgerow Studio will decide.")).to_be_visible()
    looks_right(page, "7-asked")
    claims.accept_claim(studio, RefundClaim.objects.get().public_id)
    page.reload()
    expect(page.get_by_text(f"87.36 USDC will be sent to {HERS} on Sandbox.")).to_be_visible()
    looks_right(page, "8-promised")


def test_late_money_for_a_withdrawn_invoice(page: Page, invoice: Invoice, studio: Merchant) -> None:
    address = choose_usdc(page, invoice)
    void_invoice(studio, invoice.public_id)
    expect(page.get_by_role("heading", level=1)).to_have_text("This invoice was withdrawn")
    factories.send_usdc(address, "1412.64", final=True)
    page.reload()
    expect(page.get_by_text("1412.64 USDC came when nothing was due.")).to_be_visible()
    looks_right(page, "9-late")


def test_all_of_it_works_without_script(plain_page: Page, invoice: Invoice) -> None:
    page = plain_page
    address = choose_usdc(page, invoice)
    expect(page.get_by_role("button", name="Copy Address")).to_be_hidden()
    expect(page.locator("#usdc-address")).to_have_text(address.address)
    factories.send_usdc(address, "1412.64", confirmations=1)
    page.get_by_role("link", name="Look again now").click()
    expect(page.get_by_text("Confirmations: 1 of 3", exact=True)).to_be_visible()
    transfers.recount(Transfer.objects.get().pk, 3, False, 3)
    page.get_by_role("link", name="Look again now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")


def test_an_amount_counts_down_and_a_new_one_is_asked_for(
    page: Page, studio: Merchant, a_euro_rate: None
) -> None:
    invoice = scenes.given_an_open_invoice(studio, currency="EUR")
    page.goto(f"/i/{invoice.slug}/usdc")
    expect(page.get_by_text("1 EUR = 1.0843 USDC")).to_be_visible()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^1[45]:\d\d$"))
    looks_right(page, "10-rate")
    factories.let_pass(studio, "PT16M")
    expect(page.get_by_text("The time for this amount is over.")).to_be_visible()
    looks_right(page, "11-over")
    page.get_by_role("link", name="Get the new amount").click()
    expect(page.get_by_role("timer")).to_be_visible()
    assert invoice.usdc_requests.count() == 2
