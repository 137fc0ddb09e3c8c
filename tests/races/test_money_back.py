"""Two at once that give back, charge, match or spend the same money: one of them does."""

from collections.abc import Callable
from itertools import count

import pytest
from django.db import transaction
from django.db.models import Q

from invoicing.models import CreditNote, Customer, Merchant
from payments import flows
from payments.actions import deposits
from payments.audit import audit
from payments.inputs import RefundInput
from payments.methods import keep_method
from payments.models import (
    Deposit,
    Dispute,
    DisputeSubmission,
    Notice,
    Payment,
    PaymentMethod,
    Refund,
)
from payments.rails.rail import Method, Outcome, State
from tests import factories
from tests.crew import Crew
from tests.factories import given_a_customer, given_a_draft, given_a_merchant, given_an_open_invoice
from tests.races.money_moves import dispute
from tests.races.running import Race, lose, refused, run

_numbers = count()


def paid(merchant: Merchant) -> Payment:
    return factories.pay(given_an_open_invoice(merchant))


def two_refunds(merchant: Merchant) -> Race:
    of = {"merchant_pk": merchant.pk, "reference": paid(merchant).invoice.public_id, "amount": "60"}
    return ("refund", of), ("refund", of)


def refund_and_dispute(merchant: Merchant) -> Race:
    payment = paid(merchant)
    of = {"merchant_pk": merchant.pk, "reference": payment.invoice.public_id, "amount": "100"}
    return ("refund", of), ("dispute", {"payment_pk": payment.pk, "reference": f"du_{payment.pk}"})


def given_methods(merchant: Merchant, *names: str) -> Customer:
    customer = given_a_customer(merchant, email="")
    for name in names:
        found = Method("card", f"pm_{name}_{customer.pk}", {"last4": "4242"})
        with transaction.atomic():
            keep_method(customer, found)
    return customer


def two_charges(merchant: Merchant) -> Race:
    customer = given_methods(merchant, "one")
    invoice = given_an_open_invoice(merchant, customer_id=customer.public_id)
    of = {"merchant_pk": merchant.pk, "reference": invoice.public_id}
    return ("charge", of), ("charge", of)


def two_defaults(merchant: Merchant) -> Race:
    customer = given_methods(merchant, "zero", "one", "two")
    _, one, two = customer.payment_methods.order_by("pk")
    of = {"merchant_pk": merchant.pk, "customer": customer.public_id}
    return (
        ("choose", {**of, "method": one.public_id}),
        ("choose", {**of, "method": two.public_id}),
    )


def two_answers(merchant: Merchant) -> Race:
    payment = paid(merchant)
    of = {"merchant_pk": merchant.pk, "reference": dispute(payment.pk, f"du_{payment.pk}")}
    return ("submit", of), ("submit", of)


def two_matches(merchant: Merchant) -> Race:
    one, two = given_an_open_invoice(merchant), given_an_open_invoice(merchant)
    came = Outcome(State.SUCCEEDED, 10000, "USD", money_reference=f"pi_{one.pk}")
    deposit = deposits.record_unknown(merchant, "card", came)
    of = {"merchant_pk": merchant.pk, "deposit": deposit.public_id}
    return ("match", {**of, "invoice": one.public_id}), ("match", {**of, "invoice": two.public_id})


def match_and_dispute(merchant: Merchant) -> Race:
    """A deposit is matched while its bank takes it back."""
    invoice = given_an_open_invoice(merchant)
    came = Outcome(State.SUCCEEDED, 10000, "USD", money_reference=f"pi_{invoice.pk}")
    deposit = deposits.record_unknown(merchant, "card", came)
    wanted = {"deposit": deposit.public_id, "invoice": invoice.public_id}
    taken = {"deposit_pk": deposit.pk, "reference": f"du_{deposit.pk}"}
    return ("match", {"merchant_pk": merchant.pk, **wanted}), ("dispute_deposit", taken)


def two_notices(merchant: Merchant) -> Race:
    of = {"notice": f"evt_{next(_numbers)}"}
    return ("take", of), ("take", of)


def two_spenders(merchant: Merchant) -> Race:
    """Credit for one invoice, and two that could be paid with it."""
    customer = given_a_customer(merchant, email="")
    of = {"merchant_pk": merchant.pk}
    payment = factories.pay(given_an_open_invoice(merchant, customer_id=customer.public_id))
    wanted = RefundInput(destination="credit_balance")
    flows.refund(merchant, payment.invoice.public_id, wanted)
    one, two = (given_a_draft(merchant, customer_id=customer.public_id) for _ in range(2))
    return (
        ("issue", {**of, "reference": one.public_id}),
        ("issue", {**of, "reference": two.public_id}),
    )


