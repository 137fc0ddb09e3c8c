"""The state machine: what is legal from where, by transition and by verb."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django_fsm import TransitionNotAllowed, can_proceed

from invoicing import clock as clocks
from invoicing.actions import invoices
from invoicing.errors import InvalidState
from invoicing.inputs import InvoiceChanges, read
from invoicing.models import Event, Invoice, Merchant
from invoicing.models.invoice import Status
from payments.actions import pay
from payments.audit import LEGAL
from payments.inputs import MarkPaidInput
from tests import factories
from tests.factories import again, given_a_draft, given_an_open_invoice

TRANSITIONS: dict[str, dict[str, str]] = {
    "draft": {"finalize": "open"},
    "open": {
        "start_paying": "paying",
        "settle": "paid",
        "void": "void",
        "expire": "expired",
        "write_off": "uncollectible",
    },
    "paying": {"stop_paying": "open", "settle": "paid"},
    "paid": {"reverse": "open"},
    "void": {},
    "expired": {"settle": "paid"},
    "uncollectible": {"settle": "paid", "void": "void"},
}
ARGUMENTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "finalize": lambda: ("INV-1", 1, clocks.wall()),
    "settle": lambda: (clocks.wall(),),
    "void": lambda: (clocks.wall(),),
}
ALL_TRANSITIONS = sorted({name for legal in TRANSITIONS.values() for name in legal})


@pytest.mark.parametrize("state", Status.values)
@pytest.mark.parametrize("name", ALL_TRANSITIONS)
def test_a_transition_is_legal_from_these_states_and_no_others(state: str, name: str) -> None:
    invoice = Invoice(status=state)
    transition_method = getattr(invoice, name)
    target = TRANSITIONS[state].get(name)
    assert can_proceed(transition_method) is (target is not None)
    arguments = ARGUMENTS.get(name, tuple)()
    if target is None:
        with pytest.raises(TransitionNotAllowed):
            transition_method(*arguments)
        assert invoice.status == state
    else:
        transition_method(*arguments)
        assert invoice.status == target


def test_the_table_names_every_transition_there_is() -> None:
    found = {found.name for found in Invoice(status="open").get_all_status_transitions()}  # type: ignore[attr-defined]
    assert sorted(found) == ALL_TRANSITIONS


def test_the_auditors_drawing_of_the_machine_is_the_machine() -> None:
    drawn = {state: {state, *legal.values()} for state, legal in TRANSITIONS.items()}
    assert drawn == LEGAL


def test_nobody_assigns_a_state() -> None:
    invoice = Invoice(status="open")
    with pytest.raises(AttributeError):
        invoice.status = "paid"


# Verbs

CHANGES = read(InvoiceChanges, {"memo": "changed"})
VERBS: dict[str, Callable[[Merchant, Invoice], object]] = {
    "update": lambda m, i: invoices.update_invoice(m, i.public_id, CHANGES),
    "delete": lambda m, i: invoices.delete_invoice(m, i.public_id),
    "finalize": lambda m, i: invoices.finalize_invoice(m, i.public_id),
    "send": lambda m, i: invoices.send_invoice(m, i.public_id),
    "void": lambda m, i: invoices.void_invoice(m, i.public_id),
    "write_off": lambda m, i: invoices.write_off_invoice(m, i.public_id),
    "begin_payment": lambda m, i: pay.begin_payment(i.pk, "sandbox"),
    "mark_paid": lambda m, i: pay.mark_paid(m, i.public_id, MarkPaidInput()),
}
ALLOWED: dict[str, set[str]] = {
    "draft": {"update", "delete", "finalize", "send"},
    "open": {"send", "void", "write_off", "begin_payment", "mark_paid"},
    "paying": {"send"},
    "paid": {"send"},
    "void": set(),
    "expired": {"mark_paid"},
    "uncollectible": {"send", "void", "mark_paid"},
}


def given_an_invoice_in(state: str, merchant: Merchant, clock: Any) -> Invoice:
    """An invoice that came to this state as a user's would."""
    if state == "draft":
        return given_a_draft(merchant)
    closing = clock.at + timedelta(hours=6)
    how = {"expires_at": closing.isoformat()} if state == "expired" else {}
    invoice = given_an_open_invoice(merchant, **how)
    if state == "paying":
        factories.pay(invoice, factories.SILENT_THEN_PAID)
    elif state == "paid":
        factories.pay(invoice)
    elif state == "void":
        invoices.void_invoice(merchant, invoice.public_id)
    elif state == "expired":
        clock.move(hours=7)
        factories.work()
    elif state == "uncollectible":
        invoices.write_off_invoice(merchant, invoice.public_id)
    invoice = again(invoice)
    assert invoice.status == state
    return invoice


