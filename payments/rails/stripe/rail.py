"""The Stripe rail: hosted pages, saved methods, refunds, disputes, payouts and notices.

One rail for each kind of money, cards and bank debits, since they cost and take differently; both
speak to one account. What was not heard is found again by the ids that every object carries in its
metadata, never asked for a second time under another key.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

import stripe
from stripe import RequestOptions

from invoicing import clock
from payments.models import (
    DisputeFile,
    DisputeSubmission,
    MethodSetup,
    Payment,
    PaymentMethod,
    ProviderCustomer,
    Refund,
)
from payments.rails.rail import (
    DisputeOutcome,
    Instructions,
    Method,
    NoAnswer,
    Outcome,
    PayoutOutcome,
    Rail,
    RailError,
    Received,
    RefundOutcome,
    State,
    Word,
)
from payments.rails.stripe import asking, notices, reading
from payments.rails.stripe.client import accounts, client, speaking

# A request that is older than this has arrived, or never will.
IN_TRANSIT: Final = timedelta(minutes=5)
_ENDINGS: Final = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
# Stripe keeps its events for thirty days: an instance that was down for weeks still hears of them.
MISSED_FOR: Final = timedelta(days=29)


class StripeRail(Rail):
    """Speaks to Stripe for one kind of money."""

    provider = "stripe"

    def __init__(self, key: str) -> None:
        self.key = key

    def start(self, payment: Payment) -> Instructions:
        """Stripe's hosted page for all of the payment's amount."""
        with speaking():
            session = client(payment.merchant.livemode).v1.checkout.sessions.create(
                asking.session(payment), {"idempotency_key": payment.public_id}
            )
        return Instructions(session.url or "", session.id)

    def charge(self, payment: Payment) -> Outcome:
        """Charge a saved card or account. Asked again under its key, Stripe says the same."""
        try:
            with speaking():
                intent = client(payment.merchant.livemode).v1.payment_intents.create(
                    asking.charge(payment), {"idempotency_key": payment.public_id}
                )
        except stripe.CardError as error:
            return reading.decline(error)
        return reading.intent_outcome(intent)

    def cancel(self, payment: Payment) -> Outcome:
        """Close the hosted page; a payer who got through first has won."""
        if not payment.provider_reference:
            return self.look(payment)
        try:
            with speaking():
                client(payment.merchant.livemode).v1.checkout.sessions.expire(
                    payment.provider_reference
                )
        except NoAnswer:
            raise
        except RailError:
            # Only an open page can be closed; how this one ended is looked up.
            pass
        return self.look(payment)

    def look(self, payment: Payment) -> Outcome:
        """What became of a visit or a charge, found by its metadata if its name was never heard."""
        stripes = client(payment.merchant.livemode)
        with speaking():
            if payment.is_charge:
                intent = self._intent(stripes, payment)
                if intent is None:
                    return self._never_arrived(payment)
                return reading.intent_outcome(intent)
            reference = payment.provider_reference or self._session_of(stripes, payment)
            if not reference:
                return self._never_arrived(payment)
            session = stripes.v1.checkout.sessions.retrieve(reference, {"expand": asking.SESSION})
        return reading.session_outcome(session)

    def refund(self, refund: Refund) -> RefundOutcome:
        """Give some or all of a payment back to its card or account."""
        with speaking():
            made = client(refund.merchant.livemode).v1.refunds.create(
                asking.refund(refund), {"idempotency_key": refund.public_id}
            )
        return reading.refund_outcome(made)

    def look_at_refund(self, refund: Refund) -> RefundOutcome:
        """What became of a refund, found by its metadata if its name was never heard."""
        stripes = client(refund.merchant.livemode)
        with speaking():
            if refund.provider_reference:
                found = stripes.v1.refunds.retrieve(refund.provider_reference)
                return reading.refund_outcome(found)
            for one in stripes.v1.refunds.list(
                {"payment_intent": asking.money(refund), "limit": 100}
            ).auto_paging_iter():
                if _says(one, "refund_id", refund.public_id):
                    return reading.refund_outcome(one)
        if _still_coming(refund.asked_at):
            return RefundOutcome(State.UNKNOWN)
        # It never arrived: asking again is the first time that Stripe hears of it.
        return self.refund(refund)

    def find_refund(self, reference: str, livemode: bool) -> RefundOutcome:
        """A refund that was begun at Stripe's own desk."""
        with speaking():
            return reading.refund_outcome(client(livemode).v1.refunds.retrieve(reference))

    def find_payment(self, money_reference: str, livemode: bool) -> Outcome:
        """Money that Stripe took for a payment that is not known here."""
        with speaking():
            intent = client(livemode).v1.payment_intents.retrieve(
                money_reference, {"expand": asking.INTENT}
            )
        said = intent.metadata.to_dict() if intent.metadata else {}
        return replace(
            reading.intent_outcome(intent),
            payment_id=str(said.get("payment_id", "")),
            merchant_id=str(said.get("merchant_id", "")),
        )

    def enroll(self, customer: ProviderCustomer) -> str:
        """Make a customer known to Stripe."""
        with speaking():
            made = client(customer.customer.merchant.livemode).v1.customers.create(
                asking.customer(customer), {"idempotency_key": customer.public_id}
            )
        return made.id

    def save(self, setup: MethodSetup, customer: ProviderCustomer) -> Instructions:
        """Stripe's hosted page for saving a card or account."""
        with speaking():
            session = client(setup.merchant.livemode).v1.checkout.sessions.create(
                asking.setup(setup, customer), {"idempotency_key": setup.public_id}
            )
        return Instructions(session.url or "", session.id)

    def look_at_setup(self, setup: MethodSetup) -> tuple[State, Method | None]:
        """What became of a visit to save a method."""
        stripes = client(setup.merchant.livemode)
        with speaking():
            reference = setup.provider_reference or self._page_of(stripes, setup)
            if not reference:
                coming = clock.now(setup.merchant) - setup.created_at < IN_TRANSIT
                return State.PENDING if coming else State.CANCELED, None
            session = stripes.v1.checkout.sessions.retrieve(
                reference, {"expand": ["setup_intent.payment_method"]}
            )
        if session.status == "expired":
            return State.CANCELED, None
        intent = session.setup_intent
        if session.status != "complete" or not isinstance(intent, stripe.SetupIntent):
            return State.PENDING, None
        used = intent.payment_method
        if intent.status != "succeeded" or not isinstance(used, stripe.PaymentMethod):
            return State.PENDING, None
        return State.SUCCEEDED, reading.method(used)

    def look_at_method(self, method: PaymentMethod) -> Method | None:
        """How a saved method stands at Stripe."""
        try:
            with speaking():
                found = client(method.merchant.livemode).v1.payment_methods.retrieve(
                    method.provider_reference
                )
        except RailError as error:
            if error.code == "resource_missing":
                return None
            raise
        return reading.method(found)

    def detach(self, method: PaymentMethod) -> None:
        """Forget a saved method."""
        try:
            with speaking():
                client(method.merchant.livemode).v1.payment_methods.detach(
                    method.provider_reference
                )
        except RailError as error:
            # One that is attached to nobody any more is refused, and that is what was wanted.
            if not error.permanent:
                raise

    def look_at_dispute(self, reference: str, livemode: bool) -> DisputeOutcome:
        """How a dispute stands."""
        with speaking():
            found = client(livemode).v1.disputes.retrieve(reference)
        return reading.dispute_outcome(found)

    def answer(self, submission: DisputeSubmission) -> DisputeOutcome:
        """Hand the merchant's evidence to the bank, or concede the dispute."""
        dispute = submission.dispute
        stripes = client(dispute.merchant.livemode)
        key: RequestOptions = {"idempotency_key": submission.public_id}
        with speaking():
            found = stripes.v1.disputes.retrieve(dispute.provider_reference)
            if _has_answered(found, submission):
                return reading.dispute_outcome(found)
            if submission.concede:
                made = stripes.v1.disputes.close(dispute.provider_reference, None, key)
                return reading.dispute_outcome(made)
            evidence: Any = dict(submission.evidence)
            for file in dispute.files.all():
                uploaded = stripes.v1.files.create(
                    {"purpose": "dispute_evidence", "file": _document(file)},
                    {"idempotency_key": f"{submission.public_id}-{file.pk}"},
                )
                evidence[file.field] = uploaded.id
            made = stripes.v1.disputes.update(
                dispute.provider_reference,
                {
                    "evidence": evidence,
                    "submit": True,
                    "metadata": {**asking.instance(), "submission_id": submission.public_id},
                },
                key,
            )
        return reading.dispute_outcome(made)

    def look_at_payout(self, reference: str, livemode: bool) -> PayoutOutcome:
        """A transfer to the operator's bank, with its movements as far as they are sorted."""
        stripes = client(livemode)
        with speaking():
            payout = stripes.v1.payouts.retrieve(reference)
            movements = None
            if payout.automatic:
                listed = stripes.v1.balance_transactions.list(
                    {"payout": payout.id, "limit": 100, "expand": ["data.source"]}
                )
                movements = list(listed.auto_paging_iter())
        return reading.payout_outcome(payout, movements)

    def missed(self) -> Iterable[Received]:
        """Events of the last days that Stripe could not deliver."""
        since = int((clock.wall() - MISSED_FOR).timestamp())
        for account in accounts():
            with speaking():
                listed = client(account.livemode).v1.events.list(
                    {"delivery_success": False, "created": {"gte": since}, "limit": 100}
                )
                for event in listed.auto_paging_iter():
                    yield Received(event.id, json.dumps(event.to_dict()))

    def accept(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Check an event's signature and age, and that it is about our own account."""
        return notices.accept(body, headers.get("Stripe-Signature", ""))

    def read(self, body: bytes, headers: Mapping[str, str]) -> Word:
        """What an event is about."""
        return notices.read(body)

    def _intent(
        self, stripes: stripe.StripeClient, payment: Payment
    ) -> stripe.PaymentIntent | None:
        reference = payment.money_reference or payment.provider_reference
        if not reference:
            listed = stripes.v1.payment_intents.list(asking.charges_around(payment))
            found = (one for one in listed.auto_paging_iter() if _is_of(one, payment))
            reference = next((one.id for one in found), "")
        if not reference:
            return None
        return stripes.v1.payment_intents.retrieve(reference, {"expand": asking.INTENT})

    def _session_of(self, stripes: stripe.StripeClient, payment: Payment) -> str:
        listed = stripes.v1.checkout.sessions.list(asking.sessions_around(payment))
        found = (one for one in listed.auto_paging_iter() if _is_of(one, payment))
        return next((one.id for one in found), "")

    def _page_of(self, stripes: stripe.StripeClient, setup: MethodSetup) -> str:
        known = asking.known_as(setup.customer_id)
        if not known:
            return ""
        listed = stripes.v1.checkout.sessions.list({"customer": known, "limit": 100})
        found = (
            one for one in listed.auto_paging_iter() if _says(one, "setup_id", setup.public_id)
        )
        return next((one.id for one in found), "")

    def _never_arrived(self, payment: Payment) -> Outcome:
        """Stripe knows nothing of it: not yet, or for good."""
        if _still_coming(payment.asked_at):
            return Outcome(State.UNKNOWN if payment.is_charge else State.PENDING)
        return Outcome(State.CANCELED, failure_code="never_arrived")


def _is_of(found: Any, payment: Payment) -> bool:
    return _says(found, "payment_id", payment.public_id)


def _says(found: Any, name: str, public_id: str) -> bool:
    return bool(found.metadata) and found.metadata.to_dict().get(name) == public_id


def _has_answered(found: stripe.Dispute, submission: DisputeSubmission) -> bool:
    """Whether Stripe has this answer: it is taken once, and keys do not live as long as a case."""
    if submission.concede:
        return found.status == "lost"
    return _says(found, "submission_id", submission.public_id)


def _document(file: DisputeFile) -> BytesIO:
    """A document under a name of our own: what people call their files has no place in a header."""
    document = BytesIO(bytes(file.content))
    document.name = f"{file.field}.{_ENDINGS[file.content_type]}"
    return document


def _still_coming(asked_at: datetime | None) -> bool:
    return asked_at is not None and clock.wall() - asked_at < IN_TRANSIT
