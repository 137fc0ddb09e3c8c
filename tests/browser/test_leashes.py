"""A bot is put on a leash, asks, and is answered from a mail, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from invoicing.models import Approval, Leash, Merchant, Message
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
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_leash_is_set_row_by_row(at_work: Page, shop: Merchant) -> None:
    page = at_work
    factories.given_a_key(shop, bot="Refund agent")
    page.goto("/dashboard/api-keys/")
    page.get_by_role("link", name="Put on a leash").click()
    page.get_by_label("Limit 1: ask a person above").fill("50")
    page.get_by_role("button", name="Add a limit").click()
    page.get_by_label("Limit 2: what").select_option("charge")
    page.get_by_label("Limit 2: at most a day").fill("x")
    page.locator("summary", has_text="Invoices").click()
    page.locator("input[value=create_invoice]").check()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("Limit 2: at most a day")
    looks_right(page)
    page.get_by_label("Limit 2: at most a day").fill("200")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("May refund up to $50.00 by itself.")).to_be_visible()
    looks_right(page)
    assert Leash.objects.get().tools == ["create_invoice"]


def test_it_is_decided_from_the_mail_and_seen_in_the_dashboard(
    at_work: Page, plain_page: Page, shop: Merchant
) -> None:
    approval = factories.given_an_approval(shop, note="The box came broken.")
    mail = Message.objects.get(kind="approval")
    link = re.search(r"/dashboard/approvals/mail/\S+", mail.text)
    assert link
    at_work.goto("/dashboard/approvals/")
    looks_right(at_work)
    at_work.get_by_role("link", name=re.compile(":")).first.click()
    expect(at_work.get_by_text("The box came broken.").first).to_be_visible()
    looks_right(at_work)
    # Whoever has the mail needs neither script nor a session.
    plain_page.goto(link[0])
    expect(plain_page.get_by_text("Send back $60.00")).to_be_visible()
    plain_page.get_by_role("button", name="Approve").click()
    expect(plain_page.get_by_text("It is being carried out")).to_be_visible()
    assert factories.again(approval).status == "approved"
    at_work.goto(link[0])
    looks_right(at_work)
    other = factories.given_an_approval(shop)
    at_work.goto(f"/dashboard/approvals/{other.public_id}/")
    at_work.get_by_role("link", name="Approve", exact=True).click()
    looks_right(at_work)
    at_work.get_by_role("button", name="Approve", exact=True).click()
    expect(at_work.get_by_text("Approved. It is being done now.")).to_be_visible()
    assert Approval.objects.filter(status="approved").count() == 2
