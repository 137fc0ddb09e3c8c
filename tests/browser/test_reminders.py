"""Reminders, questions and promises in a real browser, with script and without."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from invoicing import clock, reminder_mails, tasks
from invoicing.actions import inquiries, reminders
from invoicing.inputs import read
from invoicing.models import Inquiry, Invoice, Merchant, User
from invoicing.reminder_inputs import AnswerInput, PromiseInput, QuestionInput, RemindersInput
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere

RULES: list[dict[str, Any]] = [
    {"days": -3},
    {"days": 7, "late_fee": {"percent": "2"}},
    {"days": 14, "repeat_every_days": 14, "repeat_at_most": 2},
]


@pytest.fixture
def shop(ada: User) -> Merchant:
    """Ada's test twin, which reminds."""
    merchant = factories.given_an_account(ada).merchants.get(livemode=False)
    wanted = read(RemindersInput, {"enabled": True, "rules": RULES})
    return reminders.set_reminders(merchant, wanted)


def given_a_late_invoice(merchant: Merchant, **fields: Any) -> Invoice:
    """Eight days late, with a reminder and a late fee."""
    due = clock.now(merchant) + timedelta(days=1)
    invoice = factories.given_an_open_invoice(merchant, due_at=due, **fields)
    tasks.send_reminders()
    there = factories.let_pass(merchant, "P9D")
    tasks.send_reminders()
    assert factories.again(there).reminders["enabled"]
    return factories.again(invoice)