def two_credit_notes(merchant: Merchant) -> Race:
    """Each over 60.00 of an invoice of 100.00."""
    reference = given_an_open_invoice(merchant).public_id
    of = {"merchant_pk": merchant.pk, "reference": reference, "amount": "60"}
    return ("credit", of), ("credit", of)


def credit_note_and_payment(merchant: Merchant) -> Race:
    """40.00 of it is credited while all of its 100.00 arrives."""
    payment = factories.start_paying(given_an_open_invoice(merchant))
    factories.use_card(payment)
    of = {"merchant_pk": merchant.pk, "reference": payment.invoice.public_id, "amount": "40"}
    return ("credit", of), ("arrive", {"payment_pk": payment.pk})


def kept_as_asked() -> int:
    """Invoices that keep 60.00; the rest has gone back, or is the payer's credit."""
    rows = Payment.objects.filter(
        status="succeeded",
        received=10000,
        invoice__status="paid",
        invoice__credit_notes__total=4000,
    )
    return rows.filter(
        Q(surplus=4000, amount_refunded=0, invoice__amount_credited=4000)
        | Q(surplus=0, amount_refunded=4000, invoice__amount_credited=0)
    ).count()


# Each with what the loser hears; "" where both are served the same, or the second finds nothing.
GUARDS: dict[Callable[[Merchant], Race], set[str]] = {
    two_refunds: {"ValidationFailed"},
    refund_and_dispute: {"", "InvalidState"},
    two_charges: {"InvalidState"},
    two_defaults: {""},
    two_answers: {""},
    two_matches: {"InvalidState"},
    match_and_dispute: {"", "InvalidState"},
    two_notices: {""},
    two_spenders: {""},
    two_credit_notes: {"ValidationFailed"},
    credit_note_and_payment: {""},
}


# What there must be of each in the end: as many as there were races.
DONE: dict[Callable[[Merchant], Race], Callable[[], int]] = {
    two_refunds: lambda: Refund.objects.filter(amount=6000).count(),
    refund_and_dispute: lambda: Dispute.objects.filter(withdrawn=10000).count(),
    two_charges: lambda: Payment.objects.filter(status="unknown").count(),
    two_defaults: lambda: PaymentMethod.objects.filter(is_default=True).count(),
    two_answers: lambda: DisputeSubmission.objects.count(),
    two_matches: lambda: Deposit.objects.exclude(matched_payment=None).count(),
    match_and_dispute: lambda: Dispute.objects.filter(withdrawn=10000, fee=1500).count(),
    two_notices: lambda: Notice.objects.filter(rail="stripe").count(),
    two_spenders: lambda: Payment.objects.filter(rail="credit", received=10000).count(),
    two_credit_notes: lambda: CreditNote.objects.filter(total=6000, off_due=6000).count(),
    credit_note_and_payment: kept_as_asked,
}


@pytest.mark.parametrize("given", GUARDS, ids=lambda given: given.__name__)
def test_only_one_of_two_does_it(
    given: Callable[[Merchant], Race], crew: Crew, many_rounds: int
) -> None:
    merchant = given_a_merchant()
    races = [given(merchant) for _ in range(many_rounds)]
    for race, ends in zip(races, run(crew, races), strict=True):
        first, second = refused(ends)
        assert first == "" and second in GUARDS[given], (race, ends)
    assert DONE[given]() == many_rounds
    assert audit() == []


@pytest.mark.tampers
@pytest.mark.parametrize(
    "given",
    [given for given in GUARDS if given is not credit_note_and_payment],
    ids=lambda given: given.__name__,
)
def test_without_the_guard_both_do_it_or_a_constraint_stops_them(
    given: Callable[[Merchant], Race], crew: Crew
) -> None:
    ends = lose(crew, given(given_a_merchant()))
    both = refused(ends) == ["", ""]
    assert both or "IntegrityError" in refused(ends), ends
    if given is two_charges:
        assert both and Payment.objects.count() == 2


@pytest.mark.tampers
def test_without_the_guard_money_arrives_beside_what_is_credited(crew: Crew) -> None:
    ends = lose(crew, credit_note_and_payment(given_a_merchant()))
    assert refused(ends) == ["", ""] or "IntegrityError" in refused(ends), ends
    assert kept_as_asked() == 0 and audit()
