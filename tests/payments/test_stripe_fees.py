"""What the provider takes, and when it says so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from invoicing.actions.invoices import void_invoice
from invoicing.models import Merchant
from payments import flows, tasks
from payments.actions import pay
from payments.models import Payment
from payments.rails.rail import Outcome, State
from tests.factories import again, balances, given_an_open_invoice
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db


def paid(here: Stripe, merchant: Merchant) -> Payment:
    payment = flows.start(given_an_open_invoice(merchant, "100.00").pk, "card")
    here.pay(payment)
    here.deliver()
    return again(payment)


def billed(here: Stripe, payment: Payment, fee: int) -> None:
    """The balance transaction says that it was this much."""
    world = here.fake.app.world
    intent = world.get("payment_intent", payment.money_reference)
    movement = world.get(
        "balance_transaction", world.get("charge", intent["latest_charge"])["balance_transaction"]
    )
    movement["fee"], movement["net"] = fee, movement["amount"] - fee
    world.save(movement)


def test_the_fee_is_an_estimate_until_it_is_told(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.fake.control("null_balance_transaction")
    payment = paid(stripe_account, test_merchant)
    assert (payment.status, payment.provider_fee, payment.fee_is_final) == ("succeeded", 320, False)
    stripe_account.let_pass(seconds=120)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.provider_fee, payment.fee_is_final) == (320, True)
    assert balances(payment.wallet) == {"pending": 9630}


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("fee", [0, 250, 475, 12000])
def test_the_difference_moves(
    stripe_account: Stripe, test_merchant: Merchant, fee: int, released: bool
) -> None:
    stripe_account.fake.control("null_balance_transaction")
    payment = paid(stripe_account, test_merchant)
    if released:
        stripe_account.fake.control("delivery", hold=True)
        stripe_account.let_pass(days=3)
        tasks.release_funds()
        assert balances(payment.wallet) == {"available": 9630}
    outcome = Outcome(
        State.SUCCEEDED,
        10000,
        "USD",
        provider_fee=fee,
        available_at=stripe_account.wall(),
        reference=payment.provider_reference,
        money_reference=payment.money_reference,
    )
    for _ in range(2):
        pay.apply_outcome(payment.pk, outcome)
    payment = again(payment)
    assert (payment.provider_fee, payment.fee_is_final) == (fee, True)
    assert sum(balances(payment.wallet).values()) == 10000 - 50 - fee
    tasks.release_funds()
    left = 9950 - fee
    assert balances(payment.wallet) == ({"available": left} if left > 0 else {"debt": left})


def test_money_is_free_when_the_provider_says(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    intent: Any = stripe_account.library.v1.payment_intents.retrieve(
        payment.money_reference, {"expand": ["latest_charge.balance_transaction"]}
    )
    on = intent.latest_charge.balance_transaction.available_on
    assert payment.available_at == datetime.fromtimestamp(on, UTC)
    stripe_account.fake.clock.advance(on - stripe_account.fake.clock.now() - 1)
    tasks.release_funds()
    assert balances(payment.wallet) == {"pending": 9630}
    stripe_account.fake.clock.advance(1)
    tasks.release_funds()
    assert balances(payment.wallet) == {"available": 9630}


def test_money_that_came_for_a_void_invoice_has_cost_its_fee(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "card")
    stripe_account.pay(payment)
    void_invoice(test_merchant, payment.invoice.public_id)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.surplus, payment.provider_fee, payment.platform_fee) == (10000, 320, 0)
    assert balances(payment.wallet) == {"debt": -320}
    stripe_account.let_pass(days=5)
    tasks.release_funds()
    assert again(payment).released_at is not None
    assert balances(payment.wallet) == {"debt": -320}