def everything_about(invoice: Invoice) -> tuple[Any, ...]:
    """All that a refused verb must leave as it was."""
    row = Invoice.objects.filter(pk=invoice.pk).values().get()
    return (
        row,
        list(invoice.lines.order_by("pk").values()),
        list(invoice.payments.order_by("pk").values()),
        list(invoice.messages.order_by("pk").values()),
        list(Event.objects.order_by("pk").values_list("public_id", flat=True)),
        list(invoice.merchant.number_series.values()),
    )


@pytest.mark.parametrize("state", Status.values)
def test_a_verb_is_refused_naming_the_state_unless_it_is_allowed_there(
    state: str, test_merchant: Merchant, clock: Any
) -> None:
    for name, verb in VERBS.items():
        invoice = given_an_invoice_in(state, test_merchant, clock)
        before = everything_about(invoice)
        if name in ALLOWED[state]:
            verb(test_merchant, invoice)
            continue
        with pytest.raises(InvalidState) as refusal:
            verb(test_merchant, invoice)
        if name == "begin_payment" and state == "paying":
            assert "is on its way" in refusal.value.message
        elif name == "begin_payment" and state == "paid":
            assert refusal.value.message == "This invoice is already paid."
        else:
            assert f"This invoice is {state}" in refusal.value.message
        assert refusal.value.details == {"status": state}
        assert everything_about(invoice) == before, name


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("open", "Void it instead."),
        ("uncollectible", "Void it instead."),
        ("paying", "Wait until it is known what became of the payment on its way."),
        ("paid", "It stays as the record of what was paid; a refund or a credit note corrects it."),
        ("void", "It stays so that no number is missing, and asks for nothing."),
        ("expired", "It stays so that no number is missing, and asks for nothing."),
    ],
)
def test_what_cannot_be_deleted_says_what_can_be_done(
    status: str, advice: str, test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_invoice_in(status, test_merchant, clock)
    with pytest.raises(InvalidState) as refused:
        invoices.delete_invoice(test_merchant, invoice.public_id)
    said = f"This invoice is {status}; only a draft can be deleted. {advice}"
    assert refused.value.message == said
    assert again(invoice).status == status


@pytest.mark.parametrize("state", Status.values)
def test_what_the_worker_asks_in_the_wrong_state_changes_nothing(
    state: str, test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_invoice_in(state, test_merchant, clock)
    before = everything_about(invoice)
    assert invoices.expire_invoice(invoice.pk) is False
    assert invoices.mark_overdue(invoice.pk) is False
    assert everything_about(invoice) == before


# What the database itself refuses


@pytest.mark.parametrize(
    "change",
    [
        "status = 'paid'",
        "status = 'lost'",
        "status = 'draft'",
        "number = NULL",
        "finalized_at = NULL",
        "total = -1",
        "amount_paid = -1",
        "amount_refunded = 1",
        "discount_percent = '5', discount_amount = 5",
    ],
)
def test_the_database_refuses_what_no_invoice_can_be(change: str, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    before = everything_about(invoice)
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE invoicing_invoice SET {change} WHERE id = %s", [invoice.pk])
    assert everything_about(invoice) == before


def test_a_draft_cannot_be_given_a_number(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE invoicing_invoice SET number = 'X' WHERE id = %s", [draft.pk])
