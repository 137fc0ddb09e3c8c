"""Stripe in the test's own process: the real library asking the fake, on one clock for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from invoicing import clock
from invoicing.models import Customer, Invoice, Merchant
from payments import flows, tasks
from payments.actions.pay import mark_paid
from payments.inputs import MarkPaidInput
from payments.models import Deposit, Dispute, Payment, PaymentMethod, Payout
from payments.rails.stripe import client as stripes
from tests.factories import given_an_open_invoice
from tests.fakes.stripe.inprocess import InProcessStripe

SECRET = "whsec_in_process"


class Stripe:
    """The fake, and what tests do with it."""

    def __init__(self) -> None:
        self.fake = InProcessStripe()
        self.fake.app.set_webhook("http://billhook.test/webhooks/stripe", SECRET)
        self.library = self.fake.client()

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.fake.app.world.now, UTC)

    def deliver(self) -> int:
        """Send what is due to the webhook's door, and let the worker apply it."""
        sent = self.fake.pump(post)
        tasks.apply_notices()
        return sent

    def pay(self, payment: Payment, card: str = "4242424242424242", **given: Any) -> Any:
        """Use a card on a payment's hosted page; what comes of it is not delivered yet."""
        wanted = {"session": payment.provider_reference, "card": card, **given}
        return self.fake.control("pay", **wanted)

    def pay_by_bank(self, payment: Payment, account: str = "000123456789", **given: Any) -> Any:
        """Use a bank account on a payment's hosted page."""
        wanted = {"session": payment.provider_reference, "account": account, **given}
        return self.fake.control("pay", **wanted)

    def given_a_payment(
        self, merchant: Merchant, amount: str = "100.00", *, late: bool = False, **fields: Any
    ) -> Payment:
        """An invoice paid by card; `late` means that it was marked paid meanwhile."""
        invoice = given_an_open_invoice(merchant, amount, **fields)
        payment = flows.start(invoice.pk, "card")
        if late:
            mark_paid(merchant, invoice.public_id, MarkPaidInput())
        self.pay(payment)
        self.deliver()
        return Payment.objects.select_related("invoice", "wallet", "merchant").get(pk=payment.pk)

    def given_a_part(self, invoice: Invoice, amount: int) -> Payment:
        """Part of an invoice, in minor units, paid by card."""
        payment = flows.start(invoice.pk, "card", amount)
        self.pay(payment)
        self.deliver()
        return payment

    def given_a_method(self, customer: Customer, card: str = "4242424242424242") -> PaymentMethod:
        """A card that a customer has saved on the hosted page."""
        setup = flows.save_method(customer.merchant, customer.public_id, "card")
        self.fake.control("pay", session=setup.provider_reference, card=card)
        self.deliver()
        return PaymentMethod.objects.filter(customer=customer).latest("pk")

    def given_a_dispute(self, payment: Payment, **given: Any) -> Dispute:
        """The payer of this payment asks their bank for the money back."""
        self.fake.control("disputes/open", session=payment.provider_reference, **given)
        self.deliver()
        return Dispute.objects.get(payment=payment)

    def dispute(self, money: str, **given: Any) -> None:
        """Whoever paid this money asks their bank for it; what comes of it is not delivered yet."""
        self.fake.control("disputes/open", payment_intent=money, **given)

    def given_a_deposit(self, merchant: Merchant, amount: int = 7000) -> Deposit:
        """A page for 100.00 on which another amount, in minor units, was paid."""
        payment = flows.start(given_an_open_invoice(merchant, "100.00").pk, "card")
        self.pay(payment, amount=amount)
        self.deliver()
        return Deposit.objects.get(payment=payment)

    def given_a_payout(self, merchant: Merchant) -> Payout:
        """All that is available goes to the bank, this merchant's last payment with it."""
        self.given_a_payment(merchant)
        self.let_pass(days=3)
        self.fake.control("payouts/create", status="paid")
        self.deliver()
        return Payout.objects.filter(lines__merchant=merchant).latest("pk")

    @contextmanager
    def tried_out(self) -> Iterator[None]:
        """What is done in here is undone after it, in the database and at Stripe."""
        store = self.fake.app.world.store
        kept = store.kept()
        around = transaction.atomic()
        around._from_testcase = True  # type: ignore[attr-defined]  # as Django's own TestCase does
        try:
            with around:
                yield
                transaction.set_rollback(True)
        finally:
            store.put_back(kept)

    def let_pass(self, *, days: int = 0, seconds: int = 0) -> None:
        """Move the one clock on, and everything that waited for it happens at Stripe."""
        # The one clock is moved itself: what the fake is told to add is a clock of its own.
        self.fake.clock.advance(days * 86_400 + seconds)
        self.fake.control("clock")
        # Moving the clock has tried to send what fell due over a network that is not there.
        self.fake.app.delivery.again(send=post)


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """Bring an event to our door, as Stripe would."""
    answer = Client().post(
        "/webhooks/stripe", data=body, content_type="application/json", headers=headers
    )
    return answer.status_code


@pytest.fixture
def stripe_account(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """Test merchants can be paid by card and ACH."""
    here = Stripe()
    settings.STRIPE_SECRET_KEY = here.fake.api_key
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    monkeypatch.setattr(stripes, "_client", lambda key, base: here.library)
    monkeypatch.setattr(clock, "read_wall", here.wall)
    yield here
