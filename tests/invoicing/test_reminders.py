"""Reminders: when they come, what they say and charge, and everything that stops them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invoicing import clock as clocks
from invoicing import reminding, tasks
from invoicing.actions import customers, inquiries, invoices, merchants, reminders
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.inputs import CustomerChanges, MerchantChanges, read
from invoicing.models import Inquiry, Invoice, Merchant, Message, Reminder
from invoicing.reminder_inputs import (
    AnswerInput,
    PauseInput,
    PromiseInput,
    QuestionInput,
    RemindersInput,
)
from payments import flows
from payments import tasks as payment_tasks
from payments.actions import pay as paying
from payments.audit import audit
from payments.inputs import MarkPaidInput
from tests.factories import (
    SILENT_THEN_NOTHING,
    again,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    let_pass,
    pay,
    start_paying,
    told,
    use_card,
)
from tests.fixtures import WallClock

# The clock of the tests stands at noon of 2 March 2026; a date is the end of that day.
DUE = "2026-03-12"
RULES: list[dict[str, Any]] = [{"days": -3}, {"days": 0}, {"days": 7}, {"days": 14}]


def given_rules(
    merchant: Merchant, rules: list[dict[str, Any]] | None = None, **fields: Any
) -> Merchant:
    wanted = {"enabled": True, "rules": RULES if rules is None else rules, **fields}
    reminders.set_reminders(merchant, read(RemindersInput, wanted))
    tasks.send_reminders()
    return again(merchant)


def given_an_invoice(merchant: Merchant, **fields: Any) -> Invoice:
    """Of 100.00, due on 12 March."""
    return given_an_open_invoice(merchant, **{"due_at": DUE, **fields})


def on(day: int, hour: int = 9, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def sweep_at(clock: WallClock, at: datetime) -> list[Message]:
    """The reminders that the sweep queues at this moment, the oldest first."""
    clock.at = at
    seen = set(Message.objects.values_list("pk", flat=True))
    tasks.send_reminders()
    return list(Message.objects.filter(kind="reminder").exclude(pk__in=seen).order_by("pk"))


def next_of(invoice: Invoice) -> datetime | None:
    found = again(invoice).next_reminder_at
    assert found is None or isinstance(found, datetime)
    return found


def test_nobody_is_reminded_until_somebody_has_switched_it_on(
    live: Merchant, clock: WallClock
) -> None:
    invoice = given_an_invoice(live)
    assert next_of(invoice) is None
    assert sweep_at(clock, on(30)) == []


def test_each_rule_reminds_once_on_its_morning(live: Merchant, clock: WallClock) -> None:
    given_rules(live)
    invoice = given_an_invoice(live)
    said = []
    for moment in (on(9), on(12), on(19), on(26)):
        assert next_of(invoice) == moment
        assert sweep_at(clock, moment - timedelta(microseconds=1)) == []
        (mail,) = sweep_at(clock, moment)
        said.append(mail.subject)
        assert (mail.to, mail.repeat, mail.attach_pdf) == (
            "cleo@example.com",
            len(said) - 1,
            True,
        )
        assert sweep_at(clock, moment) == []
    assert next_of(invoice) is None
    assert said == [
        "Invoice INV-0001 from Ada's Engines is due on March 12, 2026",
        "Invoice INV-0001 from Ada's Engines is due today",
        "Invoice INV-0001 from Ada's Engines is overdue",
        "Invoice INV-0001 from Ada's Engines is overdue",
    ]
    assert list(invoice.reminders.values_list("days", flat=True)) == [-3, 0, 7, 14]
    assert told(invoice).count("invoice.reminder_sent") == 4


def test_several_that_were_due_at_once_are_one_mail_the_latest(
    live: Merchant, clock: WallClock
) -> None:
    given_rules(live)
    invoice = given_an_invoice(live)
    (mail,) = sweep_at(clock, on(20, 3))
    assert "It was due on March 12, 2026, 8 days ago." in mail.text
    assert [row.days for row in invoice.reminders.all()] == [7]
    assert next_of(invoice) == on(26)


def test_what_lay_before_the_issuing_is_not_made_up_for(live: Merchant, clock: WallClock) -> None:
    given_rules(live)
    clock.at = on(10)
    invoice = given_an_invoice(live)
    assert next_of(invoice) == on(12)


def test_mornings_are_the_merchants_own_also_when_clocks_change(
    live: Merchant, clock: WallClock
) -> None:
    there = merchants.update_merchant(live, read(MerchantChanges, {"timezone": "Europe/Berlin"}))
    there = given_rules(there, [{"days": 0}, {"days": 21}], hour=8)
    invoice = given_an_invoice(there)
    assert next_of(invoice) == on(12, 7)
    sweep_at(clock, on(12, 7))
    # Summer time has begun on 29 March.
    assert next_of(invoice) == on(2, 6, month=4)
    merchants.update_merchant(again(live), read(MerchantChanges, {"timezone": "America/New_York"}))
    tasks.send_reminders()
    assert next_of(invoice) == on(2, 12, month=4)


def test_the_last_rule_comes_again_as_often_as_it_may(live: Merchant, clock: WallClock) -> None:
    given_rules(live, [{"days": 1}, {"days": 5, "repeat_every_days": 10, "repeat_at_most": 2}])
    invoice = given_an_invoice(live)
    for moment in (on(13), on(17), on(27), on(6, month=4)):
        assert next_of(invoice) == moment
        assert len(sweep_at(clock, moment)) == 1
    assert next_of(invoice) is None
    assert [row.days for row in invoice.reminders.order_by("pk")] == [1, 5, 15, 25]


def test_a_test_merchant_is_reminded_by_its_own_clock(
    test_merchant: Merchant, clock: WallClock
) -> None:
    given_rules(test_merchant)
    invoice = given_an_invoice(test_merchant)
    let_pass(test_merchant, "P8D")
    assert len(sweep_at(clock, clock.at)) == 1
    let_pass(test_merchant, "P60D")
    (mail,) = sweep_at(clock, clock.at)
    assert [row.days for row in invoice.reminders.order_by("pk")] == [-3, 14]
    assert mail.created_at == clock.at


def test_other_rules_hold_from_now_on_and_ask_for_nothing_that_has_passed(
    live: Merchant, clock: WallClock
) -> None:
    invoice = given_an_invoice(live)
    clock.at = on(20)
    there = given_rules(live)
    assert next_of(invoice) == on(26)
    assert Message.objects.count() == 0
    given_rules(there, [{"days": 30}])
    assert next_of(invoice) == on(11, month=4)
    given_rules(there, enabled=False)
    assert next_of(invoice) is None


def test_rules_that_are_set_again_as_they_were_change_nothing(
    live: Merchant, clock: WallClock
) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    clock.at = on(20)
    reminders.set_reminders(there, read(RemindersInput, {"enabled": True, "rules": RULES}))
    assert len(sweep_at(clock, on(20))) == 1
    assert next_of(invoice) == on(26)


# Customers


def choose(merchant: Merchant, customer: Any, **chosen: Any) -> None:
    changes = read(CustomerChanges, {"reminders": chosen})
    customers.update_customer(merchant, customer.public_id, changes)
    tasks.send_reminders()


def test_a_customer_may_have_none_or_rules_of_their_own(live: Merchant, clock: WallClock) -> None:
    there = given_rules(live)
    cleo = given_a_customer(there)
    invoice = given_an_invoice(there, customer_id=cleo.public_id)
    assert next_of(invoice) == on(9)
    choose(there, cleo, mode="off")
    assert next_of(invoice) is None
    choose(there, cleo, mode="own", rules=[{"days": 1}])
    assert next_of(invoice) == on(13)
    assert again(cleo).reminders["rules"][0]["days"] == 1
    choose(there, cleo, mode="inherit")
    assert next_of(invoice) == on(9)
    assert again(cleo).reminders == {}


def test_own_rules_hold_where_the_merchant_has_none(live: Merchant, clock: WallClock) -> None:
    cleo = given_a_customer(live, reminders={"mode": "own", "rules": [{"days": 2}]})
    assert next_of(given_an_invoice(live, customer_id=cleo.public_id)) == on(14)
    assert next_of(given_an_invoice(live)) is None


def test_an_archived_customer_is_left_alone(live: Merchant, clock: WallClock) -> None:
    there = given_rules(live)
    cleo = given_a_customer(there)
    invoice = given_an_invoice(there, customer_id=cleo.public_id)
    customers.delete_customer(there, cleo.public_id)
    assert sweep_at(clock, on(12)) == []
    assert next_of(invoice) is None
    customers.restore_customer(there, cleo.public_id)
    tasks.send_reminders()
    assert next_of(invoice) == on(19)


# What stops them


def test_nothing_is_asked_for_again_once_it_is_paid(
    test_merchant: Merchant, clock: WallClock
) -> None:
    given_rules(test_merchant)
    invoice = given_an_invoice(test_merchant)
    pay(invoice)
    assert next_of(invoice) is None
    assert sweep_at(clock, on(30)) == []


@pytest.mark.parametrize("end", [invoices.void_invoice, invoices.write_off_invoice])
def test_what_is_given_up_is_not_asked_for(live: Merchant, clock: WallClock, end: Any) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    end(there, invoice.public_id)
    assert next_of(invoice) is None


def test_what_can_no_longer_be_paid_is_not_asked_for(live: Merchant, clock: WallClock) -> None:
    given_rules(live)
    invoice = given_an_invoice(live, expires_at="2026-03-05")
    clock.at = on(6)
    tasks.watch_due_dates()
    assert (again(invoice).status, next_of(invoice)) == ("expired", None)


def test_while_money_is_on_its_way_nobody_is_reminded(
    test_merchant: Merchant, clock: WallClock
) -> None:
    given_rules(test_merchant)
    invoice = given_an_invoice(test_merchant)
    clock.at = on(8)
    payment = start_paying(invoice)
    use_card(payment, SILENT_THEN_NOTHING)
    payment_tasks.apply_notices()
    assert again(invoice).status == "paying"
    assert sweep_at(clock, on(9)) == []
    flows.check(payment.pk)
    assert again(invoice).status == "open"
    assert len(sweep_at(clock, on(9))) == 1


def test_an_invoice_without_an_address_waits_for_one(live: Merchant, clock: WallClock) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there, recipient={"name": "Cleo"})
    assert next_of(invoice) is None
    invoices.send_invoice(there, invoice.public_id, "cleo@example.com")
    assert next_of(invoice) == on(9)


# Paused and by hand


def test_paused_until_a_day_and_what_fell_into_it_comes_on_the_morning_after(
    live: Merchant, clock: WallClock
) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    reminders.pause_reminders(there, invoice.public_id, read(PauseInput, {"until": "2026-03-15"}))
    assert next_of(invoice) == on(16)
    assert sweep_at(clock, on(15)) == []
    (mail,) = sweep_at(clock, on(16))
    assert "4 days ago" in mail.text
    assert next_of(invoice) == on(19)


def test_paused_for_good_and_resumed(live: Merchant, clock: WallClock) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    reminders.pause_reminders(there, invoice.public_id, PauseInput())
    assert next_of(invoice) is None
    assert sweep_at(clock, on(13, 22)) == []
    reminders.resume_reminders(there, invoice.public_id)
    # Not in the night in which somebody pressed a button.
    assert next_of(invoice) == on(14)
    assert told(invoice)[-2:] == ["invoice.reminders_paused", "invoice.reminders_resumed"]
    reminders.resume_reminders(there, invoice.public_id)
    assert told(invoice).count("invoice.reminders_resumed") == 1


@pytest.mark.parametrize("until", ["2026-03-01", "2027-04-01"])
def test_a_pause_ends_in_the_future_and_within_a_year(
    live: Merchant, clock: WallClock, until: str
) -> None:
    invoice = given_an_invoice(live)
    with pytest.raises(ValidationFailed, match="^until: must be in the future, and within a year$"):
        reminders.pause_reminders(live, invoice.public_id, read(PauseInput, {"until": until}))
    assert again(invoice).reminders_paused_at is None


def test_by_hand_at_once_and_the_rule_of_that_morning_is_dealt_with(
    live: Merchant, clock: WallClock
) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    clock.at = on(12, 10)
    sent = reminders.send_reminder(there, invoice.public_id)
    assert sent.next_reminder_at == on(19)
    assert [row.days for row in invoice.reminders.all()] == [None]
    assert Message.objects.get().subject == "Invoice INV-0001 from Ada's Engines is due today"


def test_by_hand_only_where_there_is_something_to_ask_for_and_somebody_to_ask(
    test_merchant: Merchant, clock: WallClock
) -> None:
    def refusal(invoice: Invoice) -> str:
        with pytest.raises(InvalidState) as refused:
            reminders.send_reminder(test_merchant, invoice.public_id)
        return refused.value.message

    paid = given_an_invoice(test_merchant)
    pay(paid)
    assert refusal(paid) == "This invoice is paid; only one that asks for money is reminded."
    assert refusal(given_a_draft(test_merchant)) == (
        "This invoice is draft; only one that asks for money is reminded."
    )
    nobody = given_an_invoice(test_merchant, recipient={"name": "Cleo"})
    assert refusal(nobody) == "This invoice has no email address to send a reminder to."
    stopped = given_an_invoice(test_merchant)
    reminders.stop_reminders(stopped.pk)
    assert refusal(stopped) == "The payer has asked for no more reminders. Resume them first."
    assert Reminder.objects.count() == 0


# Late fees

FEE: list[dict[str, Any]] = [
    {"days": 7, "late_fee": {"percent": "2.5"}},
    {"days": 14, "late_fee": {"amount": "5"}, "repeat_every_days": 7, "repeat_at_most": 1},
]


def test_a_late_fee_is_an_invoice_of_its_own_and_the_reminder_tells_of_it(
    live: Merchant, clock: WallClock
) -> None:
    given_rules(live, FEE)
    invoice = given_an_invoice(live, tax_rate="19")
    (mail,) = sweep_at(clock, on(19))
    fee = Invoice.objects.get(late_fee_of=invoice)
    # 2.5 % of 119.00 is 2.975.
    assert (fee.number, fee.total, fee.tax, fee.status) == ("INV-0002", 298, 0, "open")
    assert (fee.late_fee_days, fee.recipient_email) == (7, "cleo@example.com")
    assert fee.lines.get().description == "Late fee for INV-0001"
    assert (fee.due_at, fee.sent_at) == (on(19) + timedelta(days=30), on(19))
    assert told(fee) == ["invoice.created", "invoice.finalized", "invoice.sent"]
    assert "A late fee of $2.98 was charged for it, invoice INV-0002:" in mail.text
    assert f"/i/{fee.slug}" in mail.text
    assert f"/i/{fee.slug}" in mail.html
    # The invoice is as it was issued.
    assert (again(invoice).total, again(invoice).amount_due) == (11900, 11900)


def test_each_rule_charges_once_and_its_repeats_do_not(live: Merchant, clock: WallClock) -> None:
    given_rules(live, FEE)
    invoice = given_an_invoice(live)
    for moment in (on(19), on(26), on(2, month=4)):
        assert len(sweep_at(clock, moment)) == 1
    fees = Invoice.objects.filter(late_fee_of=invoice).order_by("pk")
    assert [(fee.late_fee_days, fee.total) for fee in fees] == [(7, 250), (14, 500)]
    (last,) = Message.objects.filter(kind="reminder").order_by("-pk")[:1]
    assert "$2.50" in last.text and "$5.00" in last.text
    # Rules that were set anew charge nothing that was charged.
    given_rules(again(live), [*FEE, {"days": 60}][:1] + [{"days": 60}])
    assert sweep_at(clock, on(3, month=4)) == []


def test_a_fee_may_come_again_with_its_rule(live: Merchant, clock: WallClock) -> None:
    again_and_again = {"repeat_every_days": 7, "repeat_at_most": 2, "fee_repeats": True}
    given_rules(live, [{"days": 7, "late_fee": {"percent": "2.5"}, **again_and_again}])
    invoice = given_an_invoice(live)
    for moment in (on(19), on(26), on(2, month=4), on(9, month=4)):
        sweep_at(clock, moment)
    fees = Invoice.objects.filter(late_fee_of=invoice).order_by("pk")
    assert [(fee.late_fee_days, fee.total) for fee in fees] == [(7, 250), (14, 250), (21, 250)]
    assert invoice.reminders.count() == 3
    assert audit() == []


def test_a_rule_that_was_passed_over_charges_nothing(live: Merchant, clock: WallClock) -> None:
    given_rules(live, FEE)
    invoice = given_an_invoice(live)
    assert len(sweep_at(clock, on(27))) == 1
    (fee,) = Invoice.objects.filter(late_fee_of=invoice)
    assert fee.late_fee_days == 14


def test_an_amount_is_charged_in_its_currency_only(live: Merchant, clock: WallClock) -> None:
    given_rules(live, [{"days": 1, "late_fee": {"amount": "5"}}])
    yen = given_an_invoice(live, currency="JPY", amount="1000")
    assert len(sweep_at(clock, on(13))) == 1
    assert not Invoice.objects.filter(late_fee_of=yen).exists()


def test_a_late_fee_bears_none_and_is_asked_for_alone_once_its_invoice_is_paid(
    test_merchant: Merchant, clock: WallClock
) -> None:
    given_rules(test_merchant, [{"days": 1, "late_fee": {"amount": "5"}}, {"days": 40}])
    update = read(MerchantChanges, {"due_days": 0})
    merchants.update_merchant(again(test_merchant), update)
    invoice = given_an_invoice(test_merchant)
    sweep_at(clock, on(13))
    fee = Invoice.objects.get(late_fee_of=invoice)
    assert next_of(fee) == on(14)
    # Its invoice asks for it, so that nobody gets two mails.
    assert sweep_at(clock, on(14)) == []
    assert next_of(fee) == on(22, month=4)
    pay(invoice)
    (mail,) = sweep_at(clock, on(22, month=4))
    assert mail.invoice_id == fee.pk
    assert Invoice.objects.count() == 2


def test_a_void_invoice_takes_its_late_fees_along_but_for_those_that_were_paid(
    live: Merchant, clock: WallClock
) -> None:
    given_rules(live, FEE)
    invoice, other = given_an_invoice(live), given_an_invoice(live)
    for moment in (on(19), on(26)):
        sweep_at(clock, moment)
    first, second = invoice.late_fees.order_by("late_fee_days")
    paying.mark_paid(live, first.public_id, MarkPaidInput())
    invoices.void_invoice(live, invoice.public_id)
    assert [again(fee).status for fee in (first, second)] == ["paid", "void"]
    assert told(second)[-1] == "invoice.voided"
    assert {fee.status for fee in other.late_fees.all()} == {"open"}


# Questions and promises hold them


def ask(invoice: Invoice, text: str = "Which hours are these?") -> Inquiry:
    return inquiries.ask_question(invoice.pk, QuestionInput(text=text))


def test_a_question_holds_reminders_until_two_days_after_its_answer(
    live: Merchant, clock: WallClock
) -> None:
    there = given_rules(live)
    invoice = given_an_invoice(there)
    inquiry = ask(invoice)
    assert next_of(invoice) is None
    assert again(invoice).is_held(clock.at)
    assert list(Invoice.objects.held(clock.at)) == [invoice]
    assert sweep_at(clock, on(13, 15)) == []
    inquiries.answer_question(there, inquiry.public_id, AnswerInput(text="Those of March."))
    assert not again(invoice).is_held(clock.at)
    assert not Invoice.objects.held(clock.at).exists()
    assert next_of(invoice) == on(16)


def test_a_promise_holds_them_until_its_day_is_over(live: Merchant, clock: WallClock) -> None:
    given_rules(live)
    invoice = given_an_invoice(live)
    inquiries.make_promise(
        invoice.pk,
        PromiseInput(on=on(20).date()),
    )
    assert next_of(invoice) == on(21)
    assert again(invoice).is_held(on(20, 23, 59))
    assert not again(invoice).is_held(on(21, 0))
    assert sweep_at(clock, on(20, 23, 59)) == []
    assert sweep_at(clock, on(21, 0)) == []
    assert Inquiry.objects.get().status == "broken"
    assert told(invoice)[-1] == "invoice.promise_broken"
    (mail,) = sweep_at(clock, on(21))
    assert "9 days ago" in mail.text


def test_a_promise_is_kept_by_paying(test_merchant: Merchant, clock: WallClock) -> None:
    invoice = given_an_invoice(test_merchant)
    inquiries.make_promise(invoice.pk, PromiseInput(on=on(5).date()))
    pay(invoice)
    assert sweep_at(clock, on(6, 0)) == []
    assert Inquiry.objects.get().status == "kept"
    assert "invoice.promise_broken" not in told(invoice)


def test_whatever_is_registered_stands_in_the_way(
    live: Merchant, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_rules(live)
    invoice = given_an_invoice(live)
    monkeypatch.setattr(reminding, "obstacles", [lambda row: row.pk == invoice.pk])
    assert sweep_at(clock, on(12)) == []
    assert next_of(invoice) is None
    assert clocks.now(live) == on(12)
