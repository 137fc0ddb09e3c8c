"""What recurs, and somebody who pauses or pays it at the same moment."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from payments import recurring_flow
from payments.actions.wallets import create_wallet
from payments.audit import audit
from payments.inputs import WalletInput
from payments.models import Payment, RecurringCharge, RecurringPeriod
from tests.crew import Crew
from tests.factories import (
    VISA,
    given_a_customer,
    given_a_merchant,
    given_a_saved_card,
    subscribe,
)
from tests.races.running import Race, lose, refused, run


def given_a_schedule(merchant: Merchant, card: str = VISA) -> RecurringCharge:
    """A membership whose first period begins tomorrow."""
    customer = given_a_customer(merchant, email="")
    given_a_saved_card(customer, card)
    return subscribe(customer, trial_days=1)


def given_a_due_schedule(merchant: Merchant) -> RecurringCharge:
    """One whose first period begins now."""
    row = given_a_schedule(merchant)
    begins = row.anchor_at - timedelta(days=1)
    RecurringCharge.objects.filter(pk=row.pk).update(
        anchor_at=begins, started_at=begins, next_at=begins
    )
    return row


def given_a_failed_period(merchant: Merchant) -> RecurringPeriod:
    """One whose charge has failed, and is to be tried again now."""
    row = given_a_due_schedule(merchant)
    row.customer.payment_methods.update(status="blocked", is_default=False)
    recurring_flow.charge_period(row.pk)
    row.customer.payment_methods.update(status="active", is_default=True)
    row.periods.update(retry_at=row.started_at - timedelta(days=1))
    return row.periods.get()


def begun_and_paused(merchant: Merchant) -> Race:
    row = given_a_due_schedule(merchant)
    pause = {"merchant_pk": merchant.pk, "reference": row.public_id}
    return ("begin", {"recurring_pk": row.pk}), ("pause", pause)


def two_retries(merchant: Merchant) -> Race:
    of = {"period_pk": given_a_failed_period(merchant).pk}
    return ("retry", of), ("retry", of)


def retried_and_paid(merchant: Merchant) -> Race:
    period = given_a_failed_period(merchant)
    paid = {"merchant_pk": merchant.pk, "reference": period.invoice.public_id}
    return ("retry", {"period_pk": period.pk}), ("mark_paid", paid)


def paused_for_good() -> int:
    """Schedules that are paused, and know which period they have asked for."""
    rows = RecurringCharge.objects.filter(status="paused", next_at=None)
    return sum(row.next_number == 1 + row.periods.count() for row in rows)


def collected_once() -> int:
    """Invoices that are charged or paid, and not both."""
    return sum(invoice.payments.count() == 1 for invoice in Invoice.objects.all())


# Each with what the loser may hear; "" where the second finds nothing to do.
GUARDS: dict[Callable[[Merchant], Race], tuple[set[str], Callable[[], int]]] = {
    begun_and_paused: ({"", "Conflict"}, paused_for_good),
    two_retries: ({""}, Payment.objects.filter(status="unknown").count),
    retried_and_paid: ({"", "InvalidState"}, collected_once),
}


@pytest.mark.parametrize("given", GUARDS, ids=lambda given: given.__name__)
def test_only_one_of_two_does_it(
    given: Callable[[Merchant], Race], crew: Crew, many_rounds: int
) -> None:
    merchant = given_a_merchant()
    races = [given(merchant) for _ in range(many_rounds)]
    heard, done = GUARDS[given]
    for race, ends in zip(races, run(crew, races), strict=True):
        first, second = refused(ends)
        assert first == "" and second in heard, (race, ends)
    assert done() == many_rounds
    assert audit() == []


@pytest.mark.tampers
@pytest.mark.parametrize("given", GUARDS, ids=lambda given: given.__name__)
def test_without_the_guard_one_of_them_is_lost(
    given: Callable[[Merchant], Race], crew: Crew
) -> None:
    merchant = given_a_merchant()
    # Opening the first one is another race.
    create_wallet(merchant, read(WalletInput, {"name": "Till", "currency": "USD"}))
    ends = lose(crew, given(merchant))
    _, done = GUARDS[given]
    assert refused(ends) == ["", ""] or "IntegrityError" in refused(ends), ends
    assert done() != 1 or audit()
