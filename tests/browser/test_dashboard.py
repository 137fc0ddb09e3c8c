"""The dashboard in a real browser: written, sent and looked at, with script and without."""

import re
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from invoicing.actions.access import create_api_key, create_bot
from invoicing.actions.invoices import send_invoice
from invoicing.actions.webhooks import Attempt, fan_out, record_attempt
from invoicing.inputs import ApiKeyInput, BotInput, read
from invoicing.models import Customer, Event, Invoice, Merchant, Message, User
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere


def write_a_line(page: Page, place: int, words: str, quantity: str, price: str) -> None:
    """Fill in one line of the editor."""
    line = page.locator(f"#line-{place}")
    line.get_by_label("Description").fill(words)
    line.get_by_label("Quantity").fill(quantity)
    line.get_by_label("Unit price").fill(price)


def total_of(page: Page) -> str:
    return page.locator("#totals dd.grand").inner_text()


def test_an_invoice_is_written_and_sent_by_clicking(at_work: Page, shop: Merchant) -> None:
    page = at_work
    cleo = factories.given_a_customer(shop)
    factories.given_a_customer(shop, name="Dora", email="dora@example.com")
    page.goto("/dashboard/")
    page.get_by_role("link", name="New invoice").click()
    # The menu follows what is typed, and takes the only one that matches.
    page.get_by_label("Find a customer").press_sequentially("cleo")
    expect(page.get_by_label("Customer", exact=True)).to_have_value(cleo.public_id)
    write_a_line(page, 0, "Consulting", "2", "120.00")
    page.locator("#line-0").get_by_label("Tax %", exact=True).fill("19")
    expect(page.locator("#totals dd.grand")).to_have_text("$285.60")
    expect(page.locator("#line-0-amount")).to_have_text("$240.00")
    # A line is added where one is typing, and bears the same tax.
    page.get_by_role("button", name="Add line").click()
    expect(page.locator("#line-1").get_by_label("Description")).to_be_focused()
    expect(page.locator("#line-1").get_by_label("Tax %", exact=True)).to_have_value("19")
    write_a_line(page, 1, "Travel", "1", "10")
    expect(page.locator("#totals dd.grand")).to_have_text("$297.50")
    # Taken away again, its money goes with it.
    page.locator("#line-1").get_by_role("button", name="Remove this line").click()
    expect(page.locator("#line-1")).to_have_count(0)
    expect(page.locator("#totals dd.grand")).to_have_text("$285.60")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft")
    page.get_by_role("link", name="Finalize and send").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Email address")).to_have_value("cleo@example.com")
    dialog.get_by_role("button", name="Finalize and send").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("TEST-0001")
    expect(page.get_by_text("TEST-0001 is on its way to cleo@example.com.")).to_be_visible()
    invoice = Invoice.objects.get(merchant=shop)
    assert (invoice.status, invoice.total, invoice.customer) == ("open", 28560, cleo)
    assert Message.objects.get(invoice=invoice).to == "cleo@example.com"


def given_two_lines(page: Page) -> None:
    """The editor with 240.00 and 10.00 written and added up."""
    page.goto("/dashboard/invoices/new/")
    write_a_line(page, 0, "Consulting", "2", "120.00")
    page.get_by_role("button", name="Add line").click()
    write_a_line(page, 1, "Travel", "1", "10")
    page.locator("#line-1").get_by_label("Unit price").press("Tab")
    expect(page.locator("#totals dd.grand")).to_have_text("$250.00")


def test_a_line_taken_away_takes_its_money_along(at_work: Page) -> None:
    page = at_work
    given_two_lines(page)
    page.wait_for_load_state("networkidle")
    page.locator("#line-1").get_by_role("button", name="Remove this line").click()
    expect(page.locator("#line-1")).to_have_count(0)
    expect(page.locator("#totals dd.grand")).to_have_text("$240.00")
    # The only line is never taken away: an empty one stands in its place.
    page.locator("#line-0").get_by_role("button", name="Remove this line").click()
    expect(page.locator("#line-0").get_by_label("Description")).to_have_value("")
    expect(page.locator("#totals dd.grand")).to_have_text("$0.00")


