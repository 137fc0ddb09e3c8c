"""The dashboard's pages about what recurs, seen by axe and used without a mouse's luck."""

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from invoicing.inputs import read
from invoicing.models import Merchant
from payments import recurring_flow
from payments.actions.recurring import pause_recurring
from payments.models import DunningPolicy, RecurringCharge
from payments.recurring_inputs import PauseInput, RecurringInput
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere

PAGES = [
    "recurring/",
    "recurring/?status=ended",
    "recurring/?customer={customer}",
    "recurring/new/",
    "recurring/new/?customer_id=",
    "recurring/{failing}/",
    "recurring/{paused}/",
    "recurring/{failing}/edit/",
    "recurring/{failing}/rules/",
    "recurring/{lines}/",
    "recurring/{lines}/edit/",
    "recurring/{failing}/pause/",
    "recurring/{failing}/cancel/",
    "recurring/when-a-charge-fails/",
    "customers/{customer}/recurring/new/",
    "customers/{customer}/",
    "invoices/{invoice}/",
    "",
]


def given_members(shop: Merchant) -> dict[str, str]:
    """One who pays, one whose card fails, one who pauses."""
    rows = []
    for number, what in (
        (factories.VISA, "Membership"),
        (factories.LATER_NO_FUNDS, "Photographs for the monthly letter, licensed for a year"),
        (factories.VISA, "Box of vegetables"),
    ):
        customer = factories.given_a_customer(shop, name=f"Cleo {what.split()[0]}")
        factories.given_a_saved_card(customer, number)
        wanted = {"customer_id": customer.public_id, "amount": "1250.00", "description": what}
        rows.append(
            recurring_flow.start(shop, read(RecurringInput, {**wanted, "interval": "monthly"}))
        )
    pause_recurring(shop, rows[2].public_id, PauseInput(until=date(2099, 1, 1)))
    lines = {
        "customer_id": rows[0].customer.public_id,
        "description": "Studio plan",
        "interval": "quarterly",
        "start_at": "2099-05-20",
        "anchor": "2099-06-01",
        "proration": "prorate",
        "line_items": [
            {"description": "Seat", "quantity": "3", "unit_price": "15", "tax_rate": "8.25"},
            {"description": "Hosting", "unit_price": "20", "discount": {"percent": "10"}},
        ],
    }
    rows.append(recurring_flow.start(shop, read(RecurringInput, lines)))
    return {
        "lines": rows[3].public_id,
        "invoice": rows[1].periods.get().invoice.public_id,
        "failing": rows[1].public_id,
        "paused": rows[2].public_id,
        "customer": rows[0].customer.public_id,
    }


def test_everybody_can_use_every_page_about_what_recurs(at_work: Page, shop: Merchant) -> None:
    things = given_members(shop)
    page, found = at_work, []
    for path in PAGES:
        answer = page.goto("/dashboard/" + path.format(**things))
        assert answer is not None and answer.status == 200, path
        for width, theme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{path} {width} {theme} {line}" for line in axe.complaints(page)]
    assert "\n".join(found) == ""


def test_it_is_begun_by_clicking(at_work: Page, shop: Merchant) -> None:
    customer = factories.given_a_customer(shop)
    factories.given_a_saved_card(customer)
    page = at_work
    page.goto(f"/dashboard/customers/{customer.public_id}/")
    page.get_by_role("link", name="Bill again and again").click()
    page.get_by_label("Amount of a period").fill("12.50")
    page.get_by_label("For what").fill("Membership")
    page.get_by_label("How often").select_option("monthly")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("It has begun: $12.50 is paid.")).to_be_visible()
    row = RecurringCharge.objects.get()
    expect(page).to_have_url(re.compile(f"/recurring/{row.public_id}/$"))
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("It goes on with the next period.")).to_be_visible()


def test_lines_are_begun_from_the_list_and_what_comes_follows_what_is_typed(
    at_work: Page, shop: Merchant
) -> None:
    customer = factories.given_a_customer(shop)
    factories.given_a_saved_card(customer)
    factories.given_a_customer(shop, name="Dora Other", email="dora@example.com")
    page = at_work
    page.goto("/dashboard/recurring/")
    page.get_by_role("main").get_by_role("link", name="New recurring charge").first.click()
    page.get_by_label("Find a customer").press_sequentially("cleo")
    expect(page.get_by_label("Customer", exact=True)).to_have_value(customer.public_id)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("For what").fill("Studio plan")
    page.locator("summary", has_text="Lines").click()
    for place, (what, price) in enumerate([("Seat", "15"), ("Hosting", "5")]):
        if place:
            page.get_by_role("button", name="Add line").click()
        page.get_by_label("Description").nth(place).fill(what)
        page.get_by_label("Unit price").nth(place).fill(price)
    page.get_by_label("Quantity").first.fill("3")
    aside = page.get_by_role("complementary", name="What comes")
    expect(aside).to_contain_text("First invoice")
    expect(aside).to_contain_text("Total$50.00")
    expect(aside).to_contain_text("It is charged at once.")
    assert axe.complaints(page) == []
    assert not RecurringCharge.objects.exists()
    page.get_by_label("First day").fill("2099-05-22")
    page.get_by_label("Day that periods begin on").fill("2099-06-01")
    page.get_by_label("Time before that day").select_option("prorate")
    expect(aside).to_contain_text("a part of a period")
    expect(aside).to_contain_text("It is charged on May 22, 2099")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Saved. The first period begins on")).to_be_visible()
    expect(page.get_by_text("What comes next")).to_be_visible()
    page.get_by_role("link", name="Change").first.click()
    expect(page.get_by_label("Amount of a period")).to_have_value("")
    expect(page.get_by_label("Quantity").first).to_have_value("3")
    assert RecurringCharge.objects.get().amount == 5000


def test_tries_are_rows_that_come_and_go(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/recurring/when-a-charge-fails/")
    page.get_by_role("button", name="Remove try 4").click()
    page.get_by_role("button", name="Add a try").click()
    page.get_by_label("Try 4: days").fill("10")
    page.get_by_label("Try 4: time of day").fill("08:30")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Saved. Tries that are planned already stay so.")).to_be_visible()
    rules = DunningPolicy.objects.get().rules["retries"]
    assert rules[2:] == [{"days": 7, "at": None}, {"days": 10, "at": "08:30"}]


def test_no_tab_of_the_settings_is_cut_off_on_a_phone(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto("/dashboard/settings/reminders/")
    for tab in page.get_by_role("navigation", name="Settings").get_by_role("link").all():
        box = tab.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