def looks_right(page: Page) -> None:
    """Nothing that axe complains of, in any look."""
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        assert axe.complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_rules_are_chosen_row_by_row_and_their_mails_seen(at_work: Page, shop: Merchant) -> None:
    page = at_work
    page.goto("/dashboard/settings/reminders/")
    expect(page.get_by_label("Remind payers")).to_be_checked()
    expect(page.get_by_label("Reminder 1: days", exact=True)).to_have_value("3")
    page.get_by_role("button", name="Add a reminder").click()
    page.get_by_label("Reminder 4: days", exact=True).fill("x")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Must be a whole number.")
    looks_right(page)
    page.get_by_label("Reminder 4: days", exact=True).fill("30")
    page.get_by_label("Reminder 4: late fee", exact=True).select_option("amount")
    page.get_by_label("Reminder 4: how much", exact=True).fill("5")
    page.get_by_role("button", name="Remove reminder 3").click()
    page.get_by_role("button", name="Preview the mails").click()
    expect(page.get_by_text("A late fee of $5.00 was charged for it")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    rules = factories.again(shop).reminders["rules"]
    assert [rule["days"] for rule in rules] == [-3, 7, 30]
    assert rules[2]["late_fee"] == {"amount": "5.00", "currency": "USD"}
    assert (rules[2]["repeat_every_days"], rules[2]["repeat_at_most"]) == (14, 2)


def test_a_customer_has_rules_of_their_own(at_work: Page, shop: Merchant) -> None:
    page, cleo = at_work, factories.given_a_customer(shop)
    page.goto(f"/dashboard/customers/{cleo.public_id}/")
    expect(page.get_by_text("As your business: on")).to_be_visible()
    page.get_by_role("link", name="Change reminders").click()
    page.get_by_label("Reminders to this customer").select_option("own")
    for _ in range(2):
        page.get_by_role("button", name="Remove reminder 2").click()
    looks_right(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("By rules of their own: 3 days before the due date")).to_be_visible()


def test_an_invoice_says_what_was_sent_and_what_comes(at_work: Page, shop: Merchant) -> None:
    page, invoice = at_work, given_a_late_invoice(shop)
    page.goto(f"/dashboard/invoices/{invoice.public_id}/")
    card = page.get_by_role("region", name="Reminders")
    expect(card).to_contain_text("7 days after the due date")
    expect(card.get_by_role("link", name="TEST-0002")).to_be_visible()
    expect(card).to_contain_text("The next one comes on")
    looks_right(page)
    card.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused until you resume them.")
    card.get_by_role("button", name="Resume").click()
    expect(card).to_contain_text("The next one comes on")
    card.get_by_role("button", name="Remind now").click()
    expect(page.get_by_text("A reminder is on its way to cleo@example.com.")).to_be_visible()
    expect(card).to_contain_text("By hand")
    card.get_by_role("link", name="TEST-0002").click()
    expect(
        page.get_by_text("A late fee for TEST-0001, whose reminders tell of it.")
    ).to_be_visible()


def test_a_question_is_answered_at_the_desk(at_work: Page, shop: Merchant) -> None:
    page, invoice = at_work, factories.given_an_open_invoice(shop)
    words = "Which hours? <script>alert(1)</script>\n<b>bold</b>"
    inquiries.ask_question(invoice.pk, QuestionInput(text=words))
    inquiries.make_promise(invoice.pk, PromiseInput(on=clock.now(shop).date()))
    page.goto("/dashboard/")
    page.get_by_role("link", name="1 question of a payer waits for an answer").click()
    looks_right(page)
    page.locator("main tbody a").click()
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("alert")).to_contain_text("Must not be empty.")
    looks_right(page)
    page.get_by_label("Your answer").fill("Those of March.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("The answer is on its way.")).to_be_visible()
    page.goto("/dashboard/questions/?show=promises")
    expect(page.get_by_text("Promised to pay by")).to_be_visible()
    page.goto(f"/dashboard/invoices/{invoice.public_id}/")
    expect(page.get_by_role("region", name="Questions and promises")).to_contain_text("Answered")
    looks_right(page)


# What the payer sees


def test_cleo_asks_and_promises_without_script(plain_page: Page, shop: Merchant) -> None:
    page, invoice = plain_page, factories.given_an_open_invoice(shop, recipient={"name": "Cleo"})
    page.goto(f"/i/{invoice.slug}")
    page.get_by_text("I have a question").click()
    page.get_by_label("Your question").fill("Which hours? <b>these</b>")
    page.get_by_label("Your email address, for the answer").fill("cleo@example.com")
    page.get_by_role("button", name="Send to Ada's Engines").click()
    said = page.get_by_text(re.compile("Your question of .* has reached"))
    expect(said).to_be_visible()
    page.get_by_text("I promise to pay by a certain day").click()
    day = clock.now(shop).date() + timedelta(days=5)
    page.get_by_label("I will pay by").fill(day.isoformat())
    page.get_by_role("button", name="Promise", exact=True).click()
    expect(page.get_by_text("You promised to pay by")).to_be_visible()
    asked, promised = Inquiry.objects.order_by("pk")
    assert (asked.text, asked.reply_to) == ("Which hours? <b>these</b>", "cleo@example.com")
    assert promised.promised_on == day


def test_the_page_can_be_used_by_anyone_also_with_a_late_fee(page: Page, shop: Merchant) -> None:
    invoice = given_a_late_invoice(shop)
    inquiries.ask_question(invoice.pk, QuestionInput(text="Which hours?"))
    asked = inquiries.ask_question(invoice.pk, QuestionInput(text="And " + "which" * 60 + "?"))
    answer = AnswerInput(text="Those of May. " * 20 + "\nAnd " + "of-course" * 30)
    inquiries.answer_question(shop, asked.public_id, answer)
    page.goto(f"/i/{invoice.slug}")
    expect(page.get_by_text("has answered your question of")).to_be_visible()
    page.get_by_text("I have a question").click()
    page.get_by_text("I promise to pay by a certain day").click()
    looks_right(page)
    page.get_by_role("link", name="Invoice TEST-0002").click()
    expect(page.get_by_role("link", name="This is a late fee for invoice")).to_be_visible()
    looks_right(page)


def test_a_reminders_link_stops_them_after_a_question(page: Page, shop: Merchant) -> None:
    cleo = factories.given_a_customer(shop)
    invoice = factories.given_an_open_invoice(shop, customer_id=cleo.public_id)
    path = reminder_mails.stop_url(invoice).split("/", 3)[3]
    page.goto(f"/{path}")
    assert factories.again(cleo).reminders_stopped_at is None
    looks_right(page)
    page.get_by_role("button", name="Stop reminders").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You get no more reminders")
    looks_right(page)
    assert factories.again(cleo).reminders == {"mode": "off", "rules": []}