def test_a_late_answer_does_not_speak_of_a_line_that_is_gone(at_work: Page) -> None:
    page = at_work
    given_two_lines(page)
    page.wait_for_load_state("networkidle")
    held: list[Route] = []
    removals: list[str] = []

    def hold_the_first_totals(route: Route) -> None:
        asked = route.request.post_data or ""
        if "do=remove-1" in asked:
            removals.append(asked)
        if "do=totals" in asked and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/invoices/new/", hold_the_first_totals)
    with page.expect_request("**/invoices/new/"):
        page.get_by_label("Taxes are").select_option("inclusive")
    page.locator("#line-1").get_by_role("button", name="Remove this line").click()
    # The late answer is worked out with both lines, and comes as late as it can.
    late = held[0].fetch()
    if removals:
        expect(page.locator("#line-1")).to_have_count(0)
    with page.expect_response("**/invoices/new/"):
        held[0].fulfill(response=late)
    expect(page.locator("#line-1")).to_have_count(0)
    expect(page.locator("#totals dd.grand")).to_have_text("$240.00")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#totals dd.grand")).to_have_text("$240.00")


def test_what_is_typed_can_be_read(at_work: Page) -> None:
    page = at_work
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/dashboard/invoices/new/")
    # Nothing is billed yet, so nothing stands apart from the sum.
    expect(page.locator("#totals dt")).to_have_text(["Total"])
    write_a_line(page, 0, "Consulting", "1234.5", "12500.00")
    line = page.locator("#line-0")
    line.get_by_label("Tax %", exact=True).fill("19.25")
    expect(page.locator("#line-0-amount")).to_have_text("$15,431,250.00")
    cut_off = line.locator("input.num:visible, output").evaluate_all(
        "fields => fields.filter(f => f.scrollWidth > f.clientWidth).map(f => f.name || f.id)"
    )
    assert cut_off == []


def test_a_paid_invoice_is_not_pressed_to_be_sent(at_work: Page, shop: Merchant) -> None:
    page = at_work
    for invoice, pressing in (
        (factories.given_an_open_invoice(shop), True),
        (paid := factories.given_an_open_invoice(shop), False),
    ):
        if invoice is paid:
            factories.pay(paid)
        page.goto(f"/dashboard/invoices/{invoice.public_id}/")
        send = page.get_by_role("main").get_by_role("link", name="Send", exact=True)
        expect(send).to_have_class("button primary" if pressing else "button")


def test_two_clicks_add_two_lines(at_work: Page) -> None:
    page = at_work
    page.goto("/dashboard/invoices/new/")
    page.get_by_role("button", name="Add line").dblclick()
    expect(page.locator("fieldset.line")).to_have_count(3)
    ids = page.locator("fieldset.line").evaluate_all("lines => lines.map(line => line.id)")
    assert ids == ["line-0", "line-1", "line-2"]


