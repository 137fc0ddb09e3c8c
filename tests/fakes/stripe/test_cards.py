"""Every test card does what Stripe's testing page says it does."""

from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge, event_types, session
from tests.fakes.stripe.inprocess import InProcessStripe

DECLINED = [
    ("pm_card_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    (
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "card_declined",
        "insufficient_funds",
    ),
    ("pm_card_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("pm_card_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    (
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        "processing_error",
        "processing_error",
    ),
]


def pay_now(client: stripe.StripeClient, method: str, **given: Any) -> Any:
    asked: Any = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": method,
        "payment_method_types": ["card"],
        "confirm": True,
        **given,
    }
    return client.v1.payment_intents.create(asked)


def test_a_card_is_charged_with_stripes_fee(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer)
    own = paid.latest_charge.balance_transaction
    assert (paid.status, paid.amount_received) == ("succeeded", 2000)
    assert (own.type, own.amount, own.fee, own.net) == ("charge", 2000, 88, 1912)
    assert [each.amount for each in own.fee_details] == [88]
    assert own.available_on - own.created == 2 * 86_400
    assert event_types(client)[-3:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(("method", "number", "code", "decline_code"), DECLINED)
def test_a_declining_card_fails_a_payment(
    client: stripe.StripeClient, method: str, number: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        pay_now(client, method)
    error: Any = refusal.value.error
    assert refusal.value.http_status == 402
    assert (error.type, error.code, error.decline_code) == ("card_error", code, decline_code)
    kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (kept.status, kept.amount_received) == ("requires_payment_method", 0)
    failed = client.v1.charges.retrieve(error.charge)
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, code)
    assert event_types(client)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert client.v1.balance_transactions.list().data == []


@pytest.mark.parametrize(("method", "number", "code", "decline_code"), DECLINED)
def test_a_declining_card_cannot_be_saved(
    client: stripe.StripeClient,
    customer: str,
    method: str,
    number: str,
    code: str,
    decline_code: str,
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_methods.attach(method, {"customer": customer})
    assert refusal.value.code == code
    assert client.v1.customers.payment_methods.list(customer).data == []


@pytest.mark.parametrize(("method", "number", "code", "decline_code"), DECLINED)
def test_a_declining_card_leaves_the_page_open(
    fake: InProcessStripe,
    client: stripe.StripeClient,
    method: str,
    number: str,
    code: str,
    decline_code: str,
) -> None:
    opened = session(client)
    assert fake.control("pay", session=opened.id, card=number)["error"]["code"] == code
    assert client.v1.checkout.sessions.retrieve(opened.id).status == "open"
    paid = fake.control("pay", session=opened.id)
    assert (paid["status"], paid["payment_status"]) == ("complete", "paid")
    tries = client.v1.charges.list({"payment_intent": paid["payment_intent"]}).data
    assert [each.status for each in tries] == ["succeeded", "failed"]


def test_a_card_that_is_saved_and_then_declines(client: stripe.StripeClient, customer: str) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        charge(client, customer, "pm_card_chargeCustomerFail")
    assert refusal.value.error.advice_code == "try_again_later"  # type: ignore[union-attr]
    assert len(client.v1.customers.payment_methods.list(customer).data) == 1


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"exp_year": 2020}, "invalid_expiry_year"),
        ({"cvc": "12"}, "invalid_cvc"),
    ],
)
def test_a_card_that_cannot_be(client: stripe.StripeClient, card: Any, code: str) -> None:
    good = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_methods.create({"type": "card", "card": {**good, **card}})
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "method", ["pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup"]
)
def test_authentication_is_asked_for_of_an_absent_payer(
    client: stripe.StripeClient, customer: str, method: str
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        charge(client, customer, method)
    error: Any = refusal.value.error
    assert (error.code, error.decline_code) == ("authentication_required",) * 2
    assert error.payment_intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("number", "later"), [("4000002500003155", "succeeded"), ("4000002760003184", "refused")]
)
def test_a_card_set_up_with_the_bank_may_be_charged_later(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str, number: str, later: str
) -> None:
    opened: Any = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer,
            "success_url": "http://127.0.0.1/done",
        }
    )
    done = fake.control("pay", session=opened.id, card=number)
    assert (done["status"], done["payment_status"]) == ("complete", "no_payment_required")
    found: Any = client.v1.checkout.sessions.retrieve(
        opened.id, {"expand": ["setup_intent.payment_method"]}
    )
    asked: Any = {
        "amount": 700,
        "currency": "usd",
        "customer": customer,
        "payment_method": found.setup_intent.payment_method.id,
        "off_session": True,
        "confirm": True,
    }
    if later == "succeeded":
        assert client.v1.payment_intents.create(asked).status == "succeeded"
    else:
        with pytest.raises(stripe.CardError) as refusal:
            client.v1.payment_intents.create(asked)
        assert refusal.value.code == "authentication_required"


