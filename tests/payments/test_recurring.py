"""Recurring charges as their merchants and payers live through them."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from invoicing.actions import inquiries, reminders
from invoicing.actions.invoices import void_invoice
from invoicing.errors import BillhookError, Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.inputs import read
from invoicing.models import Customer, Event, Merchant, Message
from invoicing.reminder_inputs import AnswerInput, QuestionInput, RemindersInput
from payments import flows
from payments import tasks as payment_tasks
from payments.actions import pay, recurring
from payments.actions.methods import choose_default, remove_method
from payments.inputs import MarkPaidInput, RefundInput
from payments.models import Payment, RecurringCharge, RecurringPeriod
from payments.recurring_inputs import (
    CancelInput,
    DunningPolicyInput,
    PauseInput,
    RecurringChanges,
)
from payments.sandbox import provider
from tests import factories
from tests.factories import (
    FIRST_TWO_DECLINED,
    LATER_ASKS_APPROVAL,
    LATER_LOST,
    LATER_NO_FUNDS,
    SILENT_THEN_NOTHING,
    SILENT_THEN_PAID,
    VISA,
    again,
    given_a_customer,
    given_a_merchant,
    given_a_saved_card,
    given_an_open_invoice,
    live,
    subscribe,
    told,
)
from tests.fixtures import WallClock

pytestmark = pytest.mark.django_db(transaction=True)

JAN_31 = datetime(2027, 1, 31, 9, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=UTC)


@pytest.fixture
def merchant(clock: WallClock, test_merchant: Merchant) -> Merchant:
    clock.at = JAN_31
    return test_merchant


@pytest.fixture
def cleo(merchant: Merchant) -> Customer:
    return given_a_customer(merchant, email="cleo@example.com")


def periods(row: RecurringCharge) -> list[tuple[int, str, str, str]]:
    found = row.periods.order_by("number").select_related("invoice")
    return [(one.number, f"{one.starts_at:%m-%d}", one.status, one.invoice.status) for one in found]


def mails(kind: str) -> list[str]:
    return list(Message.objects.filter(kind=kind).order_by("id").values_list("subject", flat=True))


def charges() -> list[tuple[str, str]]:
    """When something was charged, and what became of it."""
    return [
        (f"{one.created_at:%m-%d}", one.failure_code or one.status)
        for one in Payment.objects.order_by("id")
    ]


# A year


def test_a_year_of_last_days_of_the_month(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    live(merchant, day("2028-01-30"))
    days = ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"]
    days += ["07-31", "08-31", "09-30", "10-31", "11-30", "12-31"]
    assert periods(row) == [(n, on, "paid", "paid") for n, on in enumerate(days, 1)]
    numbers = row.periods.order_by("number").values_list("invoice__number", flat=True)
    assert list(numbers) == [f"TEST-{n:04}" for n in range(1, 13)]
    assert len(mails("receipt")) == 12
    assert [on for on, _ in charges()] == days
    assert again(row).status == "active"
    assert again(row).next_at == day("2028-01-31")


def test_each_period_is_announced_once_some_days_before(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    live(merchant, day("2027-04-01"))
    upcoming = Event.objects.filter(type="invoice.upcoming").order_by("id")
    assert [f"{one.created_at:%m-%d}" for one in upcoming] == ["02-25", "03-28"]
    told_of = json.loads(upcoming[0].body)["data"]
    assert (told_of["recurring_charge_id"], told_of["number"]) == (row.public_id, 2)
    assert told_of["period_start"] == "2027-02-28T09:00:00.000Z"
    assert (told_of["invoice"]["total"], told_of["invoice"]["id"]) == ("99.00", None)


def test_a_schedule_ends_when_it_is_to_end(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, end_at="2027-03-15")
    live(merchant, day("2027-06-01"))
    assert [one[:2] for one in periods(row)] == [(1, "01-31"), (2, "02-28")]
    row = again(row)
    assert (row.status, f"{row.ended_at:%m-%d %H:%M}") == ("ended", "03-15 00:00")
    assert told(row)[-1] == "recurring_charge.ended"


# Beginnings


def test_a_trial_begins_later_and_charges_nothing_before(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, trial_days=14)
    assert (periods(row), row.next_at) == ([], day("2027-02-14"))
    live(merchant, day("2027-02-14"))
    assert periods(row) == [(1, "02-14", "paid", "paid")]


def test_time_before_the_anchor_costs_nothing_unless_it_is_prorated(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    free = subscribe(cleo, anchor="2027-03-01T09:00:00Z")
    assert (periods(free), free.next_at) == ([], day("2027-03-01"))
    part = subscribe(cleo, anchor="2027-03-01T09:00:00Z", proration="prorate")
    first = part.periods.get()
    # From January 31st to February 1st: one day of the 31 that January's period has.
    assert (first.number, first.starts_at, first.ends_at) == (1, JAN_31, day("2027-02-01"))
    assert first.invoice.total == round(9900 / 31)
    assert first.invoice.memo == "Jan 31, 2027 – Jan 31, 2027"
    assert (part.next_number, part.next_at) == (2, day("2027-02-01"))
    live(merchant, day("2027-02-01"))
    assert [one.invoice.total for one in part.periods.order_by("number")] == [319, 9900]


def test_an_anchor_in_the_past_fixes_the_rhythm(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, anchor="2026-11-15", interval="quarterly")
    assert (row.started_at, row.next_number) == (datetime(2027, 2, 15, tzinfo=UTC), 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"interval": "daily"}, "interval"),
        ({"interval_count": 0}, "interval_count"),
        ({"interval": "yearly", "interval_count": 6}, "interval_count"),
        ({"end_at": "2027-01-30"}, "end_at"),
        ({"end_at": "2027-02-10", "start_at": "2027-02-11"}, "end_at"),
        ({"start_at": "2027-01-01"}, "start_at"),
        ({"start_at": "2027-03-01", "trial_days": 3}, "trial_days"),
        ({"amount": "0"}, "amount"),
        ({"amount": "9.999"}, "amount"),
        ({"line_items": [{"description": "Nothing", "unit_price": "0"}]}, "line_items"),
        ({"description": ""}, "description"),
        ({"currency": "XYZ"}, "currency"),
        ({"customer_id": "cus_1"}, "customer_id"),
        ({"wallet_id": "wal_1"}, "wallet_id"),
        ({"payment_method_id": "pm_1"}, "payment_method_id"),
        ({"collection": "send", "payment_method_id": "pm_1"}, "payment_method_id"),
        ({"dunning": {"retries": [{"days": 0}]}}, "dunning.retries[0].days"),
        ({"dunning": {"retries": [{"days": 2, "at": "9 am"}]}}, "dunning.retries[0].at"),
        ({"timezone": "Europe/Berlin"}, "timezone"),
    ],
)
def test_what_is_not_right_is_refused_by_its_field(
    cleo: Customer, fields: dict[str, Any], field: str
) -> None:
    given_a_saved_card(cleo)
    with pytest.raises(BillhookError) as refusal:
        subscribe(cleo, **fields)
    error = refusal.value
    named = (
        [name for name, _ in error.fields]
        if isinstance(error, ValidationFailed)
        else [error.details["field"]]
    )
    assert named == [field]
    assert not RecurringCharge.objects.exists()


def test_without_a_method_that_can_be_charged_nothing_begins(
    merchant: Merchant, cleo: Customer
) -> None:
    with pytest.raises(InvalidState, match="no saved card"):
        subscribe(cleo)
    method = given_a_saved_card(cleo)
    remove_method(merchant, cleo.public_id, method.public_id)
    with pytest.raises(InvalidState, match="removed"):
        subscribe(cleo, payment_method_id=method.public_id)
    dora = given_a_customer(merchant, name="Dora")
    with pytest.raises(NotFound):
        subscribe(cleo, payment_method_id=given_a_saved_card(dora).public_id)
    assert not RecurringCharge.objects.exists()


def test_invoices_that_are_only_sent(merchant: Merchant, cleo: Customer) -> None:
    row = subscribe(cleo, collection="send", memo="Thank you for staying.")
    live(merchant, day("2027-03-01"))
    assert periods(row) == [(1, "01-31", "open", "open"), (2, "02-28", "open", "open")]
    assert len(mails("invoice")) == 2
    first, second = row.periods.order_by("number")
    assert first.invoice.memo == "Jan 31, 2027 – Feb 27, 2027\nThank you for staying."
    assert first.invoice.due_at == JAN_31 + timedelta(days=30)
    factories.pay(second.invoice)
    assert again(second).status == "paid"
    assert (again(row).status, again(first).status) == ("active", "open")


# Dunning


def test_a_failed_charge_is_tried_again_and_recovers(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    row = subscribe(cleo)
    assert again(row).status == "past_due"
    period = row.periods.get()
    assert (period.failure_code, period.retry_at) == ("insufficient_funds", day("2027-02-02"))
    live(merchant, day("2027-02-10"))
    assert charges() == [
        ("01-31", "insufficient_funds"),
        ("02-02", "insufficient_funds"),
        ("02-07", "succeeded"),
    ]
    assert told(row) == [
        "recurring_charge.created",
        "recurring_charge.past_due",
        "recurring_charge.recovered",
    ]
    assert len(mails("charge_failed")) == 2
    text = Message.objects.filter(kind="charge_failed").earliest("id").text
    assert "could not collect $99.00 for Membership" in text
    assert "We will try again on February 2, 2027." in text


def test_the_card_that_pays_a_failed_period_is_charged_from_then_on(
    client: Client, merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    invoice = row.periods.get().invoice
    page = client.get(f"/i/{invoice.slug}").content.decode()
    assert "is kept, and charged from now on for: " in page
    payment = flows.start(invoice.pk, "sandbox")
    provider.submit_card(payment.provider_reference, "5555555555554444")
    payment_tasks.apply_notices()
    row = again(row)
    assert row.payment_method is not None
    assert (row.status, row.payment_method.details["last4"]) == ("active", "4444")
    live(merchant, day("2027-03-15"))
    assert charges()[-1] == ("02-28", "succeeded")
    assert Payment.objects.latest("pk").saved_method == row.payment_method
    # What will not be charged again keeps nothing.
    recurring.cancel_recurring(again(merchant), row.public_id, CancelInput())
    other = given_an_open_invoice(again(merchant), customer_id=cleo.public_id)
    for one in (other, row.periods.order_by("-number")[0].invoice):
        assert "is kept" not in client.get(f"/i/{one.slug}").content.decode()
    assert not flows.start(other.pk, "sandbox").keeps_method


def test_after_the_last_try_it_ends_and_the_invoice_is_uncollectible(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    live(merchant, day("2027-02-27"))
    assert [on for on, _ in charges()] == ["01-31", "02-02", "02-07", "02-14", "02-21"]
    assert periods(row) == [(1, "01-31", "given_up", "uncollectible")]
    row = again(row)
    assert (row.status, row.reason) == ("ended", "Charging TEST-0001 has failed for the last time.")
    assert len(mails("charge_failed")) == 4
    assert len(mails("charge_given_up")) == 1
    assert told(row.periods.get().invoice)[-1] == "invoice.uncollectible"


@pytest.mark.parametrize(
    ("then", "invoice", "after"),
    [("keep", "open", "past_due"), ("pause", "uncollectible", "paused"), ("end", "open", "ended")],
)
def test_what_comes_in_the_end_is_the_merchants_choice(
    merchant: Merchant, cleo: Customer, then: str, invoice: str, after: str
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    rules = {"retries": [{"days": 1}], "then": then, "invoice": invoice, "mail_payer": False}
    row = subscribe(cleo, dunning=rules)
    live(merchant, day("2027-02-20"))
    assert [on for on, _ in charges()] == ["01-31", "02-01"]
    assert periods(row) == [(1, "01-31", "given_up", invoice)]
    assert again(row).status == after
    assert mails("charge_failed") + mails("charge_given_up") == []


def test_retries_at_a_time_of_day_are_the_merchants_time(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    wanted = read(DunningPolicyInput, {"retries": [{"days": 0, "at": "08:00"}, {"days": 3}]})
    recurring.set_dunning(merchant, wanted)
    row = subscribe(cleo)
    assert row.periods.get().retry_at == datetime(2027, 2, 1, 8, tzinfo=UTC)
    live(merchant, day("2027-02-02"))
    assert row.periods.get().retry_at == datetime(2027, 2, 4, 8, tzinfo=UTC)


@pytest.mark.parametrize("number", [LATER_LOST, LATER_ASKS_APPROVAL])
def test_what_another_try_cannot_mend_is_not_tried_again(
    merchant: Merchant, cleo: Customer, number: str
) -> None:
    given_a_saved_card(cleo, number)
    row = subscribe(cleo)
    live(merchant, day("2027-02-27"))
    assert [on for on, _ in charges()] == ["01-31"]
    assert periods(row) == [(1, "01-31", "given_up", "uncollectible")]
    text = Message.objects.filter(kind="charge_failed").earliest("id").text
    assert "Please pay by the link below." in text


def test_a_new_method_is_tried_at_once_and_charged_from_then_on(
    merchant: Merchant, cleo: Customer
) -> None:
    lost = given_a_saved_card(cleo, LATER_LOST)
    row = subscribe(cleo)
    live(merchant, day("2027-02-01"))
    card = given_a_saved_card(cleo, VISA)
    payment_tasks.charge_recurring()
    assert charges() == [("01-31", "lost_card"), ("02-01", "succeeded")]
    assert (again(row).status, again(row).payment_method) == ("active", card)
    # The default is the payer's own choice, and stays.
    assert (again(lost).is_default, again(card).is_default) == (True, False)
    live(merchant, day("2027-03-01"))
    assert charges()[-1] == ("02-28", "succeeded")


def test_another_default_is_tried_at_once_where_the_default_is_charged(
    merchant: Merchant, cleo: Customer
) -> None:
    card = given_a_saved_card(cleo, VISA)
    choose_default(merchant, cleo.public_id, given_a_saved_card(cleo, LATER_LOST).public_id)
    by_default = subscribe(cleo)
    by_name = subscribe(cleo, payment_method_id=cleo.payment_methods.get(is_default=True).public_id)
    choose_default(merchant, cleo.public_id, card.public_id)
    payment_tasks.charge_recurring()
    assert (again(by_default).status, again(by_name).status) == ("active", "past_due")
    # What was lost is not charged a second time.
    assert [code for _, code in charges()] == ["lost_card", "lost_card", "succeeded"]


def test_a_method_chosen_for_the_schedule_is_tried_at_once(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    card = given_a_saved_card(cleo, VISA)
    wanted = read(RecurringChanges, {"payment_method_id": card.public_id})
    recurring.update_recurring(merchant, row.public_id, wanted)
    payment_tasks.charge_recurring()
    assert again(row).status == "active"
    assert Payment.objects.latest("id").saved_method == card


def test_paying_by_hand_ends_the_dunning(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    pay.mark_paid(merchant, row.periods.get().invoice.public_id, MarkPaidInput())
    assert periods(row) == [(1, "01-31", "paid", "paid")]
    assert again(row).status == "active"
    live(merchant, day("2027-02-27"))
    assert len(charges()) == 2


def test_voiding_ends_the_dunning(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    void_invoice(merchant, row.periods.get().invoice.public_id)
    assert periods(row) == [(1, "01-31", "closed", "void")]
    assert again(row).status == "active"


def test_a_method_that_is_gone_is_asked_for(merchant: Merchant, cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    row = subscribe(cleo)
    remove_method(merchant, cleo.public_id, method.public_id)
    live(merchant, day("2027-03-01"))
    period = row.periods.get(number=2)
    assert (period.failure_code, again(row).status) == ("no_payment_method", "past_due")
    text = Message.objects.filter(kind="charge_failed").latest("id").text
    assert "There is no payment method on file" in text
    given_a_saved_card(cleo)
    payment_tasks.charge_recurring()
    assert (again(period).status, again(row).status) == ("paid", "active")


def test_no_answer_is_no_failure(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, SILENT_THEN_PAID)
    row = subscribe(cleo)
    assert (again(row).status, periods(row)) == ("active", [(1, "01-31", "open", "paying")])
    live(merchant, JAN_31 + timedelta(hours=1))
    assert periods(row) == [(1, "01-31", "paid", "paid")]
    assert len(charges()) == 1


def test_a_question_holds_the_retries_until_it_is_answered(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    invoice = row.periods.get().invoice
    question = inquiries.ask_question(invoice.pk, QuestionInput(text="What is this for?"))
    live(merchant, day("2027-02-10"))
    assert [on for on, _ in charges()] == ["01-31"]
    assert (again(row).status, row.periods.get().retries_made) == ("past_due", 0)
    inquiries.answer_question(merchant, question.public_id, AnswerInput(text="For membership."))
    live(merchant, day("2027-02-12"))
    assert [on for on, _ in charges()] == ["01-31", "02-11"]


def test_a_payers_own_try_that_fails_does_not_end_the_retries(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    live(merchant, day("2027-02-02") - timedelta(minutes=5))
    factories.pay(row.periods.get().invoice, SILENT_THEN_NOTHING)
    live(merchant, day("2027-02-04"))
    # Nobody was charged while it was unknown what became of the payer's own card.
    assert [on for on, _ in charges()] == ["01-31", "02-02", "02-03"]
    assert row.periods.get().retries_made == 1


def test_what_is_sent_from_now_on_is_charged_no_more(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    change = read(RecurringChanges, {"collection": "send"})
    recurring.update_recurring(merchant, row.public_id, change)
    live(merchant, day("2027-02-10"))
    assert len(charges()) == 1
    change = read(RecurringChanges, {"collection": "charge"})
    recurring.update_recurring(merchant, row.public_id, change)
    live(merchant, day("2027-02-11"))
    assert [on for on, _ in charges()] == ["01-31", "02-10"]


def test_what_is_charged_is_not_reminded_of_until_it_was_given_up(
    merchant: Merchant, cleo: Customer
) -> None:
    rules = {"enabled": True, "rules": [{"days": 0}, {"days": 3}, {"days": 40}]}
    reminders.set_reminders(merchant, read(RemindersInput, rules))
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    subscribe(cleo, dunning={"retries": [{"days": 20}], "invoice": "open"})
    live(merchant, day("2027-02-19"))
    assert (len(mails("charge_failed")), mails("reminder")) == (1, [])
    live(merchant, day("2027-02-24"))
    assert (len(mails("charge_given_up")), mails("reminder")) == (1, [])
    live(merchant, day("2027-03-15"))
    assert len(mails("reminder")) == 1


# Changing


def test_a_change_holds_from_the_next_period_on(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    wanted = read(RecurringChanges, {"amount": "119.00", "metadata": {"plan": "large"}})
    row = recurring.update_recurring(merchant, row.public_id, wanted)
    assert row.amount == 11900
    live(merchant, day("2027-03-01"))
    totals = [one.invoice.total for one in row.periods.order_by("number")]
    assert totals == [9900, 11900]
    assert row.periods.get(number=2).invoice.metadata == {"plan": "large"}
    assert row.periods.get(number=2).invoice.lines.get().unit_price == Decimal("119")


def test_nothing_is_changed_while_a_charge_is_under_way(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, SILENT_THEN_PAID)
    row = subscribe(cleo)
    with pytest.raises(Conflict, match="under way"):
        recurring.update_recurring(
            merchant, row.public_id, read(RecurringChanges, {"amount": "1.00"})
        )


def test_what_a_pause_skips_is_not_asked_for(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    wanted = read(PauseInput, {"until": "2027-04-15"})
    recurring.pause_recurring(merchant, row.public_id, wanted)
    assert (again(row).status, again(row).next_at) == ("paused", None)
    live(merchant, day("2027-05-01"))
    assert [one[:2] for one in periods(row)] == [(1, "01-31"), (4, "04-30")]
    paused_and_resumed = ["recurring_charge.paused", "recurring_charge.resumed"]
    assert told(row)[1:] == [*paused_and_resumed, "invoice.upcoming"]
    with pytest.raises(InvalidState, match="active, so it cannot be resumed"):
        recurring.resume_recurring(merchant, row.public_id)


def test_a_pause_holds_the_retries_and_the_end_of_it_tries_again(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    row = subscribe(cleo)
    recurring.pause_recurring(merchant, row.public_id, PauseInput())
    live(merchant, day("2027-02-10"))
    assert len(charges()) == 1
    recurring.resume_recurring(merchant, row.public_id)
    assert again(row).status == "past_due"
    live(merchant, day("2027-02-16"))
    assert [on for on, _ in charges()] == ["01-31", "02-10", "02-15"]
    assert again(row).status == "active"


def test_canceling_now_and_at_the_periods_end(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    now, later = subscribe(cleo), subscribe(cleo)
    recurring.cancel_recurring(merchant, now.public_id, CancelInput(reason="Moved away"))
    assert (again(now).status, again(now).reason) == ("ended", "Moved away")
    recurring.cancel_recurring(merchant, later.public_id, CancelInput(at="period_end"))
    assert (again(later).status, again(later).end_at) == ("active", day("2027-02-28"))
    live(merchant, day("2027-03-31"))
    assert again(later).status == "ended"
    assert RecurringPeriod.objects.count() == 2
    with pytest.raises(InvalidState, match="ended, so it cannot be changed"):
        recurring.cancel_recurring(merchant, now.public_id, CancelInput())


def test_an_end_at_the_periods_end_can_be_taken_back(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    recurring.cancel_recurring(merchant, row.public_id, CancelInput(at="period_end"))
    recurring.update_recurring(merchant, row.public_id, read(RecurringChanges, {"end_at": None}))
    live(merchant, day("2027-03-01"))
    assert len(periods(row)) == 2


def test_a_schedule_whose_invoice_cannot_be_made_pauses_and_says_why(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    Customer.objects.filter(pk=cleo.pk).update(archived_at=JAN_31)
    live(merchant, day("2027-03-01"))
    row = again(row)
    assert (row.status, len(periods(row))) == ("paused", 1)
    assert row.reason.startswith("The next invoice could not be made: ")
    assert "archived" in row.reason


def test_after_a_long_sleep_each_period_is_asked_for_once(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, interval="weekly")
    factories.let_pass(merchant, "P30D")
    while payment_tasks.charge_recurring():
        pass
    assert [one[0] for one in periods(row)] == [1, 2, 3, 4, 5]
    assert len(charges()) == 5


def test_customers_credit_pays_first(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    other = subscribe(cleo, amount="150.00")
    wanted = RefundInput(destination="credit_balance")
    flows.refund(merchant, other.periods.get().invoice.public_id, wanted)
    row = subscribe(cleo)
    assert periods(row) == [(1, "01-31", "paid", "paid")]
    assert [one.rail for one in row.periods.get().invoice.payments.all()] == ["credit"]


def test_two_merchants_schedules_are_their_own(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    other = given_a_merchant()
    for verb in (
        lambda: recurring.resume_recurring(other, row.public_id),
        lambda: recurring.cancel_recurring(other, row.public_id, CancelInput()),
        lambda: recurring.pause_recurring(other, row.public_id, PauseInput()),
        lambda: recurring.update_recurring(other, row.public_id, RecurringChanges()),
    ):
        with pytest.raises(NotFound):
            verb()