def test_the_same_is_written_without_script(plain_page: Page, shop: Merchant, ada: User) -> None:
    page = plain_page
    page.goto("/accounts/login/?next=/dashboard/invoices/new/")
    page.get_by_label("Email").fill(ada.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("#id_recipient_email").fill("cleo@example.com")
    write_a_line(page, 0, "Consulting", "2", "120.00")
    page.get_by_role("button", name="Add line").click()
    write_a_line(page, 1, "Travel", "1", "10")
    page.get_by_role("button", name="Update totals").click()
    assert total_of(page) == "$250.00"
    page.locator("#line-1").get_by_role("button", name="Remove this line").click()
    page.get_by_role("button", name="Finalize", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("TEST-0001")
    # Without script the dialog's question has a page of its own.
    page.get_by_role("link", name="Send", exact=True).click()
    page.get_by_role("main").get_by_role("button", name="Send").click()
    expect(page.get_by_text("TEST-0001 is on its way")).to_be_visible()
    assert Invoice.objects.get(merchant=shop).total == 24000


def test_the_enter_key_saves_a_draft_and_no_more(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/invoices/new/")
    write_a_line(page, 0, "Consulting", "1", "5")
    page.locator("#line-0").get_by_label("Unit price").press("Enter")
    expect(page.get_by_text("Draft saved.")).to_be_visible()
    assert Invoice.objects.get(merchant=shop).status == "draft"


def test_what_is_wrong_has_the_focus_and_leads_to_its_field(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/invoices/new/")
    write_a_line(page, 0, "Consulting", "many", "5")
    page.get_by_role("button", name="Save draft").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Line 1, Quantity")
    summary.get_by_role("link", name="Line 1, Quantity").click()
    expect(page.locator("#line-0").get_by_label("Quantity")).to_be_in_viewport()
    assert axe.complaints(page) == []
    assert not Invoice.objects.exists()


def test_a_double_click_makes_one_invoice(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/invoices/new/")
    write_a_line(page, 0, "Consulting", "1", "5")
    page.get_by_role("button", name="Save draft").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft")
    assert Invoice.objects.filter(merchant=shop).count() == 1


def test_a_key_is_made_and_copied_once(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/api-keys/")
    page.get_by_role("link", name="New bot").first.click()
    page.get_by_label("Name").fill("Billing agent")
    page.get_by_role("button", name="Create bot").click()
    # The boxes are there only where they count.
    expect(page.get_by_text("settle", exact=True)).to_be_hidden()
    page.get_by_text("Only what is ticked below").click()
    expect(page.get_by_text("settle", exact=True)).to_be_visible()
    page.get_by_text("Look, and change nothing").click()
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_label("API key of Billing agent").input_value()
    assert re.fullmatch(r"bh_test_\w{51}", secret)
    assert secret not in page.url
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", name="Billing agent")).to_be_visible()
    assert secret not in page.content()
    # The page before was kept nowhere, so there is nothing to go back to.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()


def test_numbers_are_previewed_while_typing(at_work: Page) -> None:
    page = at_work
    page.goto("/dashboard/settings/numbering/")
    invoices = page.get_by_role("region", name="Invoices")
    notes = page.get_by_role("region", name="Credit notes")
    invoices.get_by_label("Prefix").fill("2026/")
    expect(invoices.get_by_text("The next invoice is 2026/0001")).to_be_visible()
    notes.get_by_label("Prefix").fill("GS-")
    expect(notes.get_by_text("The next credit note is GS-0001")).to_be_visible()
    # Each form speaks of its own numbers.
    expect(invoices.get_by_text("The next invoice is 2026/0001")).to_be_visible()
    invoices.get_by_label("Prefix").fill("2026")
    expect(invoices.get_by_text("cannot be printed")).to_be_visible()
    expect(notes.get_by_text("cannot be printed")).to_have_count(0)


def test_a_drawer_holds_the_navigation_on_a_phone(at_work: Page) -> None:
    page = at_work
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/dashboard/")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Customers")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")


def given_something_of_everything(shop: Merchant) -> dict[str, str]:
    """Rows for every page, with the ids that addresses need."""
    customer = factories.given_a_customer(
        shop,
        address={"line1": "1 Way", "country": "US"},
        tax_ids=[{"type": "us_ein", "value": "1"}],
    )
    invoice = factories.given_an_open_invoice(
        shop, "1234567.89", customer_id=customer.public_id, memo="For May", metadata={"a": "b"}
    )
    send_invoice(shop, invoice.public_id)
    paid = factories.given_an_open_invoice(shop)
    payment = factories.pay(paid)
    unknown = factories.pay(factories.given_an_open_invoice(shop), factories.SILENT_THEN_PAID)
    draft = factories.given_a_draft(shop, discount={"percent": "5"})
    endpoint = factories.given_an_endpoint(shop, "http://127.0.0.1:9/a/rather/long/address")
    factories.given_a_customer(shop, name="A" * 80, email="")
    fan_out()
    delivery = endpoint.deliveries.latest("pk")
    record_attempt(
        delivery.pk, Attempt(500, response_body="x" * 300, error="The endpoint said 500")
    )
    bot = create_bot(shop, read(BotInput, {"name": "Bot"}))
    key, _text = create_api_key(shop, bot.public_id, read(ApiKeyInput, {"permissions": ["settle"]}))
    return {
        "customer": customer.public_id,
        "invoice": invoice.public_id,
        "paid": paid.public_id,
        "payment": payment.public_id,
        "unknown": unknown.public_id,
        "draft": draft.public_id,
        "endpoint": endpoint.public_id,
        "delivery": delivery.public_id,
        "bot": bot.public_id,
        "key": key.public_id,
        "mail": Message.objects.filter(invoice=invoice)[0].public_id,
        "event": Event.objects.filter(merchant=shop)[0].public_id,
        "wallet": shop.wallets.get().public_id,
    }


PAGES = [
    "",
    "invoices/",
    "invoices/?q=nothing-matches&created_from=2026-01-01",
    "invoices/new/",
    "invoices/{draft}/",
    "invoices/{draft}/edit/",
    "invoices/{invoice}/",
    "invoices/{invoice}/send/",
    "invoices/{invoice}/void/",
    "invoices/{invoice}/mark-paid/",
    "invoices/{paid}/",
    "customers/",
    "customers/new/",
    "customers/{customer}/",
    "customers/{customer}/delete/",
    "payments/",
    "payments/{payment}/",
    "payments/{unknown}/",
    "wallets/",
    "wallets/new/",
    "wallets/{wallet}/",
    "mails/",
    "mails/{mail}/",
    "events/",
    "events/{event}/",
    "api-keys/",
    "api-keys/bots/{bot}/new/",
    "api-keys/{key}/revoke/",
    "webhooks/",
    "webhooks/new/",
    "webhooks/{endpoint}/",
    "webhooks/{endpoint}/{delivery}/",
    "team/",
    "settings/",
    "settings/branding/",
    "settings/numbering/",
    "clock/",
    "welcome/?another=1",
    "team/join/nobody/",
]


def test_everybody_can_use_every_page(at_work: Page, shop: Merchant, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    things = given_something_of_everything(shop)
    page, found = at_work, []
    for path in PAGES:
        answer = page.goto("/dashboard/" + path.format(**things))
        assert answer is not None and answer.status < 500, path
        for width, theme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{path} {width} {theme} {line}" for line in axe.complaints(page)]
    assert "\n".join(found) == ""


def test_everybody_can_use_what_opens_on_a_page(at_work: Page, shop: Merchant) -> None:
    page = at_work
    draft = factories.given_a_draft(shop)
    page.goto(f"/dashboard/invoices/{draft.public_id}/")
    page.get_by_role("main").locator("summary").first.click()
    assert axe.complaints(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Finalize and send").click()
    assert axe.complaints(page) == []
    page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto(f"/dashboard/invoices/{draft.public_id}/edit/")
    for summary in page.get_by_role("main").locator("summary").all():
        summary.click()
    assert axe.complaints(page) == []
    assert Customer.objects.count() == 0


def test_what_a_test_card_does_next_is_decided_by_clicking(at_work: Page, shop: Merchant) -> None:
    page = at_work
    cleo = factories.given_a_customer(shop)
    factories.given_a_saved_card(cleo)
    page.goto(f"/dashboard/customers/{cleo.public_id}/")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("link", name="Next charges").click()
    page.get_by_role("button", name="Is declined: insufficient funds").click()
    expect(page.get_by_role("listitem").filter(has_text="insufficient funds")).to_be_visible()
    page.get_by_role("button", name="Asks for approval").click()
    expect(page.get_by_role("listitem").filter(has_text="Asks for approval")).to_be_visible()
    assert axe.complaints_everywhere(page) == []
    assert factories.charge(cleo).failure_code == "insufficient_funds"
    page.reload()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing is decided.")).to_be_visible()
    assert factories.charge(cleo).status == "succeeded"