def test_the_bank_may_be_told_no(fake: InProcessStripe, client: stripe.StripeClient) -> None:
    opened = session(client)
    tried = fake.control("pay", session=opened.id, card="4000000000003220", authenticate=False)
    assert tried["status"] == "open"
    intent = client.v1.payment_intents.retrieve(tried["payment_intent"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"


def test_a_present_payer_is_sent_to_the_bank(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    asked = pay_now(client, "pm_card_threeDSecure2Required", return_url="http://127.0.0.1/returned")
    assert asked.status == "requires_action"
    assert asked.next_action.redirect_to_url.url.endswith(f"/c/authenticate/{asked.id}")
    fake.control("authenticate", intent=asked.id)
    assert client.v1.payment_intents.retrieve(asked.id).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "status", "reason", "withdrawn"),
    [
        ("pm_card_createDispute", "needs_response", "fraudulent", 1),
        ("pm_card_createDisputeProductNotReceived", "needs_response", "product_not_received", 1),
        ("pm_card_createDisputeInquiry", "warning_needs_response", "fraudulent", 0),
    ],
)
def test_cards_that_are_disputed(
    client: stripe.StripeClient,
    customer: str,
    method: str,
    status: str,
    reason: str,
    withdrawn: int,
) -> None:
    paid = charge(client, customer, method)
    found = client.v1.disputes.list({"payment_intent": paid.id}).data[0]
    assert (found.status, found.reason, found.amount) == (status, reason, 2000)
    assert len(found.balance_transactions) == withdrawn
    assert client.v1.charges.retrieve(paid.latest_charge.id).disputed is True


def test_a_card_that_a_bank_warns_of(client: stripe.StripeClient, customer: str) -> None:
    charge(client, customer, "pm_card_createIssuerFraudRecord")
    assert event_types(client)[-1] == "radar.early_fraud_warning.created"


def test_a_card_whose_money_is_there_at_once(client: stripe.StripeClient, customer: str) -> None:
    paid = charge(client, customer, "pm_card_bypassPending")
    assert paid.latest_charge.balance_transaction.status == "available"
    assert client.v1.balance.retrieve().available[0].amount == 1912


def test_money_becomes_available_in_two_days(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    charge(client, customer)
    before = client.v1.balance.retrieve()
    fake.control("clock", days=2)
    after = client.v1.balance.retrieve()
    assert (before.available[0].amount, before.pending[0].amount) == (0, 1912)
    assert (after.available[0].amount, after.pending[0].amount) == (1912, 0)


def test_a_balance_transaction_may_come_late(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    fake.control("null_balance_transaction")
    paid = charge(client, customer)
    assert paid.latest_charge.balance_transaction is None
    fake.control("clock", seconds=60)
    found: Any = client.v1.charges.retrieve(
        paid.latest_charge.id, {"expand": ["balance_transaction"]}
    )
    assert found.balance_transaction.fee == 88
    assert event_types(client)[-1] == "charge.updated"


def test_a_method_that_was_not_saved_is_used_up(client: stripe.StripeClient) -> None:
    made = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    pay_now(client, made.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay_now(client, made.id)


def test_a_method_of_another_customer_is_refused(
    client: stripe.StripeClient, customer: str
) -> None:
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    rival = client.v1.customers.create({"email": "ben@rival.example"})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a customer"):
        pay_now(client, saved.id, customer=rival.id)
    client.v1.payment_methods.detach(saved.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay_now(client, saved.id, customer=customer)


def test_a_saved_card_is_renewed_by_the_network(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    fake.control("methods/update", payment_method=saved.id, last4="1881", exp_year=2045)
    found: Any = client.v1.payment_methods.retrieve(saved.id)
    assert (found.card.last4, found.card.exp_year) == ("1881", 2045)
    event: Any = client.v1.events.list({"limit": 1}).data[0]
    assert event.type == "payment_method.automatically_updated"
    assert event.data.previous_attributes.card.last4 == "4242"
