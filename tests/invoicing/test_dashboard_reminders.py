"""Reminders and questions in the dashboard, without script: chosen, refused, told."""

from typing import Any

import pytest

from invoicing.actions.inquiries import ask_question, make_promise
from invoicing.actions.reminders import stop_reminders
from invoicing.models import Inquiry, Membership, Merchant, Message
from invoicing.reminder_inputs import PromiseInput, QuestionInput
from tests.factories import again, given_a_customer, given_a_user, given_an_open_invoice
from tests.fixtures import WallClock
from tests.fixtures_dashboard import Browser, text_of

SETTINGS = "settings/reminders/"


def rules_of(merchant: Merchant) -> list[tuple[int, Any]]:
    return [(rule["days"], rule["late_fee"]) for rule in again(merchant).reminders["rules"]]


def test_what_is_offered_is_saved_with_one_tick(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    page = text_of(ada_browser.get(SETTINGS))
    assert "3 days before the due date" in page
    assert "Invoice INV-0042 from Ada's Engines is overdue" in page
    ada_browser.submit(SETTINGS, enabled="on", save="1")
    assert again(test_merchant).reminders["enabled"]
    assert rules_of(test_merchant) == [(-3, None), (0, None), (7, None), (14, None)]


def test_rows_come_and_go_before_anything_is_saved(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    shorter = ada_browser.submit(SETTINGS, remove="1")
    assert "Remove reminder 3" in shorter.content.decode()
    assert "Remove reminder 4" not in shorter.content.decode()
    longer = ada_browser.submit(SETTINGS, add="1")
    assert "Remove reminder 5" in longer.content.decode()
    assert again(test_merchant).reminders == {}


def test_rows_are_sorted_and_what_is_wrong_is_named_at_its_row(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    changes = {"rule_0_when": "after", "rule_0_days": "30", "rule_0_fee_kind": "amount"}
    refused = ada_browser.submit(SETTINGS, **changes, rule_0_fee="5.001", save="1")
    assert refused.status_code == 422
    assert '<a href="#id_rule_0_fee">' in refused.content.decode()
    assert "Must have at most 2 decimal places." in text_of(refused)
    assert again(test_merchant).reminders == {}
    ada_browser.submit(SETTINGS, **changes, rule_0_fee="5", save="1")
    assert rules_of(test_merchant) == [
        (0, None),
        (7, None),
        (14, None),
        (30, {"amount": "5.00", "currency": "USD"}),
    ]


def test_a_row_without_days_is_refused_and_one_on_the_day_needs_none(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    refused = ada_browser.submit(SETTINGS, rule_2_days="", save="1")
    assert (refused.status_code, "Must be a whole number." in text_of(refused)) == (422, True)
    ada_browser.submit(SETTINGS, rule_1_when="on", rule_1_days="", save="1")
    assert rules_of(test_merchant)[1] == (0, None)


def test_a_customers_page_says_who_stopped_them(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    cleo = given_a_customer(test_merchant)
    address = f"customers/{cleo.public_id}/"
    assert "As your business: off" in text_of(ada_browser.get(address))
    invoice = given_an_open_invoice(test_merchant, customer_id=cleo.public_id)
    stop_reminders(invoice.pk)
    page = text_of(ada_browser.get(address))
    assert "None: the customer asked for that on Mar 2, 2026" in page
    at_invoice = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert "The payer asked for no more on Mar 2, 2026" in at_invoice
    assert "Remind now" not in at_invoice
    ada_browser.submit(f"{address}reminders/", mode="inherit", save="1")
    assert again(cleo).reminders_stopped_at is None


def test_a_reminder_by_hand_is_sent_once_however_often_the_form_is(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    address = f"invoices/{invoice.public_id}/"
    form = ada_browser.form(address, "reminders/send/")
    for _ in range(2):
        assert ada_browser.post(form.action, form.data()).status_code == 302
    assert Message.objects.filter(kind="reminder").count() == 1


def test_a_pause_with_a_day_in_the_past_is_refused(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    address = f"invoices/{given_an_open_invoice(test_merchant).public_id}/reminders/pause/"
    refused = ada_browser.submit(address, until="2026-03-01")
    assert refused.status_code == 422
    assert "Must be in the future, and within a year." in text_of(refused)
    ada_browser.submit(address, until="2026-03-09")
    invoice = test_merchant.invoices.get()
    assert "Paused until Mar 9, 2026" in text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))


def test_questions_that_wait_come_first_and_are_answered_or_settled(
    ada_browser: Browser, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    first = ask_question(invoice.pk, QuestionInput(text="First?"))
    second = ask_question(invoice.pk, QuestionInput(text="Second?"))
    make_promise(invoice.pk, PromiseInput(on=clock.at.date()))
    assert "2 questions of payers wait for an answer" in text_of(ada_browser.get(""))
    ada_browser.submit(f"questions/{first.public_id}/", text="Yes.")
    assert Message.objects.get(kind="answer").to == "cleo@example.com"
    waiting = text_of(ada_browser.get("questions/"))
    assert ("First?" in waiting, "Second?" in waiting) == (False, True)
    assert "First?" in text_of(ada_browser.get("questions/?show=questions"))
    assert "Promised to pay by Mar 2, 2026" in text_of(ada_browser.get("questions/?show=promises"))
    ada_browser.post(f"questions/{second.public_id}/close/")
    statuses = Inquiry.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["answered", "done", "open"]
    assert "Nothing waits for an answer" in text_of(ada_browser.get("questions/"))


def test_a_viewer_reads_questions_and_answers_none(
    test_merchant: Merchant, browser_of: Any
) -> None:
    viewer = given_a_user("Vera")
    Membership.objects.create(
        account=test_merchant.account,
        user=viewer,
        role="viewer",
        created_at=test_merchant.created_at,
    )
    asked = ask_question(given_an_open_invoice(test_merchant).pk, QuestionInput(text="Why?"))
    browser = browser_of(viewer)
    page = browser.get(f"questions/{asked.public_id}/")
    assert ("Why?" in text_of(page), "Send the answer" in text_of(page)) == (True, False)
    browser.post(f"questions/{asked.public_id}/", {"text": "Because."})
    assert again(asked).status == "open"
    assert browser.post(f"questions/{asked.public_id}/close/").status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_of_questions_takes_the_same_few_queries(
    ada_browser: Browser, test_merchant: Merchant, count: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(count):
        ask_question(given_an_open_invoice(test_merchant).pk, QuestionInput(text="Why?"))
    with django_assert_max_num_queries(8):
        assert ada_browser.get("questions/").status_code == 200
