"""Saving a payment method by the API."""

import pytest

from invoicing.models import Merchant
from payments.models import MethodSetup, PaymentMethod
from tests.factories import given_a_customer, given_a_key
from tests.fixtures import Api
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_customer_is_sent_back_to_where_the_merchant_says(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    path = f"/v1/customers/{given_a_customer(test_merchant).public_id}/payment_methods"
    thanks = "https://shop.example/thanks?for=17"
    body = {"type": "card", "return_url": thanks}
    first = api.post(path, body, idempotency_key="k")
    assert first.status_code == 201
    assert api.post(path, body, idempotency_key="k").content == first.content
    setup = MethodSetup.objects.get()
    session = stripe_account.library.v1.checkout.sessions.retrieve(setup.provider_reference)
    assert (session.success_url, session.cancel_url) == (thanks, thanks)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "http://shop.example/",
        "//shop.example",
        "https://",
        "https://a@shop.example/",
        "https://shop.example:99999/",
        "/dashboard",
        "https://[",
    ],
)
def test_no_customer_is_sent_to_what_is_no_address(
    address: str, api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    path = f"/v1/customers/{given_a_customer(test_merchant).public_id}/payment_methods"
    answer = api.post(path, {"return_url": address})
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert [one["field"] for one in error["details"]["fields"]] == ["return_url"]
    assert not MethodSetup.objects.exists()


@pytest.mark.parametrize("wanted", ["card", "ach", "sandbox"])
def test_without_a_provider_nothing_can_be_saved(live: Merchant, wanted: str) -> None:
    customer = given_a_customer(live)
    path = f"/v1/customers/{customer.public_id}/payment_methods"
    answer = Api(given_a_key(live)).post(path, {"type": wanted})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_configured")


def test_a_removed_method_cannot_be_the_default(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    first = stripe_account.given_a_method(customer)
    second = stripe_account.given_a_method(customer, "5555555555554444")
    path = f"/v1/customers/{customer.public_id}/payment_methods"
    assert api.post(f"{path}/{second.public_id}/default").json()["is_default"] is True
    defaults = PaymentMethod.objects.filter(is_default=True)
    assert list(defaults) == [second]
    assert api.delete(f"{path}/{first.public_id}").json()["status"] == "detached"
    answer = api.post(f"{path}/{first.public_id}/default")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
    assert list(defaults) == [second]
