"""Two sweeps, or a sweep and a payment, at the same moment: one mail, and none once it is paid."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from invoicing import clock
from invoicing.actions.reminders import set_reminders
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant, Message
from invoicing.reminder_inputs import RemindersInput
from tests.crew import Crew
from tests.factories import (
    again,
    given_a_merchant,
    given_an_open_invoice,
    start_paying,
    told,
    use_card,
)
from tests.races.running import race, results


def given_a_merchant_who_reminds() -> Merchant:
    rules = [{"days": 1, "late_fee": {"amount": "5"}}, {"days": 30}]
    wanted = read(RemindersInput, {"enabled": True, "rules": rules})
    merchant = set_reminders(given_a_merchant(), wanted)
    # Nothing of what is due below lies before the rules.
    Merchant.objects.filter(pk=merchant.pk).update(reminders_changed_at=None)
    return again(merchant)


def given_a_reminder_due(merchant: Merchant) -> Invoice:
    """The first of its two, with its late fee."""
    at = clock.now(merchant)
    invoice = given_an_open_invoice(merchant, due_at=at - timedelta(days=3))
    Invoice.objects.filter(pk=invoice.pk).update(
        next_reminder_at=at, reminded_until=at - timedelta(days=4)
    )
    return invoice


def test_two_sweeps_at_once_send_one_mail_and_charge_one_fee(
    crew: Crew, rounds: Iterable[int]
) -> None:
    merchant = given_a_merchant_who_reminds()
    for _ in rounds:
        invoice = given_a_reminder_due(merchant)
        done = results(race(crew, *[("remind", {"invoice_pk": invoice.pk})] * 2))
        assert sorted(done) == [False, True]
        assert invoice.messages.filter(kind="reminder").count() == 1
        assert invoice.late_fees.count() == 1
        assert told(invoice).count("invoice.reminder_sent") == 1


@pytest.mark.tampers
def test_without_the_lock_both_send_it_or_the_database_refuses_one(crew: Crew) -> None:
    invoice = given_a_reminder_due(given_a_merchant_who_reminds())
    done = race(crew, *[("remind", {"invoice_pk": invoice.pk})] * 2, guarded=False)
    assert {one.error.split(":")[0] for one in done} == {"", "IntegrityError"}


def test_a_payment_and_a_reminder_at_once_leave_nothing_to_remind_of(
    crew: Crew, rounds: Iterable[int]
) -> None:
    merchant = given_a_merchant_who_reminds()
    for _ in rounds:
        invoice = given_a_reminder_due(merchant)
        payment = start_paying(invoice)
        use_card(payment)
        taken, reminded = race(
            crew,
            ("take", {"payment_pk": payment.pk}),
            ("remind", {"invoice_pk": invoice.pk}),
        )
        assert (taken.result, reminded.error) == ("succeeded", "")
        paid = again(invoice)
        assert (paid.status, paid.next_reminder_at) == ("paid", None)
        sent = Message.objects.filter(invoice=invoice, kind="reminder").count()
        assert (sent, paid.late_fees.count()) == (int(reminded.result), int(reminded.result))
