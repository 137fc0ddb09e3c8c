"""What payers say on an invoice's page, and the link in a reminder that stops them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from invoicing import reminder_mails, tasks
from invoicing.actions import customers, inquiries, reminders
from invoicing.inputs import CustomerChanges, read
from invoicing.models import Customer, Event, Inquiry, Invoice, Merchant, Message, User
from invoicing.reminder_inputs import AnswerInput, RemindersInput
from payments import recurring_flow
from payments.actions import recurring
from payments.models import RecurringCharge
from payments.recurring_inputs import PauseInput, RecurringInput
from tests.factories import (
    LATER_LOST,
    LATER_NO_FUNDS,
    again,
    given_a_customer,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
    told,
)
from tests.fakes.smtp import MailServer
from tests.fixtures import WallClock

DUE = "2026-03-12"


@pytest.fixture
def payer() -> Client:
    """Cleo's, which is sent no cookies and asked for no token."""
    return Client(enforce_csrf_checks=True, headers={"User-Agent": "Firefox"})


@pytest.fixture
def invoice(test_merchant: Merchant, clock: WallClock) -> Invoice:
    """Of 100.00, due on 12 March."""
    return given_an_open_invoice(test_merchant, due_at=DUE)


def ask(payer: Client, invoice: Invoice, text: str = "Which hours?", **fields: str) -> Any:
    return payer.post(f"/i/{invoice.slug}/ask", {"text": text, **fields})


def promise(payer: Client, invoice: Invoice, on: str) -> Any:
    return payer.post(f"/i/{invoice.slug}/promise", {"on": on})


def page(payer: Client, invoice: Invoice) -> str:
    return payer.get(f"/i/{invoice.slug}").content.decode()


def test_a_question_reaches_the_seller_and_the_page_says_so(
    payer: Client, invoice: Invoice, ada: User
) -> None:
    answer = ask(payer, invoice)
    assert (answer.status_code, answer["Location"]) == (303, f"/i/{invoice.slug}#inquiries")
    assert not answer.cookies
    inquiry = Inquiry.objects.get()
    assert (inquiry.kind, inquiry.text, inquiry.reply_to) == ("question", "Which hours?", "")
    assert "has reached Ada&#x27;s Engines" in page(payer, invoice)
    event = Event.objects.get(type="invoice.question_asked")
    assert (event.actor_kind, event.object_id) == ("payer", invoice.public_id)
    mail = Message.objects.get(kind="question")
    assert mail.to == ada.email
    assert f"/dashboard/questions/{inquiry.public_id}/" in mail.text


def test_an_answer_is_on_the_page_as_well(
    payer: Client, invoice: Invoice, test_merchant: Merchant, clock: WallClock
) -> None:
    other = given_an_open_invoice(test_merchant)
    ask(payer, invoice, "Which <b>hours</b>?")
    ask(payer, invoice, "And which rate?")
    ask(payer, invoice, "Is anybody there?")
    first, second, third = Inquiry.objects.order_by("pk")
    answer = AnswerInput(text="Those of <i>May</i>.\nAll of them.")
    inquiries.answer_question(test_merchant, first.public_id, answer)
    inquiries.close_question(test_merchant, third.public_id)
    shown = page(payer, invoice)
    assert shown.count("has answered your question of Mar 2, 2026") == 1
    assert "Which &lt;b&gt;hours&lt;/b&gt;?" in shown
    assert "Those of &lt;i&gt;May&lt;/i&gt;.\nAll of them." in shown
    # The second waits, and what was settled without an answer from here is no news.
    assert shown.count("has reached Ada&#x27;s Engines") == 1
    assert "Is anybody there?" not in shown
    assert "has answered" not in page(payer, other)
    assert second.status == "open"


def test_answers_take_no_further_queries(
    payer: Client, invoice: Invoice, test_merchant: Merchant, django_assert_num_queries: Any
) -> None:
    page(payer, invoice)
    with CaptureQueriesContext(connection) as without:
        page(payer, invoice)
    taken = len(without)
    for number in range(3):
        ask(payer, invoice)
        asked = Inquiry.objects.latest("pk").public_id
        inquiries.answer_question(test_merchant, asked, AnswerInput(text=f"Answer {number}"))
    with django_assert_num_queries(taken):
        assert page(payer, invoice).count("has answered your question") == 3


def subscribe(customer: Customer) -> RecurringCharge:
    fields = {"customer_id": customer.public_id, "interval": "monthly", "amount": "99.00"}
    wanted = read(RecurringInput, {**fields, "description": "Membership"})
    return recurring_flow.start(again(customer.merchant), wanted)


