"""Saved cards and accounts, and charging them while the payer is away."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing.errors import InvalidState
from invoicing.models import Customer, Merchant
from payments import flows, tasks
from payments.actions import methods
from payments.inputs import ChargeInput
from payments.models import MethodSetup, Payment, PaymentMethod
from payments.rails.rail import RailError
from tests.factories import again, balances, given_a_customer, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

LATER_DECLINED = "4000000000000341"


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def charged(here: Stripe, cleo: Customer, **fields: Any) -> Payment:
    wanted = ChargeInput(
        customer_id=cleo.public_id, amount="100.00", description="Hosting", **fields
    )
    _, payment = flows.charge(cleo.merchant, wanted)
    assert payment is not None
    return again(payment)


def saved(here: Stripe, cleo: Customer, card: str = "4242424242424242") -> PaymentMethod:
    """A card that Cleo left on the hosted page."""
    setup = flows.save_method(cleo.merchant, cleo.public_id, "card")
    here.fake.control("pay", session=setup.provider_reference, card=card)
    here.deliver()
    return PaymentMethod.objects.latest("pk")


def intents(here: Stripe) -> list[Any]:
    return here.library.v1.payment_intents.list({"limit": 100}).data


def test_a_page_saves_a_card(stripe_account: Stripe, cleo: Customer) -> None:
    first = saved(stripe_account, cleo)
    assert (first.status, first.is_default, first.rail) == ("active", True, "card")
    assert (first.details["brand"], first.details["last4"]) == ("visa", "4242")
    second = saved(stripe_account, cleo, "5555555555554444")
    assert not second.is_default
    assert [one.status for one in MethodSetup.objects.all()] == ["succeeded", "succeeded"]
    assert told(first) == ["customer.payment_method_saved"]
    customers = stripe_account.library.v1.customers.list().data
    assert [one.metadata.to_dict()["customer_id"] for one in customers] == [cleo.public_id]


def test_a_page_that_nobody_used_saves_nothing(stripe_account: Stripe, cleo: Customer) -> None:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "card")
    stripe_account.let_pass(days=2)
    tasks.look_at_setups()
    assert (again(setup).status, PaymentMethod.objects.count()) == ("canceled", 0)


def test_a_page_whose_address_was_never_heard_still_saves(
    stripe_account: Stripe, cleo: Customer
) -> None:
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/checkout/sessions"
    )
    with pytest.raises(RailError):
        flows.save_method(cleo.merchant, cleo.public_id, "card")
    setup = MethodSetup.objects.get()
    stripe_account.fake.clock.advance(70)
    tasks.look_at_setups()
    (session,) = stripe_account.library.v1.checkout.sessions.list().data
    stripe_account.fake.control("pay", session=session.id, card="4242424242424242")
    stripe_account.deliver()
    assert (again(setup).status, PaymentMethod.objects.count()) == ("succeeded", 1)


def test_a_removed_card_is_forgotten_at_the_provider(
    stripe_account: Stripe, cleo: Customer
) -> None:
    method = saved(stripe_account, cleo)
    flows.remove_method(cleo.merchant, cleo.public_id, method.public_id)
    found = stripe_account.library.v1.payment_methods.retrieve(method.provider_reference)
    assert found.customer is None
    stripe_account.deliver()
    assert (again(method).status, again(method).is_default) == ("detached", False)
    assert told(method).count("customer.payment_method_removed") == 1


def test_a_card_that_the_provider_detached_is_charged_no_more(
    stripe_account: Stripe, cleo: Customer
) -> None:
    method = saved(stripe_account, cleo)
    stripe_account.library.v1.payment_methods.detach(method.provider_reference)
    stripe_account.deliver()
    assert (again(method).status, again(method).is_default) == ("detached", False)


def test_a_card_detached_unheard_is_no_reason_to_retry(
    stripe_account: Stripe, cleo: Customer
) -> None:
    method = saved(stripe_account, cleo)
    stripe_account.library.v1.payment_methods.detach(method.provider_reference)
    payment = charged(stripe_account, cleo)
    assert (payment.status, payment.failure_advice) == ("failed", "customer")
    assert again(payment.invoice).status == "open"


def test_a_bank_brings_a_card_up_to_date(stripe_account: Stripe, cleo: Customer) -> None:
    method = saved(stripe_account, cleo)
    stripe_account.fake.control(
        "methods/update",
        payment_method=method.provider_reference,
        exp_month=3,
        exp_year=2044,
        last4="1881",
    )
    stripe_account.deliver()
    details = again(method).details
    assert (details["exp_month"], details["exp_year"], details["last4"]) == (3, 2044, "1881")
    assert told(method)[-1] == "customer.payment_method_updated"


def given_an_account(here: Stripe, cleo: Customer, number: str = "000123456789") -> PaymentMethod:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "ach")
    here.fake.control("pay", session=setup.provider_reference, account=number)
    here.deliver()
    return PaymentMethod.objects.latest("pk")


def test_a_blocked_account_is_charged_no_more(stripe_account: Stripe, cleo: Customer) -> None:
    method = given_an_account(stripe_account, cleo)
    assert (method.rail, method.status, method.is_default) == ("ach", "active", True)
    stripe_account.fake.control(
        "methods/update", payment_method=method.provider_reference, blocked="debit_not_authorized"
    )
    stripe_account.deliver()
    method = again(method)
    assert (method.status, method.is_default) == ("blocked", False)
    assert method.blocked_reason


def test_a_saved_card_pays(stripe_account: Stripe, cleo: Customer) -> None:
    method = saved(stripe_account, cleo)
    payment = charged(stripe_account, cleo)
    assert (payment.status, payment.received, payment.provider_fee) == ("succeeded", 10000, 320)
    assert payment.saved_method_id == method.pk
    assert again(payment.invoice).status == "paid"
    stripe_account.deliver()
    assert told(payment.invoice).count("invoice.paid") == 1
    assert balances(payment.wallet) == {"pending": 9630}
    assert len(intents(stripe_account)) == 1


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        ("4000000000000341", "generic_decline", "retry"),
        ("4000000000000002", "generic_decline", "retry"),
        ("4000000000009995", "insufficient_funds", "retry"),
        ("4000000000000119", "processing_error", "retry"),
        ("4000000000000069", "expired_card", "customer"),
        ("4000000000000127", "incorrect_cvc", "customer"),
        ("4000002760003184", "authentication_required", "customer"),
        ("4000000000009987", "lost_card", "never"),
        ("4000000000009979", "stolen_card", "never"),
    ],
)
def test_a_declined_charge_says_what_to_do(
    stripe_account: Stripe, cleo: Customer, number: str, code: str, advice: str
) -> None:
    method = saved(stripe_account, cleo)
    behave(stripe_account, method, number)
    payment = charged(stripe_account, cleo)
    assert (payment.status, payment.failure_code, payment.failure_advice) == (
        "failed",
        code,
        advice,
    )
    invoice = again(payment.invoice)
    assert (invoice.status, invoice.amount_due) == ("open", 10000)
    stripe_account.deliver()
    assert told(invoice).count("invoice.payment_failed") == 1
    assert again(payment).failure_advice == advice
    assert balances(payment.wallet) == {}


def behave(here: Stripe, method: PaymentMethod, number: str) -> None:
    """Let a saved card act like this test card from now on."""
    world = here.fake.app.world
    found = world.get("payment_method", method.provider_reference)
    found["_number"] = number
    world.save(found)


def test_a_saved_account_pays_days_later(stripe_account: Stripe, cleo: Customer) -> None:
    given_an_account(stripe_account, cleo)
    payment = charged(stripe_account, cleo)
    assert (payment.status, again(payment.invoice).status) == ("processing", "paying")
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.status, payment.received, payment.provider_fee) == ("succeeded", 10000, 80)


def test_a_charge_that_was_not_heard_is_found_and_made_once(
    stripe_account: Stripe, cleo: Customer
) -> None:
    saved(stripe_account, cleo)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/payment_intents"
    )
    payment = charged(stripe_account, cleo)
    assert (payment.status, again(payment.invoice).status) == ("unknown", "paying")
    stripe_account.fake.clock.advance(60)
    tasks.look_at_payments()
    assert again(payment).status == "succeeded"
    assert len(intents(stripe_account)) == 1
    assert balances(payment.wallet) == {"pending": 9630}


def test_a_charge_that_never_arrived_took_nothing_and_may_be_made_again(
    stripe_account: Stripe, cleo: Customer
) -> None:
    saved(stripe_account, cleo)
    stripe_account.fake.control(
        "faults", do="drop_before", method="POST", path="/v1/payment_intents"
    )
    payment = charged(stripe_account, cleo)
    assert payment.status == "unknown"
    stripe_account.fake.clock.advance(60)
    tasks.look_at_payments()
    # It may still be on its way.
    assert again(payment).status == "unknown"
    stripe_account.fake.clock.advance(600)
    tasks.look_at_payments()
    payment = again(payment)
    assert (payment.status, payment.failure_code) == ("failed", "never_arrived")
    assert again(payment.invoice).status == "open"
    assert intents(stripe_account) == []
    second = flows.charge_invoice(cleo.merchant, payment.invoice.public_id)
    assert again(second).status == "succeeded"
    assert len(intents(stripe_account)) == 1


def test_a_charge_repeated_after_its_key_was_forgotten_is_not_made_twice(
    stripe_account: Stripe, cleo: Customer
) -> None:
    saved(stripe_account, cleo)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/payment_intents"
    )
    payment = charged(stripe_account, cleo)
    stripe_account.fake.clock.advance(timedelta(hours=25).total_seconds())
    stripe_account.fake.control("clock")
    payment = flows.carry_out(payment.pk)
    assert payment.status == "succeeded"
    assert len(intents(stripe_account)) == 1


def test_while_the_provider_is_down_nothing_is_concluded(
    stripe_account: Stripe, cleo: Customer
) -> None:
    saved(stripe_account, cleo)
    stripe_account.fake.control("faults", do="drop_before", times=5)
    payment = charged(stripe_account, cleo)
    for _ in range(3):
        stripe_account.fake.clock.advance(3600)
        tasks.look_at_payments()
        assert again(payment).status == "unknown"
    stripe_account.fake.control("faults", clear=True)
    stripe_account.fake.clock.advance(3600)
    tasks.look_at_payments()
    assert again(payment).status == "failed"


def test_a_default_is_chosen(stripe_account: Stripe, cleo: Customer) -> None:
    saved(stripe_account, cleo)
    second = saved(stripe_account, cleo, "5555555555554444")
    methods.choose_default(cleo.merchant, cleo.public_id, second.public_id)
    invoice = given_an_open_invoice(cleo.merchant, customer_id=cleo.public_id)
    payment = flows.charge_invoice(cleo.merchant, invoice.public_id)
    assert again(payment).saved_method_id == second.pk


def test_an_invoice_in_flight_is_not_charged_again(stripe_account: Stripe, cleo: Customer) -> None:
    given_an_account(stripe_account, cleo)
    payment = charged(stripe_account, cleo)
    assert told(payment.invoice)[-1] == "invoice.payment_started"
    with pytest.raises(InvalidState, match="paying"):
        flows.charge_invoice(cleo.merchant, payment.invoice.public_id)
    assert len(intents(stripe_account)) == 1
