"""Answers have the fields that the library documents and that Stripe's own fixtures have."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge, session
from tests.fakes.stripe.inprocess import InProcessStripe

# Stripe publishes one example of each resource; who has that file beside the project uses it.
FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "stripe-fixtures3.json"

# Fields of this version of the API that the examples leave out, and one kept for old versions.
ONLY_HERE = {
    "balance": {"refund_and_dispute_prefunding"},
    "customer": {"customer_account"},
    "setup_intent": {"customer_account"},
    "webhook_endpoint": {"secret"},
}
ONLY_THERE = {"charge": {"refunds"}}
# Typed as always there, and documented as there only where they apply.
SOMETIMES = {
    "charge": {"transfer"},
    "checkout.session": {"redirect_on_completion"},
    "refund": {"failure_balance_transaction", "pending_reason"},
}

CLASSES: dict[str, type[stripe.StripeObject]] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "file": stripe.File,
    "item": stripe.LineItem,
    "mandate": stripe.Mandate,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """One answer of each kind."""
    fake = InProcessStripe()
    return {name: json.loads(str(found)) for name, found in _asked(fake, fake.client())}


def _asked(fake: InProcessStripe, client: stripe.StripeClient) -> Iterator[tuple[str, Any]]:
    v1 = client.v1
    owner = v1.customers.create({"email": "cleo@payer.example"})
    yield "customer", owner
    paid = charge(client, owner.id, "pm_card_bypassPending", amount=100_000)
    yield "payment_intent", v1.payment_intents.retrieve(paid.id)
    yield "charge", v1.charges.retrieve(paid.latest_charge.id)
    yield "payment_method", v1.payment_methods.retrieve(paid.payment_method)
    yield "balance_transaction", paid.latest_charge.balance_transaction
    yield "refund", v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    charge(client, owner.id, "pm_card_createDispute")
    yield "dispute", v1.disputes.list().data[0]
    asked: Any = {"customer": owner.id, "payment_method": "pm_card_visa", "confirm": True}
    yield "setup_intent", v1.setup_intents.create(asked)
    opened = session(client)
    fake.control("pay", session=opened.id, account="000123456789")
    done = v1.checkout.sessions.retrieve(opened.id)
    yield "checkout.session", done
    yield "item", v1.checkout.sessions.line_items.list(opened.id).data[0]
    debit = v1.charges.list({"payment_intent": done.payment_intent}).data[0]
    yield "mandate", v1.mandates.retrieve(debit.payment_method_details.us_bank_account.mandate)
    evidence = BytesIO(b"%PDF-1.7")
    evidence.name = "receipt.pdf"
    yield "file", v1.files.create({"purpose": "dispute_evidence", "file": evidence})
    yield "payout", v1.payouts.retrieve(fake.control("payouts/create")["id"])
    yield "balance", v1.balance.retrieve()
    yield "event", v1.events.list().data[0]
    yield "account", v1.accounts.retrieve_current()
    where: Any = {"url": "http://127.0.0.1:1/", "enabled_events": ["*"]}
    yield "webhook_endpoint", v1.webhook_endpoints.create(where)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_every_field_is_documented_and_none_that_is_always_there_is_missing(
    answers: dict[str, dict[str, Any]], kind: str
) -> None:
    documented = CLASSES[kind].__annotations__
    always = {
        name
        for name, hint in documented.items()
        if not str(hint).startswith(("Optional", "typing.Optional", "ClassVar", "typing.ClassVar"))
    }
    given = set(answers[kind])
    undocumented = given - set(documented)
    missing = {n for n in always - given if not n.startswith("_") and n != "deleted"}
    missing -= SOMETIMES.get(kind, set())
    assert (undocumented, missing) == (set(), set())


def test_fields_are_those_of_the_published_examples(answers: dict[str, dict[str, Any]]) -> None:
    if not FIXTURES.exists():
        return  # The test above holds without the file.
    published = json.loads(FIXTURES.read_text())["resources"]
    differences = {
        kind: (extra, missing)
        for kind, found in answers.items()
        if (extra := set(found) - set(published[kind]) - ONLY_HERE.get(kind, set()))
        | (missing := set(published[kind]) - set(found) - ONLY_THERE.get(kind, set()))
    }
    assert differences == {}


def test_what_only_the_fake_knows_stays_with_it(answers: dict[str, dict[str, Any]]) -> None:
    def private(found: Any, at: str) -> Iterator[str]:
        if isinstance(found, list):
            for each in found:
                yield from private(each, f"{at}[]")
        elif isinstance(found, dict):
            for name, each in found.items():
                if name.startswith("_"):
                    yield f"{at}.{name}"
                yield from private(each, f"{at}.{name}")

    assert list(private(answers, "")) == []
