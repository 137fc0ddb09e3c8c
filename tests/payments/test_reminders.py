"""What of payments ends reminders: a dispute, a loss at the bank, and credit notes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing import clock, tasks
from invoicing.actions.reminders import send_reminder, set_reminders
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant, Message
from invoicing.reminder_inputs import RemindersInput
from payments import flows
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput
from payments.models import Dispute, Payment
from tests.factories import again, given_an_open_invoice
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(stripe_account: Stripe, test_merchant: Merchant) -> Merchant:
    """Ada's test twin, which reminds seven days after the due date."""
    wanted = read(RemindersInput, {"enabled": True, "rules": [{"days": 7}]})
    merchant = set_reminders(test_merchant, wanted)
    tasks.send_reminders()
    return merchant


def given_a_part_payment(here: Stripe, shop: Merchant) -> Payment:
    """60.00 of 100.00 by card, so that the invoice asks on."""
    due = clock.now(shop) + timedelta(days=1)
    invoice = given_an_open_invoice(shop, "100.00", allow_partial=True, due_at=due)
    payment = flows.start(invoice.pk, "card", 6000)
    here.pay(payment)
    here.deliver()
    return again(payment)


def disputed(here: Stripe, payment: Payment) -> Dispute:
    here.fake.control("disputes/open", session=payment.provider_reference)
    here.deliver()
    return Dispute.objects.get(payment=payment)


def end(here: Stripe, dispute: Dispute, verb: str) -> None:
    here.fake.control(f"disputes/{verb}", dispute=dispute.provider_reference)
    here.deliver()


def next_of(invoice: Invoice) -> Any:
    return again(invoice).next_reminder_at


def test_while_a_bank_disputes_a_payment_nobody_is_reminded_and_after_a_win_again(
    stripe_account: Stripe, shop: Merchant
) -> None:
    payment = given_a_part_payment(stripe_account, shop)
    coming = next_of(payment.invoice)
    assert coming is not None
    dispute = disputed(stripe_account, payment)
    assert next_of(payment.invoice) is None
    end(stripe_account, dispute, "win")
    assert next_of(payment.invoice) == coming


def test_whose_bank_took_the_money_back_is_reminded_by_a_person_only(
    stripe_account: Stripe, shop: Merchant
) -> None:
    payment = given_a_part_payment(stripe_account, shop)
    end(stripe_account, disputed(stripe_account, payment), "lose")
    invoice = again(payment.invoice)
    assert (invoice.amount_due, invoice.next_reminder_at) == (10000, None)
    stripe_account.let_pass(days=30)
    assert tasks.send_reminders() == 0
    send_reminder(shop, invoice.public_id)
    assert Message.objects.filter(kind="reminder").count() == 1


def test_a_credit_note_over_the_rest_ends_them_and_one_over_a_part_does_not(
    stripe_account: Stripe, shop: Merchant
) -> None:
    due = clock.now(shop) + timedelta(days=1)
    invoice = given_an_open_invoice(shop, "100.00", due_at=due)
    credit(shop, invoice.public_id, CreditNoteInput(amount=Decimal(10)))
    assert next_of(invoice) is not None
    credit(shop, invoice.public_id, CreditNoteInput())
    assert (again(invoice).status, next_of(invoice)) == ("paid", None)
