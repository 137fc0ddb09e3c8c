"""Cards saved with the sandbox, and charging them while the payer is away."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing import clock
from invoicing.errors import InvalidState, NotConfigured
from invoicing.models import Customer, Merchant
from payments import flows, tasks
from payments.actions import charges, methods, rehearsing
from payments.inputs import ChargeInput, RefundInput
from payments.models import (
    MethodSetup,
    Notice,
    Payment,
    PaymentMethod,
    SandboxMethod,
    SandboxRefund,
    SandboxSession,
    SandboxSetup,
)
from payments.rails import RAILS
from payments.rails.rail import NoAnswer, State
from payments.sandbox import saving
from payments.sandbox.cards import BY_NUMBER, CARDS, DECLINES, REASONS, SAVED_CARDS, passes_luhn
from tests.factories import (
    ASKS_APPROVAL,
    DECLINED,
    FIRST_TWO_DECLINED,
    LATER_ASKS_APPROVAL,
    LATER_DECLINED,
    LATER_EXPIRED,
    LATER_LOST,
    LATER_NO_FUNDS,
    MASTERCARD,
    NO_FUNDS,
    SILENT_THEN_NOTHING,
    SILENT_THEN_PAID,
    VISA,
    again,
    balances,
    charge,
    given_a_customer,
    given_a_saved_card,
    given_an_open_invoice,
    let_pass,
    pay,
    session_of,
    told,
    work,
)

pytestmark = pytest.mark.django_db

RAIL = RAILS["sandbox"]
DECLINE: dict[str, str] = {"outcome": "decline", "code": "do_not_honor"}
ASK, SUCCEED = {"outcome": "authenticate"}, {"outcome": "succeed"}
SILENCE = {"outcome": "silence", "then": "succeed"}


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def plan(method: PaymentMethod, *steps: dict[str, str]) -> None:
    rehearsing.plan_charges(method.merchant, method.public_id, steps)


def left(method: PaymentMethod) -> Any:
    return SandboxMethod.objects.get(public_id=method.provider_reference).next


def begun(customer: Customer) -> Payment:
    """A charge that is committed and that nobody has been asked for."""
    wanted = ChargeInput(customer_id=customer.public_id, amount="100.00", description="Hosting")
    _, payment = charges.begin_charge(customer.merchant, wanted)
    assert payment is not None
    return Payment.objects.select_related("merchant", "invoice", "saved_method").get(pk=payment.pk)


def test_the_cards_that_show_what_they_do_once_saved_are_real_numbers() -> None:
    assert all(passes_luhn(card.number) for card in SAVED_CARDS)
    # By its last digits a saved card is known again.
    assert len({card.last4 for card in BY_NUMBER.values()}) == len(BY_NUMBER)
    assert len(BY_NUMBER) == len(CARDS) + len(SAVED_CARDS)
    steps = [step for card in BY_NUMBER.values() for step in (*card.first, card.charged)]
    assert {step.code for step in steps if step.code} <= set(REASONS) <= DECLINES.keys()


def test_a_page_saves_a_card(cleo: Customer) -> None:
    first = given_a_saved_card(cleo)
    assert (first.rail, first.status, first.is_default) == ("sandbox", "active", True)
    at = clock.now(cleo.merchant)
    assert first.details == {
        "type": "card",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": at.year + 4,
    }
    assert told(first) == ["customer.payment_method_saved"]
    second = given_a_saved_card(cleo, MASTERCARD)
    assert (second.details["brand"], second.is_default) == ("mastercard", False)
    assert [one.status for one in MethodSetup.objects.all()] == ["succeeded", "succeeded"]


def test_no_number_is_kept(cleo: Customer) -> None:
    given_a_saved_card(cleo)
    charge(cleo)
    for model in (SandboxMethod, SandboxSetup, SandboxSession, MethodSetup, PaymentMethod, Notice):
        for row in model.objects.values():
            assert VISA not in str(row)


def test_a_page_leaves_one_card(cleo: Customer) -> None:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "sandbox")
    saving.leave_card(setup.provider_reference, VISA)
    saving.leave_card(setup.provider_reference, MASTERCARD)
    tasks.apply_notices()
    flows.look_at_setup(setup.pk)
    assert PaymentMethod.objects.get().details["last4"] == "4242"
    assert SandboxMethod.objects.count() == 1


@pytest.mark.parametrize("number", [DECLINED, NO_FUNDS, "4000000000000069", "4000000000000127"])
def test_a_card_that_is_refused_is_not_saved(cleo: Customer, number: str) -> None:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "sandbox")
    page = saving.leave_card(setup.provider_reference, number)
    assert (page.status, page.decline_code) == ("open", BY_NUMBER[number].decline_code)
    assert not SandboxMethod.objects.exists()
    # Another one may be left on the same page.
    saving.leave_card(setup.provider_reference, VISA)
    assert flows.look_at_setup(setup.pk).status == "succeeded"


def test_a_page_that_nobody_used_is_given_up(cleo: Customer) -> None:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "sandbox")
    let_pass(cleo.merchant, "PT23H")
    tasks.look_at_setups()
    assert again(setup).status == "pending"
    let_pass(cleo.merchant, "PT8H")
    tasks.look_at_setups()
    assert again(setup).status == "canceled"
    assert saving.leave_card(setup.provider_reference, VISA).status == "canceled"
    assert not SandboxMethod.objects.exists()


def test_a_visit_that_never_began_is_given_up_after_a_day(cleo: Customer) -> None:
    setup, _ = methods.begin_setup(cleo.merchant, cleo.public_id, "sandbox")
    assert flows.look_at_setup(setup.pk).status == "pending"
    let_pass(cleo.merchant, "PT24H")
    assert flows.look_at_setup(setup.pk).status == "canceled"


def test_asking_twice_opens_one_page(cleo: Customer) -> None:
    setup, known = methods.begin_setup(cleo.merchant, cleo.public_id, "sandbox")
    known = flows.enroll(known)
    assert RAIL.enroll(known) == known.reference
    assert RAIL.save(setup, known) == RAIL.save(setup, known)
    assert SandboxSetup.objects.get().customer_reference == known.reference


def test_where_nothing_else_keeps_cards_the_sandbox_does(
    cleo: Customer, live: Merchant, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = ""
    assert flows.save_method(cleo.merchant, cleo.public_id, "card").rail == "sandbox"
    with pytest.raises(NotConfigured):
        flows.save_method(cleo.merchant, cleo.public_id, "ach")
    in_earnest = given_a_customer(live)
    for wanted in ("card", "sandbox"):
        with pytest.raises(NotConfigured):
            flows.save_method(live, in_earnest.public_id, wanted)


def test_a_provider_keeps_its_cards_and_the_sandbox_its_own(
    cleo: Customer, stripe_account: object
) -> None:
    assert flows.save_method(cleo.merchant, cleo.public_id, "card").rail == "card"
    assert flows.save_method(cleo.merchant, cleo.public_id, "sandbox").rail == "sandbox"
    known = cleo.provider_customers.values_list("provider", flat=True)
    assert sorted(known) == ["sandbox", "stripe"]


def test_a_saved_card_pays(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    payment = charge(cleo)
    assert (payment.status, payment.received, payment.provider_fee) == ("succeeded", 10000, 320)
    assert (payment.rail, payment.saved_method_id) == ("sandbox", method.pk)
    assert payment.provider_reference == session_of(payment).public_id
    assert payment.method["last4"] == "4242"
    assert again(payment.invoice).status == "paid"
    work()
    assert told(payment.invoice).count("invoice.paid") == 1
    assert balances(payment.wallet) == {"pending": 9630}
    let_pass(cleo.merchant, "P2D")
    work()
    assert balances(payment.wallet) == {"available": 9630}


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        (LATER_DECLINED, "card_declined", "retry"),
        (LATER_NO_FUNDS, "insufficient_funds", "retry"),
        (LATER_EXPIRED, "expired_card", "customer"),
        (LATER_LOST, "lost_card", "never"),
        (LATER_ASKS_APPROVAL, "authentication_required", "customer"),
    ],
)
def test_a_declined_charge_says_what_to_do(
    cleo: Customer, number: str, code: str, advice: str
) -> None:
    given_a_saved_card(cleo, number)
    payment = charge(cleo)
    assert (payment.status, payment.failure_code, payment.failure_advice) == (
        "failed",
        code,
        advice,
    )
    assert payment.failure_message == DECLINES[code]
    work()
    assert (again(payment).status, again(payment).failure_advice) == ("failed", advice)
    invoice = again(payment.invoice)
    assert (invoice.status, invoice.amount_due) == ("open", 10000)
    assert told(invoice).count("invoice.payment_failed") == 1
    assert balances(payment.wallet) == {}


def test_a_card_that_asked_once_when_it_was_saved_asks_no_more(cleo: Customer) -> None:
    given_a_saved_card(cleo, ASKS_APPROVAL)
    assert charge(cleo).status == "succeeded"


def test_a_card_is_declined_twice_and_then_pays(cleo: Customer) -> None:
    given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    first = charge(cleo)
    second = flows.charge_invoice(cleo.merchant, first.invoice.public_id)
    third = flows.charge_invoice(cleo.merchant, first.invoice.public_id)
    assert [again(one).status for one in (first, second, third)] == [
        "failed",
        "failed",
        "succeeded",
    ]
    assert charge(cleo).status == "succeeded"


@pytest.mark.parametrize(
    ("number", "status", "invoice_status"),
    [(SILENT_THEN_PAID, "succeeded", "paid"), (SILENT_THEN_NOTHING, "failed", "open")],
)
def test_what_was_not_answered_is_found_out_later(
    cleo: Customer, number: str, status: str, invoice_status: str
) -> None:
    given_a_saved_card(cleo, number)
    payment = charge(cleo)
    assert (payment.status, again(payment.invoice).status) == ("unknown", "paying")
    with pytest.raises(InvalidState, match="paying"):
        flows.charge_invoice(cleo.merchant, payment.invoice.public_id)
    let_pass(cleo.merchant, "PT9M")
    work()
    assert again(payment).status == "unknown"
    let_pass(cleo.merchant, "PT20M")
    work()
    payment = again(payment)
    assert (payment.status, again(payment.invoice).status) == (status, invoice_status)
    if status == "failed":
        assert (payment.failure_code, payment.failure_advice) == ("timed_out", "retry")
    assert SandboxSession.objects.count() == 1


def test_a_charge_is_made_once_under_its_key(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    plan(method, SUCCEED, DECLINE)
    payment = begun(cleo)
    assert [RAIL.charge(payment).state for _ in range(3)] == [State.SUCCEEDED] * 3
    assert RAIL.look(payment).state == State.SUCCEEDED
    assert left(method) == [DECLINE]
    declined = begun(cleo)
    outcomes = [RAIL.charge(declined) for _ in range(3)]
    assert {(one.state, one.failure_code) for one in outcomes} == {(State.FAILED, "do_not_honor")}
    assert left(method) == []
    assert SandboxSession.objects.count() == 2
    tasks.apply_notices()


def test_silence_lasts_under_its_key(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    plan(method, SILENCE)
    payment = begun(cleo)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            RAIL.charge(payment)
    assert RAIL.look(payment).state == State.UNKNOWN
    let_pass(cleo.merchant, "PT10M")
    assert RAIL.charge(payment).state == State.SUCCEEDED
    flows.carry_out(payment.pk)


def test_a_charge_that_was_never_asked_for_takes_nothing_when_it_comes_late(
    cleo: Customer,
) -> None:
    given_a_saved_card(cleo)
    payment = begun(cleo)
    let_pass(cleo.merchant, "PT1M")
    work()
    payment = again(payment)
    assert (payment.status, payment.failure_code, payment.failure_advice) == (
        "failed",
        "never_arrived",
        "retry",
    )
    assert again(payment.invoice).status == "open"
    # The request that was still on its way finds its key called off.
    late = Payment.objects.select_related("merchant", "invoice", "saved_method").get(pk=payment.pk)
    assert RAIL.charge(late).state == State.CANCELED
    second = flows.charge_invoice(cleo.merchant, payment.invoice.public_id)
    assert again(second).status == "succeeded"
    assert SandboxSession.objects.filter(status="succeeded").count() == 1


def test_a_removed_card_is_charged_no_more(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    paid = begun(cleo)
    flows.carry_out(paid.pk)
    waiting = begun(cleo)
    flows.remove_method(cleo.merchant, cleo.public_id, method.public_id)
    RAIL.detach(method)
    kept = SandboxMethod.objects.get()
    assert kept.detached_at is not None
    assert RAIL.charge(paid).state == State.SUCCEEDED
    refused = flows.carry_out(waiting.pk)
    assert (refused.status, refused.failure_code, refused.failure_advice) == (
        "failed",
        "payment_method_detached",
        "customer",
    )
    assert flows.check_method(method.pk).status == "detached"
    assert told(method).count("customer.payment_method_removed") == 1


def test_a_card_that_the_sandbox_detached_is_removed_here(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    RAIL.detach(method)
    method = flows.check_method(method.pk)
    assert (method.status, method.is_default) == ("detached", False)


def test_a_charge_is_given_back_to_its_card(cleo: Customer) -> None:
    given_a_saved_card(cleo)
    payment = charge(cleo)
    (refund,) = flows.refund(cleo.merchant, payment.invoice.public_id, RefundInput(amount="40"))
    assert (refund.status, refund.amount) == ("succeeded", 4000)
    made = SandboxRefund.objects.get()
    assert (made.session, made.amount) == (session_of(payment), 4000)


def test_what_is_decided_happens_in_order_and_once(cleo: Customer) -> None:
    method = given_a_saved_card(cleo, LATER_LOST)
    plan(method, DECLINE, ASK, SILENCE, SUCCEED)
    found = [(one.status, one.failure_code) for one in (charge(cleo) for _ in range(5))]
    assert found == [
        ("failed", "do_not_honor"),
        ("failed", "authentication_required"),
        ("unknown", ""),
        ("succeeded", ""),
        # From here on it behaves as its number says.
        ("failed", "lost_card"),
    ]
    assert left(method) == []
    let_pass(cleo.merchant, "PT20M")
    work()
    assert Payment.objects.filter(status="succeeded").count() == 2


def test_what_is_decided_anew_replaces_what_was(cleo: Customer) -> None:
    method = given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    assert len(left(method)) == 2
    plan(method)
    assert left(method) == []
    assert charge(cleo).status == "succeeded"


def test_a_visit_to_the_card_page_uses_up_nothing(cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    plan(method, DECLINE)
    pay(given_an_open_invoice(cleo.merchant, customer_id=cleo.public_id))
    assert left(method) == [DECLINE]


def test_a_charge_while_the_clock_runs_ahead_keeps_its_age(cleo: Customer) -> None:
    given_a_saved_card(cleo)
    let_pass(cleo.merchant, "P400D")
    payment = charge(cleo)
    assert session_of(payment).created_at - again(cleo).created_at >= timedelta(days=400)
