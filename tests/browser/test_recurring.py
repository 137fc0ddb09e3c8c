"""The dashboard's pages about what recurs, seen by axe and used without a mouse's luck."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from invoicing.inputs import read
from invoicing.models import Merchant, User
from payments import recurring_flow
from payments.actions.recurring import pause_recurring
from payments.models import RecurringCharge
from payments.recurring_inputs import PauseInput, RecurringInput
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

PAGES = [
    "recurring/",
    "recurring/?status=ended",
    "recurring/{failing}/",
    "recurring/{paused}/",
    "recurring/{failing}/edit/",
    "recurring/{failing}/pause/",
    "recurring/{failing}/cancel/",
    "recurring/when-a-charge-fails/",
    "customers/{customer}/recurring/new/",
]


@pytest.fixture
def shop(transactional_db: None) -> Merchant:
    """Ada's test twin."""
    ada = factories.given_a_user("Ada Lovelace")
    return factories.given_an_account(ada).merchants.get(livemode=False)


@pytest.fixture
def at_work(page: Page, shop: Merchant, sign_in: Callable[[User], None]) -> Page:
    """A page of Ada's, signed in."""
    sign_in(shop.account.memberships.get().user)
    return page


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
    pause_recurring(shop, rows[2].public_id, PauseInput())
    return {
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
    page.get_by_label("Amount").fill("12.50")
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
