"""Recurring charges that wait: for a payer, for another method, for the end of a pause."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invoicing.actions import customers
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.inputs import read
from invoicing.models import Customer, Invoice, Merchant, Message
from payments import flows, recurring_flow
from payments.actions import recurring
from payments.actions.methods import choose_default, remove_method
from payments.models import Payment, RecurringCharge, RecurringPeriod
from payments.recurring_inputs import (
    CancelInput,
    PauseInput,
    RecurringChanges,
)
from payments.upcoming import Upcoming
from tests.factories import (
    LATER_ASKS_APPROVAL,
    LATER_LOST,
    LATER_NO_FUNDS,
    again,
    given_a_customer,
    given_a_saved_card,
    live,
    subscribe,
    told,
)
from tests.fixtures import WallClock

pytestmark = pytest.mark.django_db(transaction=True)

# Not a whole second, as clocks are.
JAN_31 = datetime(2027, 1, 31, 9, 0, 0, 123456, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=UTC)


@pytest.fixture
def merchant(clock: WallClock, test_merchant: Merchant) -> Merchant:
    clock.at = JAN_31
    return test_merchant


@pytest.fixture
def cleo(merchant: Merchant) -> Customer:
    return given_a_customer(merchant)


def change(row: RecurringCharge, **fields: Any) -> RecurringCharge:
    wanted = read(RecurringChanges, fields)
    return recurring.update_recurring(again(row.merchant), row.public_id, wanted)


# For a payer


@pytest.mark.parametrize("card", [LATER_LOST, LATER_ASKS_APPROVAL])
def test_what_only_the_payer_can_mend_waits_for_them_and_is_told_once(
    merchant: Merchant, cleo: Customer, card: str
) -> None:
    given_a_saved_card(cleo, card)
    row = subscribe(cleo)
    period = row.periods.get()
    # As long as the tries would have lasted: 2, 5, 7 and 7 days.
    assert (period.needs_payer, period.retry_at) == (True, day("2027-02-21"))
    live(merchant, day("2027-02-20"))
    assert again(row).status == "past_due"
    assert (Payment.objects.count(), Message.objects.filter(kind="charge_failed").count()) == (1, 1)
    live(merchant, day("2027-02-22"))
    period = row.periods.get()
    assert (period.status, period.retries_made) == ("given_up", 0)
    assert Payment.objects.count() == 1
    assert (again(row).status, again(period.invoice).status) == ("ended", "uncollectible")
    assert Message.objects.filter(kind="charge_given_up").count() == 1


def test_a_new_method_ends_the_wait(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_LOST)
    row = subscribe(cleo)
    merchant = live(merchant, day("2027-02-05"))
    given_a_saved_card(again(cleo))
    recurring_flow.retry_when_due(row.periods.get().pk)
    period = row.periods.get()
    assert (period.status, period.needs_payer, period.retries_made) == ("paid", False, 1)
    assert again(row).status == "active"


def test_a_card_that_is_removed_in_the_meantime_leaves_the_time_that_was_left(
    merchant: Merchant, cleo: Customer
) -> None:
    method = given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    remove_method(merchant, cleo.public_id, method.public_id)
    live(merchant, day("2027-02-03"))
    period = row.periods.get()
    # Found out on the day of the first retry, which is not used up by it.
    assert (period.failure_code, period.needs_payer) == ("no_payment_method", True)
    assert period.retry_at == day("2027-02-02") + timedelta(days=2 + 5 + 7 + 7)
    assert Message.objects.filter(kind="charge_failed").count() == 2


def test_without_retries_it_is_given_up_at_once(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_LOST)
    row = subscribe(cleo, dunning={"retries": []})
    assert (again(row).status, row.periods.get().status) == ("ended", "given_up")


def test_a_resumed_schedule_gives_the_payer_time_anew(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_LOST)
    row = subscribe(cleo)
    merchant = live(merchant, day("2027-02-05"))
    recurring.pause_recurring(merchant, row.public_id, PauseInput())
    merchant = live(merchant, day("2027-02-26"))
    recurring.resume_recurring(merchant, row.public_id)
    live(merchant, day("2027-02-27"))
    period = row.periods.get(number=1)
    assert (period.status, period.needs_payer) == ("open", True)
    assert period.retry_at == day("2027-02-26") + timedelta(days=21)
    assert Payment.objects.filter(invoice=period.invoice).count() == 1


def test_a_retry_comes_after_the_failure_before_it(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    at_ten = {"days": 0, "at": "10:00"}
    subscribe(cleo, dunning={"retries": [at_ten] * 3})
    live(merchant, day("2027-02-10"))
    assert [f"{one.created_at:%m-%d %H:%M}" for one in Payment.objects.order_by("pk")] == [
        "01-31 09:00",
        "01-31 10:00",
        "02-01 10:00",
        "02-02 10:00",
    ]


# For a method


def test_a_schedule_whose_card_is_removed_goes_by_the_default(
    merchant: Merchant, cleo: Customer
) -> None:
    first = given_a_saved_card(cleo)
    named = given_a_saved_card(cleo, "5555555555554444")
    row = subscribe(cleo, payment_method_id=named.public_id)
    choose_default(merchant, cleo.public_id, first.public_id)
    remove_method(merchant, cleo.public_id, named.public_id)
    assert again(row).payment_method is None
    assert told(row)[-1] == "recurring_charge.updated"
    live(merchant, day("2027-03-01"))
    last = Payment.objects.latest("pk")
    assert (last.status, last.saved_method) == ("succeeded", first)


def test_what_was_given_up_and_is_still_asked_for_leaves_it_past_due(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo, dunning={"retries": [{"days": 1}], "then": "keep", "invoice": "open"})
    live(merchant, day("2027-02-05"))
    assert (row.periods.get().status, again(row).status) == ("given_up", "past_due")
    given_a_saved_card(again(cleo), "5555555555554444")
    choose_default(merchant, cleo.public_id, cleo.payment_methods.latest("pk").public_id)
    live(merchant, day("2027-03-01"))
    assert [one.status for one in row.periods.order_by("number")] == ["given_up", "paid"]
    assert again(row).status == "past_due"
    first = row.periods.get(number=1).invoice
    flows.charge_invoice(again(merchant), first.public_id)
    assert [one.status for one in row.periods.order_by("number")] == ["paid", "paid"]
    assert (again(row).status, told(row)[-1]) == ("active", "recurring_charge.recovered")


# For the end


def test_what_is_shown_is_when_it_happens(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, trial_days=3)
    assert row.next_at == day("2027-02-03")
    live(merchant, day("2027-02-03"))
    assert row.periods.get().status == "paid"


def test_a_pause_that_outlasts_the_schedule_ends_it(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, end_at="2027-03-15T09:00:00Z")
    recurring.pause_recurring(merchant, row.public_id, PauseInput())
    live(merchant, day("2027-03-14"))
    assert again(row).status == "paused"
    live(merchant, day("2027-03-16"))
    row = again(row)
    assert (row.status, row.ended_at) == ("ended", day("2027-03-15"))
    assert told(row)[-1] == "recurring_charge.ended"


def test_resuming_after_the_last_period_ends_it(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, end_at="2027-03-15T09:00:00Z")
    recurring.pause_recurring(merchant, row.public_id, PauseInput())
    # The next whole period would begin on the 31st.
    merchant = live(merchant, day("2027-03-05"))
    assert recurring.resume_recurring(merchant, row.public_id).status == "ended"


def test_what_comes_after_a_pause_is_known(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    paused = recurring.pause_recurring(
        merchant, row.public_id, read(PauseInput, {"until": "2027-03-10"})
    )
    coming = Upcoming.of(paused)
    assert coming is not None
    # The one of February is left out.
    assert (coming.number, row.begins(coming.number)) == (3, day("2027-03-31"))
    live(merchant, day("2027-04-01"))
    assert list(row.periods.order_by("number").values_list("number", flat=True)) == [1, 3]
    for_good = subscribe(cleo)
    stopped = recurring.pause_recurring(again(merchant), for_good.public_id, PauseInput())
    assert Upcoming.of(stopped) is None


def test_a_customer_who_is_still_billed_is_not_deleted(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, trial_days=30)
    with pytest.raises(InvalidState, match=f"cancel the recurring charge {row} first"):
        customers.delete_customer(merchant, cleo.public_id)
    recurring.cancel_recurring(merchant, row.public_id, CancelInput())
    archived = customers.delete_customer(merchant, cleo.public_id)
    assert archived is not None and archived.archived_at is not None


# What it costs


@pytest.mark.parametrize(
    ("quantity", "unit_price", "priced", "total"),
    [
        # 13 of 28 days, from February 15th to the 28th: the period that began on January 31st.
        ("1", "99.00", "45.96", 4596),
        ("3", "10", "4.643", 1393),
        ("1000", "0.01", "0.00464", 464),
        ("100000", "0.001", "0.0004643", 4643),
    ],
)
def test_a_part_of_a_period_costs_its_part(
    merchant: Merchant, cleo: Customer, quantity: str, unit_price: str, priced: str, total: int
) -> None:
    given_a_saved_card(cleo)
    merchant = live(merchant, day("2027-02-15"))
    line = {"description": "Seats", "quantity": quantity, "unit_price": unit_price}
    row = subscribe(
        again(cleo), line_items=[line], anchor="2027-01-31T09:00:00Z", proration="prorate"
    )
    invoice = row.periods.get().invoice
    assert (str(invoice.lines.get().unit_price.normalize()), invoice.total) == (priced, total)


def test_an_amount_that_bears_taxes_is_not_changed_by_mistake(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo, amount="100", tax_rate="19")
    assert row.amount == 11900
    with pytest.raises(ValidationFailed) as refusal:
        change(row, amount="119.00")
    assert [name for name, _ in refusal.value.fields] == ["amount"]
    assert change(row, amount="110", tax_rate="19").amount == 13090
    assert change(row, amount="120", taxes=[]).amount == 12000
    discounted = change(row, discount={"percent": "10"})
    assert discounted.amount == 10800
    with pytest.raises(ValidationFailed):
        change(row, amount="108")


def test_a_new_name_stands_on_the_next_invoice(merchant: Merchant, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    change(row, description="Patronage")
    live(merchant, day("2027-03-01"))
    said = [one.invoice.lines.get().description for one in row.periods.order_by("number")]
    assert said == ["Membership", "Patronage"]
    with pytest.raises(ValidationFailed):
        change(row, description="")
    # Lines that have their own names keep them.
    lines = [{"description": "Seat", "unit_price": "5"}, {"description": "Desk", "unit_price": "9"}]
    row = change(row, line_items=lines)
    row = change(row, description="Office")
    assert [line["description"] for line in row.template["line_items"]] == ["Seat", "Desk"]


def test_its_invoices_say_whose_they_are_and_are_told_from_the_beginning(
    merchant: Merchant, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = subscribe(cleo)
    invoice = Invoice.objects.get()
    assert invoice.recurring_charge_id == row.public_id
    assert told(invoice) == [
        "invoice.created",
        "invoice.finalized",
        "invoice.payment_started",
        "invoice.paid",
    ]
    # Due on its day, and late only after it.
    assert invoice.due_at == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert RecurringPeriod.objects.get().status == "paid"