WAITS = "Your saved payment method is not charged for it until then either."


def test_a_charge_that_waits_for_the_payer_is_said_to_wait(
    payer: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    cleo = given_a_customer(test_merchant, email="cleo@example.com")
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    invoice = row.periods.get().invoice
    promise(payer, invoice, "2026-03-09")
    assert WAITS in page(payer, invoice)
    ask(payer, invoice)
    assert page(payer, invoice).count(WAITS) == 2
    # Nobody tries to charge it while the schedule is paused.
    recurring.pause_recurring(again(test_merchant), row.public_id, PauseInput())
    assert WAITS not in page(payer, invoice)


def test_a_card_that_only_its_owner_can_mend_does_not_wait(
    payer: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    cleo = given_a_customer(test_merchant, email="cleo@example.com")
    given_a_saved_card(cleo, LATER_LOST)
    invoice = subscribe(cleo).periods.get().invoice
    promise(payer, invoice, "2026-03-09")
    assert "You promised to pay by" in page(payer, invoice)
    assert WAITS not in page(payer, invoice)


def test_where_nothing_is_charged_nothing_is_said_to_wait(payer: Client, invoice: Invoice) -> None:
    promise(payer, invoice, "2026-03-15")
    ask(payer, invoice)
    assert WAITS not in page(payer, invoice)


def test_no_markup_of_a_payers_is_ever_markup(payer: Client, invoice: Invoice) -> None:
    ask(payer, invoice, "<script>alert(1)</script> <a href='https://evil.example'>x</a>")
    mail = Message.objects.get(kind="question")
    assert "<script" not in mail.html
    assert "<a href='https://evil" not in mail.html
    assert "&lt;script&gt;" in mail.html


def test_without_an_address_on_the_invoice_one_is_asked_for(
    payer: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant, recipient={"name": "Cleo"})
    for wrong in ("", "nowhere"):
        refused = ask(payer, invoice, reply_to=wrong)
        assert refused.status_code == 422
        assert "Please write the email address" in refused.content.decode()
        # What was typed is not lost.
        assert "Which hours?" in refused.content.decode()
    assert not Inquiry.objects.exists()
    ask(payer, invoice, reply_to="dora@example.com")
    assert Inquiry.objects.get().reply_to == "dora@example.com"


def test_an_address_that_is_known_is_not_replaced(payer: Client, invoice: Invoice) -> None:
    ask(payer, invoice, reply_to="evil@example.com")
    assert Inquiry.objects.get().reply_to == ""


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "a\x00b"])
def test_a_question_of_nothing_or_of_too_much_is_refused(
    payer: Client, invoice: Invoice, text: str
) -> None:
    refused = ask(payer, invoice, text)
    assert refused.status_code == 422
    assert "Please write your question" in refused.content.decode()
    assert not Inquiry.objects.exists()


def test_questions_are_throttled(
    payer: Client, invoice: Invoice, test_merchant: Merchant, clock: WallClock
) -> None:
    assert [ask(payer, invoice).status_code for _ in range(4)] == [303, 303, 303, 409]
    assert Inquiry.objects.count() == 3
    assert Message.objects.filter(kind="question").count() == 3


def test_a_promise_is_kept_on_file_and_may_be_changed_twice(
    payer: Client, invoice: Invoice
) -> None:
    for day in ("2026-03-15", "2026-03-20", "2026-04-01"):
        assert promise(payer, invoice, day).status_code == 303
    assert "You promised to pay by April 1, 2026" in page(payer, invoice)
    assert promise(payer, invoice, "2026-03-31").status_code == 409
    rows = Inquiry.objects.order_by("pk").values_list("promised_on", "status")
    assert [(day.isoformat(), status) for day, status in rows] == [
        ("2026-03-15", "replaced"),
        ("2026-03-20", "replaced"),
        ("2026-04-01", "open"),
    ]
    assert told(invoice).count("invoice.promise_made") == 3


@pytest.mark.parametrize("day", ["", "soon", "2026-03-01", "2026-04-02", "20260315x"])
def test_only_a_day_from_today_on_and_within_thirty_can_be_promised(
    payer: Client, invoice: Invoice, day: str
) -> None:
    refused = promise(payer, invoice, day)
    assert refused.status_code == 422
    assert "Please choose a day from today on, within 30 days." in refused.content.decode()
    assert not Inquiry.objects.exists()


def test_what_is_paid_cannot_be_promised_but_can_be_asked_about(
    payer: Client, invoice: Invoice
) -> None:
    pay(invoice)
    assert "I promise to pay" not in page(payer, invoice)
    assert promise(payer, invoice, "2026-03-15").status_code == 303
    assert not Inquiry.objects.exists()
    assert ask(payer, invoice).status_code == 303


