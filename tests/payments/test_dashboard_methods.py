"""Saved cards by hand: asked for, chosen, removed and charged."""

from typing import Any

import pytest

from invoicing.models import Customer, Merchant
from payments import flows
from payments.models import Payment, PaymentMethod
from tests import factories
from tests.factories import again
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(test_merchant: Merchant, stripe_account: Stripe) -> Customer:
    return factories.given_a_customer(test_merchant)


def leave_a_card(stripe: Stripe, customer: Customer, card: str = "4242424242424242") -> Any:
    setup = flows.save_method(customer.merchant, customer.public_id, "card")
    stripe.fake.control("pay", session=setup.provider_reference, card=card)
    stripe.deliver()
    return again(setup).method


def path_of(customer: Customer, rest: str = "") -> str:
    return f"customers/{customer.public_id}/{rest}"


def test_a_link_asks_for_a_card(ada_browser: Browser, cleo: Customer) -> None:
    assert "Nothing is saved" in text_of(ada_browser.get(path_of(cleo)))
    sent = ada_browser.submit(path_of(cleo), action="/methods/ask/")
    setup = cleo.method_setups.get()
    assert setup.url in ada_browser.get(sent.url).content.decode()


def test_a_link_asks_for_a_bank_account(ada_browser: Browser, cleo: Customer) -> None:
    sent = ada_browser.post(f"{path_of(cleo)}methods/ask/", {"rail": "ach"})
    assert cleo.method_setups.get().rail == "ach"
    assert 'name="rail" value="ach"' in ada_browser.get(sent.url).content.decode()


def test_without_stripe_that_is_said(ada_browser: Browser, cleo: Customer, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    sent = ada_browser.post(f"{path_of(cleo)}methods/ask/", {"rail": "ach"})
    assert "No method can be saved" in text_of(ada_browser.get(sent.url))


def test_a_card_is_chosen_and_removed(
    ada_browser: Browser, cleo: Customer, stripe_account: Stripe
) -> None:
    first = leave_a_card(stripe_account, cleo)
    second = leave_a_card(stripe_account, cleo, "5555555555554444")
    assert again(first).is_default
    ada_browser.submit(path_of(cleo), action="/methods/default/", method=second.public_id)
    assert again(second).is_default and not again(first).is_default
    path = path_of(cleo, f"methods/remove/?method={second.public_id}")
    assert "4444" in text_of(ada_browser.get(path))
    ada_browser.post(path_of(cleo, "methods/remove/"), {"method": second.public_id})
    assert again(second).status == PaymentMethod.Status.DETACHED
    assert "4444" not in text_of(ada_browser.get(path_of(cleo)))


def test_a_card_is_charged_once(
    ada_browser: Browser, cleo: Customer, stripe_account: Stripe
) -> None:
    leave_a_card(stripe_account, cleo)
    path = path_of(cleo, "charge/")
    data = ada_browser.form(path).data(amount="25", description="March", currency="USD")
    first, second = (ada_browser.post(path, data) for _ in range(2))
    payment = Payment.objects.get()
    assert first.url == second.url == f"/dashboard/payments/{payment.public_id}/"
    assert (payment.status, payment.received) == ("succeeded", 2500)
    assert "$25.00 is paid." in text_of(ada_browser.get(first.url))


def test_a_refusal_says_what_to_do(
    ada_browser: Browser, cleo: Customer, stripe_account: Stripe
) -> None:
    leave_a_card(stripe_account, cleo, "4000000000000341")
    sent = ada_browser.submit(
        path_of(cleo, "charge/"), amount="25", description="March", currency="USD"
    )
    said = text_of(ada_browser.get(sent.url))
    assert "$25.00 was declined." in said
    assert Payment.objects.get().status == "failed"


@pytest.mark.parametrize("wrong", [{"amount": "0"}, {"amount": "x"}, {"description": ""}])
def test_a_wrong_charge_makes_nothing(
    ada_browser: Browser, cleo: Customer, stripe_account: Stripe, wrong: dict[str, str]
) -> None:
    leave_a_card(stripe_account, cleo)
    asked = {"amount": "25", "description": "March", "currency": "USD", **wrong}
    assert ada_browser.submit(path_of(cleo, "charge/"), **asked).status_code == 422
    assert not Payment.objects.exists()
