"""Recurring charges by hand: set up, watched, changed and ended."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from invoicing.inputs import read
from invoicing.models import Customer, Merchant
from payments.actions.periods import announce
from payments.actions.recurring import pause_recurring, resume_recurring, update_recurring
from payments.models import RecurringCharge
from payments.recurring_flow import charge_when_due
from payments.recurring_inputs import PauseInput, RecurringChanges
from tests.factories import (
    LATER_LOST,
    LATER_NO_FUNDS,
    again,
    given_a_customer,
    given_a_saved_card,
)
from tests.fixtures import WallClock
from tests.fixtures_dashboard import Browser, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(clock: WallClock, test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def begin(browser: Browser, customer: Customer, **typed: str) -> RecurringCharge:
    """What the form begins; a monthly membership of 12.50 unless something else is typed."""
    path = f"customers/{customer.public_id}/recurring/new/"
    form = browser.form(path)
    data = form.data(amount="12.50", description="Membership", interval="monthly", **typed)
    answer = browser.post(path, data)
    assert answer.status_code == 302, text_of(answer)
    return RecurringCharge.objects.latest("id")


def path_of(row: RecurringCharge, rest: str = "") -> str:
    return f"recurring/{row.public_id}/{rest}"


def test_one_is_begun_and_charged_once(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    path = f"customers/{cleo.public_id}/recurring/new/"
    data = ada_browser.form(path).data(amount="12.50", description="Box", interval="weekly")
    assert [ada_browser.post(path, data).status_code for _ in range(2)] == [302, 302]
    row = RecurringCharge.objects.get()
    assert row.periods.get().status == "paid"
    page = text_of(ada_browser.get(path_of(row)))
    assert "$12.50 Weekly" in page
    assert "TEST-0001" in page
    assert "It has begun: $12.50 is paid." in page
    listed = text_of(ada_browser.get("recurring/"))
    assert "Box" in listed
    assert "Weekly" in listed


def test_a_failure_says_why_and_when_it_is_tried_again(
    ada_browser: Browser, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = begin(ada_browser, cleo)
    page = text_of(ada_browser.get(path_of(row)))
    assert "Past due" in page
    assert "insufficient funds" in page
    assert "Mar 4, 2026" in page
    assert "As usual. Tried again after 2 days, 5 days, 7 days, 7 days." in page


def test_what_only_the_payer_can_mend_is_not_called_a_try(
    ada_browser: Browser, cleo: Customer
) -> None:
    given_a_saved_card(cleo, LATER_LOST)
    page = text_of(ada_browser.get(path_of(begin(ada_browser, cleo))))
    assert "charging $12.50 failed; your customer is asked to pay." in page
    until = "None: the customer has until Mar 23, 2026, 12:00 PM"
    assert until in page.replace("\u202f", " ")


def test_what_is_wrong_is_said_beside_its_field(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    path = f"customers/{cleo.public_id}/recurring/new/"
    data = ada_browser.form(path).data(
        amount="0", description="", interval="monthly", end_at="2026-01-01"
    )
    answer = ada_browser.post(path, data)
    assert answer.status_code == 422
    assert "Must be more than 0." in text_of(answer)
    data = {**data, "amount": "5", "description": "Box"}
    answer = ada_browser.post(path, data)
    assert "Must be later than" in text_of(answer)
    assert not RecurringCharge.objects.exists()


def test_it_is_changed_paused_resumed_and_ended(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo)
    form = ada_browser.form(path_of(row, "edit/"))
    ada_browser.post(path_of(row, "edit/"), form.data(amount="15.00", end_at="2027-01-01"))
    assert (again(row).amount, again(row).end_at.isoformat()) == (1500, "2027-01-01T00:00:00+00:00")
    form = ada_browser.form(path_of(row, "pause/"))
    ada_browser.post(path_of(row, "pause/"), form.data(until="2026-05-01"))
    assert again(row).status == "paused"
    page = text_of(ada_browser.get(path_of(row)))
    assert "Resumes" in page
    assert "Paused until May 1, 2026, 12:00 AM; then it goes on." in page.replace("\u202f", " ")
    ada_browser.post(path_of(row, "resume/"), {})
    assert again(row).status == "active"
    form = ada_browser.form(path_of(row, "cancel/"))
    ada_browser.post(path_of(row, "cancel/"), form.data(at="period_end"))
    assert again(row).end_at == again(row).next_at
    ada_browser.post(path_of(row, "cancel/"), form.data(at="now", reason="Moved away"))
    row = again(row)
    assert (row.status, row.reason) == ("ended", "Moved away")
    page = text_of(ada_browser.get(path_of(row)))
    assert "End it" not in page
    assert "Ended because: Moved away" in page


def test_the_list_takes_as_many_queries_for_one_as_for_many(
    ada_browser: Browser,
    cleo: Customer,
    clock: WallClock,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo)
    for number in range(6):
        copy = again(row)
        copy.pk, copy.public_id = None, f"rec_{number:024}"
        copy.next_at = clock.at + timedelta(days=number + 1)
        copy.save(force_insert=True)
    with django_assert_max_num_queries(5):
        ada_browser.get("recurring/")
    with django_assert_max_num_queries(9):
        ada_browser.get(path_of(row))
    path = f"customers/{cleo.public_id}/"
    with django_assert_max_num_queries(11):
        page = text_of(ada_browser.get(path))
    assert page.count("Membership Monthly Active") == 7


def test_the_list_is_also_one_customers(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    begin(ada_browser, cleo)
    other = given_a_customer(cleo.merchant, name="Dora Other")
    assert "Membership" in text_of(ada_browser.get(f"recurring/?customer={cleo.public_id}"))
    assert "No recurring charge matches" in text_of(
        ada_browser.get(f"recurring/?customer={other.public_id}")
    )
    assert ada_browser.get("recurring/?customer=cus_nobody").status_code == 404


def test_an_invoice_says_which_period_it_is(
    ada_browser: Browser,
    cleo: Customer,
    clock: WallClock,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo)
    clock.move(days=31)
    assert charge_when_due(row.pk)
    period = row.periods.select_related("invoice").get(number=2)
    with django_assert_max_num_queries(21):
        answer = ada_browser.get(f"invoices/{period.invoice.public_id}/")
    assert "Period 2 of Membership , Apr 2, 2026 – May 1, 2026" in text_of(answer)
    assert f'href="/dashboard/{path_of(row)}"' in answer.content.decode()


def test_what_comes_next_is_shown(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo, start_at="2026-03-22", anchor="2026-04-01", proration="prorate")
    page = text_of(ada_browser.get(path_of(row)))
    # Ten days of thirty-one.
    assert "Mar 22, 2026 – Mar 31, 2026 · a part of a period Subtotal $4.03 Total $4.03" in page
    assert "$12.50 Monthly What comes next Charged on Mar 22, 2026" in page
    lines = [{"description": name, "unit_price": "5"} for name in ("Bread", "Salt")]
    update_recurring(row.merchant, row.public_id, read(RecurringChanges, {"line_items": lines}))
    page = text_of(ada_browser.get(path_of(row)))
    assert "Bread 1 $1.61 – $1.61 Salt 1 $1.61 – $1.61" in page
    pause_recurring(row.merchant, row.public_id, read(PauseInput, {"until": "2026-05-10"}))
    page = text_of(ada_browser.get(path_of(row)))
    assert "What comes next Charged on Jun 1, 2026" in page
    resume_recurring(row.merchant, row.public_id)
    pause_recurring(row.merchant, row.public_id, read(PauseInput, {}))
    assert "What comes next" not in text_of(ada_browser.get(path_of(row)))


def test_a_schedule_without_a_name_can_still_be_opened(
    ada_browser: Browser, cleo: Customer
) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo)
    nameless = again(row)
    nameless.description = ""
    nameless.save()
    assert row.public_id in text_of(ada_browser.get("recurring/"))
    assert row.public_id in text_of(ada_browser.get(path_of(row)))


def test_an_announcement_is_no_history(
    ada_browser: Browser, cleo: Customer, clock: WallClock
) -> None:
    given_a_saved_card(cleo)
    row = begin(ada_browser, cleo)
    clock.move(days=29)
    assert announce(row.pk)
    page = text_of(ada_browser.get(path_of(row)))
    assert "Set up" in page
    assert "Next period announced" not in page


def test_home_tells_of_those_that_are_past_due(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    begin(ada_browser, cleo)
    page = ada_browser.get("/dashboard/")
    assert "1 recurring charge is past due: charging it failed" in text_of(page)
    assert 'href="/dashboard/recurring/?status=past_due"' in page.content.decode()


def test_a_failed_charge_has_received_nothing(ada_browser: Browser, cleo: Customer) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = begin(ada_browser, cleo)
    invoice = row.periods.get().invoice
    page = ada_browser.get(f"invoices/{invoice.public_id}/")
    assert "Failed $12.50 asked for – – –" in text_of(page)
    assert "A charge failed" in text_of(page)
    assert "Failed $12.50 asked for – – –" in text_of(ada_browser.get("payments/"))
