"""The auditor: silent while all holds, and sees each thing that does not."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from invoicing.inputs import read
from invoicing.models import Delivery, Event, Invoice, Merchant
from payments import ledger_triggers, recurring_flow
from payments import tasks as payment_tasks
from payments.audit import CHECKS, audit
from payments.models import Payment, RecurringCharge
from payments.recurring_inputs import RecurringInput
from tests import factories
from tests.factories import (
    LATER_NO_FUNDS,
    VISA,
    given_a_customer,
    given_a_draft,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
)


@pytest.fixture
def business(test_merchant: Merchant) -> Invoice:
    """Some history: drafts, open, paid, partly paid, void and failed. Returns the paid one."""
    from invoicing.actions.invoices import void_invoice

    given_a_draft(test_merchant)
    given_an_open_invoice(test_merchant)
    paid = given_an_open_invoice(test_merchant)
    pay(paid)
    partly = given_an_open_invoice(test_merchant, allow_partial=True)
    pay(partly, amount=1000)
    pay(given_an_open_invoice(test_merchant), factories.DECLINED)
    void_invoice(test_merchant, given_an_open_invoice(test_merchant).public_id)
    saver = factories.given_a_customer(test_merchant)
    for card in (factories.VISA, factories.MASTERCARD):
        factories.given_a_saved_card(saver, card)
    factories.charge(saver)
    factories.pay_usdc(given_an_open_invoice(test_merchant))
    factories.pay_usdc(given_an_open_invoice(test_merchant), 2_000_000)
    payment_tasks.apply_notices()
    factories.given_an_endpoint(test_merchant, "https://ada.example/hook")
    given_a_draft(test_merchant)
    from invoicing.actions.webhooks import fan_out

    fan_out()
    return paid


def sql(statement: str) -> Callable[[Invoice], None]:
    """Tamper by hand, past the guards that stand in the database."""

    def tamper(invoice: Invoice) -> None:
        with connection.cursor() as cursor:
            ledger_triggers.remove(connection)
            payment = Payment.objects.get(invoice=invoice)
            cursor.execute(
                statement.format(
                    invoice=invoice.pk,
                    payment=payment.pk,
                    key=payment.public_id,
                    merchant=invoice.merchant_id,
                )
            )
            ledger_triggers.install(connection)

    return tamper


TAMPERING: dict[str, tuple[str, Callable[[Invoice], Any]]] = {
    "an amount in the books": (
        "I1",
        sql("UPDATE payments_ledgerposting SET amount = amount - 1 WHERE amount = 320"),
    ),
    "a balance": (
        "I1",
        sql("UPDATE payments_ledgeraccount SET balance = balance + 1 WHERE kind = 'pending'"),
    ),
    "a posting removed": (
        "I1",
        sql("DELETE FROM payments_ledgerposting WHERE amount = 320"),
    ),
    "an account in another asset": (
        "I1",
        sql("UPDATE payments_ledgeraccount SET asset = 'JPY' WHERE kind = 'pending'"),
    ),
    "a payment that says more came": (
        "I2",
        sql("UPDATE payments_payment SET received = received + 1 WHERE id = {payment}"),
    ),
    "a payment forgotten": (
        "I2",
        sql(
            "UPDATE payments_payment SET status = 'canceled', received = 0, surplus = 0"
            " WHERE id = {payment}"
        ),
    ),
    "a payment the provider never took": (
        "I2",
        sql("UPDATE payments_sandboxsession SET status = 'canceled' WHERE key = '{key}'"),
    ),
    "the provider took more": (
        "I2",
        sql("UPDATE payments_sandboxsession SET amount = amount + 1 WHERE key = '{key}'"),
    ),
    "a charge of a saved card that the sandbox never took": (
        "I2",
        sql(
            "UPDATE payments_sandboxsession SET status = 'declined' WHERE key = ("
            "SELECT public_id FROM payments_payment WHERE saved_method_id IS NOT NULL)"
        ),
    ),
    "a charge of a saved card that took more": (
        "I2",
        sql("UPDATE payments_sandboxsession SET amount = amount + 1 WHERE method_id IS NOT NULL"),
    ),
    "a charge of another card": (
        "I2",
        sql(
            "UPDATE payments_sandboxsession SET method_id = ("
            "SELECT MAX(id) FROM payments_sandboxmethod) WHERE method_id IS NOT NULL"
        ),
    ),
    "an invoice that says more was paid": (
        "I3",
        sql("UPDATE invoicing_invoice SET amount_paid = amount_paid + 1 WHERE id = {invoice}"),
    ),
    "a paid invoice opened": (
        "I3",
        sql("UPDATE invoicing_invoice SET status = 'open' WHERE id = {invoice}"),
    ),
    "an invoice waiting for nothing": (
        "I3",
        sql(
            "UPDATE invoicing_invoice SET status = 'paying'"
            " WHERE status = 'open' AND amount_paid = 0"
        ),
    ),
    "a number skipped": (
        "I5",
        sql("UPDATE invoicing_invoice SET number_value = 99 WHERE id = {invoice}"),
    ),
    "a counter set forward": ("I5", sql("UPDATE invoicing_numberseries SET last_value = 99")),
    "a total": (
        "I9",
        sql("UPDATE invoicing_invoice SET total = total + 1 WHERE status = 'open'"),
    ),
    "a transfer that brought more": (
        "I11",
        sql("UPDATE payments_transfer SET amount = amount + 10000"),
    ),
    "a transfer forgotten": (
        "I11",
        sql("UPDATE payments_transfer SET status = 'detected'"),
    ),
    "a transfer on another chain": (
        "I11",
        sql("UPDATE payments_transfer SET network = 'eip155:1'"),
    ),
    "an address that its key has not come to": (
        "I11",
        sql("UPDATE payments_derivationcounter SET next_index = 0"),
    ),
    "a reminder of what asks for nothing": (
        "I10",
        sql("UPDATE invoicing_invoice SET next_reminder_at = due_at WHERE id = {invoice}"),
    ),
    "a delivery that is never tried": (
        "I6",
        lambda invoice: Delivery.objects.update(next_attempt_at=None),
    ),
    "a schedule that waits for nothing": (
        "I7",
        lambda invoice: given_a_membership(invoice.merchant, next_at=None),
    ),
    "a period that is asked for again": (
        "I7",
        lambda invoice: given_a_membership(invoice.merchant, next_number=1),
    ),
    "a period charged twice": ("I7", lambda invoice: charge_twice(invoice.merchant)),
    "a paid period that is open": (
        "I7",
        lambda invoice: (given_a_membership(invoice.merchant).periods.update(status="open"),),
    ),
    "a failure that is forgotten": (
        "I7",
        lambda invoice: (
            given_a_membership(invoice.merchant, card=LATER_NO_FUNDS).periods.update(retry_at=None),
        ),
    ),
    "a state nobody told of": (
        "I8",
        sql("UPDATE invoicing_invoice SET status = 'uncollectible' WHERE status = 'void'"),
    ),
    "an impossible history": (
        "I8",
        lambda invoice: Event.objects.filter(
            object_id=invoice.public_id, type="invoice.finalized"
        ).update(object_status="void"),
    ),
    "a history lost": (
        "I8",
        lambda invoice: (
            Delivery.objects.filter(event__object_id=invoice.public_id).delete(),
            Event.objects.filter(object_id=invoice.public_id).delete(),
        ),
    ),
}


def given_a_membership(merchant: Merchant, card: str = VISA, **wrong: Any) -> RecurringCharge:
    """A recurring charge with its first period, on whose row something is wrong."""
    customer = given_a_customer(merchant)
    given_a_saved_card(customer, card)
    wanted = {"amount": "9.00", "description": "Coffee", "interval": "monthly"}
    row = recurring_flow.start(
        merchant, read(RecurringInput, {"customer_id": customer.public_id, **wanted})
    )
    if wrong:
        RecurringCharge.objects.filter(pk=row.pk).update(**wrong)
    return row


def charge_twice(merchant: Merchant) -> None:
    """A second success of the same period, with all that makes it look right."""
    payment = given_a_membership(merchant).periods.get().invoice.payments.get()
    payment.pk, payment.public_id = None, "pay_twice"
    payment.provider_reference = payment.money_reference = ""
    payment.save(force_insert=True)


def test_an_honest_business_has_no_breaks(business: Invoice) -> None:
    assert audit() == []


@pytest.mark.tampers
@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_seen(name: str, business: Invoice) -> None:
    """A control for the audit after every test: it can fail, for every invariant."""
    invariant, tamper = TAMPERING[name]
    tamper(business)
    assert invariant in {found.invariant for found in audit()}


def test_every_invariant_has_a_control() -> None:
    # I4 cannot be broken past the CHECK constraints, on invoices or on payments.
    assert {invariant for invariant, _ in TAMPERING.values()} | {"I4"} == CHECKS.keys()


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("audit", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        return int(str(exit_.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_command_says_that_the_books_hold(business: Invoice) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.startswith("The books hold: I1, ")
    assert json.loads(run("--json")[1]) == {"ok": True, "breaks": []}


def test_the_quick_command_says_what_it_did_not_look_at(business: Invoice) -> None:
    assert run("--quick") == (0, "The books hold: I1, I3.\n", "")


@pytest.mark.tampers
@pytest.mark.parametrize("how", [(), ("--quick",)])
def test_the_command_names_every_break_and_fails(business: Invoice, how: tuple[str, ...]) -> None:
    TAMPERING["a balance"][1](business)
    code, _, err = run(*how)
    assert code == 1
    assert err.startswith("I1: payments_ledgeraccount ")
    assert "(pending:wal_" in err
    code, out, _ = run("--json")
    assert code == 1
    assert [found["invariant"] for found in json.loads(out)["breaks"]] == ["I1"]
    (found,) = json.loads(out)["breaks"]
    assert found.keys() == {"invariant", "table", "row", "name", "message"}