@pytest.mark.parametrize("rest", ["ask", "promise"])
def test_drafts_and_strangers_addresses_have_no_such_page(
    payer: Client, rest: str, db: None
) -> None:
    assert payer.post(f"/i/{'0' * 32}/{rest}", {"text": "x"}).status_code == 404
    assert payer.get(f"/i/{'0' * 32}/{rest}").status_code == 405


# Reminders as they arrive


def given_a_reminder(merchant: Merchant, clock: WallClock, **fields: Any) -> Invoice:
    rules = [{"days": 7, "late_fee": {"amount": "5"}}, {"days": 14}]
    reminders.set_reminders(merchant, read(RemindersInput, {"enabled": True, "rules": rules}))
    invoice = given_an_open_invoice(merchant, due_at=DUE, **fields)
    clock.move(days=17)
    tasks.send_reminders()
    return invoice


def test_a_reminder_arrives_with_the_pdf_and_a_way_to_stop_them(
    test_merchant: Merchant, clock: WallClock, mail_server: MailServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://bills.example.com"
    invoice = given_a_reminder(test_merchant, clock)
    assert tasks.send_mails() == 1
    (mail,) = mail_server.mails
    assert mail["Subject"] == "Invoice TEST-0001 from Ada's Engines is overdue"
    link = reminder_mails.stop_url(invoice)
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        said = mail.get_body((kind,)).get_content()
        assert "$100.00" in said and "$5.00" in said and "March 12, 2026" in said
        assert f"https://bills.example.com/i/{invoice.slug}" in said
        assert link in said
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == "TEST-0001.pdf"
    assert attachment.get_content().startswith(b"%PDF-")


def test_without_https_one_click_is_not_promised(
    test_merchant: Merchant, clock: WallClock, mail_server: MailServer
) -> None:
    given_a_reminder(test_merchant, clock)
    tasks.send_mails()
    (mail,) = mail_server.mails
    assert mail["List-Unsubscribe"].startswith("<http://127.0.0.1")
    assert mail["List-Unsubscribe-Post"] is None


def path_of(invoice: Invoice) -> str:
    return "/" + reminder_mails.stop_url(invoice).split("/", 3)[3]


def test_one_click_stops_them_for_the_customer_until_the_merchant_allows_it(
    payer: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    cleo = given_a_customer(test_merchant)
    invoice = given_a_reminder(test_merchant, clock, customer_id=cleo.public_id)
    # A machine that only looks changes nothing.
    assert payer.get(path_of(invoice)).status_code == 200
    assert again(cleo).reminders_stopped_at is None
    answer = payer.post(path_of(invoice), {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, bool(answer.cookies)) == (200, False)
    stopped = again(cleo)
    assert (stopped.reminders, stopped.reminders_stopped_at) == (
        {"mode": "off", "rules": []},
        clock.at,
    )
    tasks.send_reminders()
    assert again(invoice).next_reminder_at is None
    payer.post(path_of(invoice))
    assert told(cleo) == ["customer.created", "customer.reminders_stopped"]
    assert Event.objects.get(type="customer.reminders_stopped").actor_kind == "payer"
    allowed = read(CustomerChanges, {"reminders": {"mode": "inherit"}})
    customers.update_customer(test_merchant, cleo.public_id, allowed)
    tasks.send_reminders()
    assert again(cleo).reminders_stopped_at is None
    assert again(invoice).next_reminder_at == clock.at.replace(hour=9) + timedelta(days=7)


def test_without_a_customer_the_invoice_is_left_alone(
    payer: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_a_reminder(test_merchant, clock)
    payer.post(path_of(invoice))
    assert again(invoice).reminders_stopped_at == clock.at
    assert again(invoice).next_reminder_at is None
    reminders.resume_reminders(test_merchant, invoice.public_id)
    assert again(invoice).next_reminder_at is not None


@pytest.mark.parametrize("token", ["x", "inv_000000000000000000000000:abc"])
def test_a_token_of_somebody_elses_making_opens_nothing(
    payer: Client, token: str, db: None
) -> None:
    assert payer.post(f"/reminders/stop/{token}").status_code == 404


def test_the_token_opens_nothing_else(payer: Client, invoice: Invoice) -> None:
    token = path_of(invoice).rsplit("/", 1)[1]
    assert payer.get(f"/i/{token.split(':')[0]}").status_code == 404
    # Nor does it give the payer's address away.
    assert invoice.slug not in payer.get(path_of(invoice)).content.decode()
