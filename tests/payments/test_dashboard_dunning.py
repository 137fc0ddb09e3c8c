"""What happens after a failed charge, chosen by hand: for all schedules, and for one."""

from typing import Any

import pytest

from invoicing.inputs import read
from invoicing.models import Customer, Merchant
from payments.actions.recurring import set_dunning
from payments.dashboard.dunning_forms import in_words
from payments.dunning import DEFAULT, read_rules
from payments.models import DunningPolicy, RecurringCharge
from payments.recurring import rules_of
from payments.recurring_flow import start
from payments.recurring_inputs import DunningPolicyInput, RecurringInput
from tests.factories import again, given_a_customer, given_a_saved_card
from tests.fixtures import WallClock
from tests.fixtures_dashboard import Browser, Form, form_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)

POLICY = "recurring/when-a-charge-fails/"
VARIED: dict[str, Any] = {
    "retries": [{"days": 0, "at": "18:30"}, {"days": 3}, {"days": 5, "at": "09:00"}],
    "then": "keep",
    "invoice": "open",
    "mail_payer": False,
}


@pytest.fixture
def cleo(clock: WallClock, test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


@pytest.fixture
def membership(cleo: Customer) -> RecurringCharge:
    """Charged every month, the first month already."""
    given_a_saved_card(cleo)
    wanted = {"customer_id": cleo.public_id, "amount": "12.50", "description": "Membership"}
    return start(cleo.merchant, read(RecurringInput, {**wanted, "interval": "monthly"}))


def typed(form: Form) -> list[tuple[str, str]]:
    """The tries that stand in a form: days and time of day."""
    places = sum(name.endswith("_days") and name.startswith("retry_") for name, _ in form.values)
    return [(form[f"retry_{n}_days"], form[f"retry_{n}_at"]) for n in range(places)]


def test_each_try_has_its_days_and_time(ada_browser: Browser, clock: WallClock) -> None:
    form = ada_browser.form(POLICY)
    assert typed(form) == [("2", ""), ("5", ""), ("7", ""), ("7", "")]
    answer = ada_browser.post(POLICY, form.data(retry_1_days="x"))
    assert answer.status_code == 422
    assert "Try 2: days : Must be a whole number." in text_of(answer)
    answer = ada_browser.post(POLICY, form.data(retry_0_days="0"))
    assert "Must be at least 1, unless a time of day is given." in text_of(answer)
    assert not DunningPolicy.objects.exists()
    ada_browser.post(
        POLICY, form.data(retry_0_days="1", retry_3_at="08:00", then="pause", announce_days="7")
    )
    policy = DunningPolicy.objects.get()
    assert policy.rules["retries"] == [
        {"days": 1, "at": None},
        {"days": 5, "at": None},
        {"days": 7, "at": None},
        {"days": 7, "at": "08:00"},
    ]
    assert (policy.rules["then"], policy.announce_days) == ("pause", 7)


def test_saving_it_unchanged_changes_nothing(
    ada_browser: Browser, clock: WallClock, test_merchant: Merchant
) -> None:
    set_dunning(test_merchant, read(DunningPolicyInput, {**VARIED, "announce_days": 0}))
    before = read_rules(DunningPolicy.objects.get().rules)
    form = ada_browser.form(POLICY)
    assert typed(form) == [("0", "18:30"), ("3", ""), ("5", "09:00")]
    assert ada_browser.post(POLICY, form.data()).status_code == 302
    policy = DunningPolicy.objects.get()
    assert (read_rules(policy.rules), policy.announce_days) == (before, 0)


def test_rows_come_and_go_without_script(ada_browser: Browser, clock: WallClock) -> None:
    answer = ada_browser.post(POLICY, ada_browser.form(POLICY).data(then="keep", add="1"))
    form = form_of(answer)
    assert answer.status_code == 200
    assert typed(form) == [("2", ""), ("5", ""), ("7", ""), ("7", ""), ("", "")]
    form = form_of(ada_browser.post(POLICY, form.data(retry_4_days="9", remove="0")))
    assert typed(form) == [("5", ""), ("7", ""), ("7", ""), ("9", "")]
    assert form["then"] == "keep"
    for _ in range(4):
        form = form_of(ada_browser.post(POLICY, form.data(remove="0")))
    assert not DunningPolicy.objects.exists()
    ada_browser.post(POLICY, form.data(mail_payer=None))
    assert read_rules(DunningPolicy.objects.get().rules) == read_rules(
        {"retries": [], "then": "keep", "mail_payer": False}
    )


def test_one_schedule_has_rules_of_its_own(
    ada_browser: Browser, membership: RecurringCharge
) -> None:
    page, path = f"recurring/{membership.public_id}/", f"recurring/{membership.public_id}/rules/"
    assert f"As usual. {in_words(DEFAULT)}" in text_of(ada_browser.get(page))
    form = ada_browser.form(path)
    assert (form["mode"], typed(form)[0]) == ("usual", ("2", ""))
    # Rows behind the other choice hold for nothing, be they right or wrong.
    ada_browser.post(path, form.data(retry_0_days="x"))
    assert again(membership).dunning is None
    answer = ada_browser.post(path, form.data(mode="own", retry_0_days="61"))
    assert "Try 1: days : Must be at most 60." in text_of(answer)
    sent = form.data(mode="own", retry_0_days="1", retry_0_at="07:15", retry_3_days="30")
    assert ada_browser.post(path, sent).status_code == 302
    assert again(membership).dunning["retries"] == [
        {"days": 1, "at": "07:15"},
        {"days": 5},
        {"days": 7},
        {"days": 30},
    ]
    shown = text_of(ada_browser.get(page))
    assert "By rules of its own. Tried again after 1 day at 07:15, 5 days, 7 days, 30 da" in shown
    before = rules_of(again(membership))
    form = ada_browser.form(path)
    assert form["mode"] == "own"
    ada_browser.post(path, form.data())
    assert rules_of(again(membership)) == before
    ada_browser.post(path, ada_browser.form(path).data(mode="usual"))
    assert again(membership).dunning is None


def test_the_rules_of_others_are_not_found(
    ben_browser: Browser, membership: RecurringCharge
) -> None:
    answer = ben_browser.get(f"recurring/{membership.public_id}/rules/")
    assert answer.status_code == 404
