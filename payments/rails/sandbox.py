"""The test twin's way to pay: a card page whose cards do as they are told."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from invoicing import clock
from payments.models import (
    MethodSetup,
    Payment,
    PaymentMethod,
    ProviderCustomer,
    Refund,
    SandboxMethod,
    SandboxRefund,
    SandboxSession,
)
from payments.rails.rail import (
    About,
    Advice,
    BadNotice,
    Instructions,
    Method,
    Outcome,
    Rail,
    RefundOutcome,
    State,
    Word,
)
from payments.rails.stripe.declines import advice_on
from payments.sandbox import provider, saving

_STATES = {
    "open": State.PENDING,
    "authenticating": State.PENDING,
    "silent": State.UNKNOWN,
    "succeeded": State.SUCCEEDED,
    "declined": State.FAILED,
    "canceled": State.CANCELED,
}
_STATES_OF_SETUPS = {"open": State.PENDING, "canceled": State.CANCELED}


class SandboxRail(Rail):
    """Speaks to the sandbox provider as the real rails speak to theirs."""

    key = "sandbox"
    provider = "sandbox"

    def start(self, payment: Payment) -> Instructions:
        """A visit to the sandbox's card page; the payment's id is the idempotency key."""
        session = provider.create_session(
            key=payment.public_id,
            merchant=payment.merchant,
            amount=payment.amount,
            currency=payment.currency,
            description=str(payment.invoice),
            return_path=f"/i/{payment.invoice.slug}/return",
            keep_for=_known_as(payment) if payment.keeps_method else "",
        )
        return Instructions(provider.page_url(session), session.public_id)

    def charge(self, payment: Payment) -> Outcome:
        """Charge a saved card. Asked again under its key, the sandbox says the same."""
        session = saving.create_charge(
            key=payment.public_id,
            merchant=payment.merchant,
            method=payment.charged.provider_reference,
            amount=payment.amount,
            currency=payment.currency,
            description=str(payment.invoice),
        )
        return _outcome(session)

    def cancel(self, payment: Payment) -> Outcome:
        """Close the card page; a card that got through first has won."""
        return _outcome(provider.cancel_session(payment.public_id))

    def look(self, payment: Payment) -> Outcome:
        """What became of a visit or a charge; a charge that was never asked for is called off."""
        if not payment.is_charge:
            return _outcome(provider.get_session(payment.public_id))
        session = saving.get_charge(
            key=payment.public_id,
            merchant=payment.merchant,
            method=payment.charged.provider_reference,
            amount=payment.amount,
            currency=payment.currency,
        )
        return _outcome(session)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Word:
        """Check the provider's signature, then say which payment or visit it means."""
        expected = hmac.new(provider.notice_secret(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers.get("Sandbox-Signature", "")):
            raise BadNotice("The notice's signature is wrong.")
        notice = json.loads(body)
        about = About.SETUP if notice["type"].startswith("setup.") else About.PAYMENT
        return Word(about, notice["type"], id=notice["key"])

    def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back to the test card."""
        return _refunded(provider.create_refund(refund))

    def look_at_refund(self, refund: Refund) -> RefundOutcome:
        """What became of a refund; one that was never asked for is asked for now."""
        return _refunded(provider.create_refund(refund))

    def enroll(self, customer: ProviderCustomer) -> str:
        """The sandbox's name for a customer, always the same."""
        return customer.public_id.replace("pcu_", "sbc_")

    def save(self, setup: MethodSetup, customer: ProviderCustomer) -> Instructions:
        """The sandbox's page to leave a test card on."""
        page = saving.create_setup(
            key=setup.public_id,
            merchant=setup.merchant,
            customer=customer.reference,
            return_url=setup.return_path or "/",
        )
        return Instructions(saving.page_url(page), page.public_id)

    def look_at_setup(self, setup: MethodSetup) -> tuple[State, Method | None]:
        """What became of a visit to save a card; one that never began is given up like others."""
        page = saving.get_setup(key=setup.public_id)
        if page is None:
            is_over = clock.now(setup.merchant) - setup.created_at >= provider.SESSION_LIFE
            return State.CANCELED if is_over else State.PENDING, None
        if page.method is not None:
            return State.SUCCEEDED, _method(page.method)
        return _STATES_OF_SETUPS[page.status], None

    def look_at_method(self, method: PaymentMethod) -> Method | None:
        """How a saved card stands."""
        kept = saving.get_method(method.provider_reference)
        return _method(kept) if kept else None

    def detach(self, method: PaymentMethod) -> None:
        """Forget a saved card."""
        saving.detach(method.provider_reference)


def _known_as(payment: Payment) -> str:
    """The sandbox's name for the payer whose card is kept."""
    known = ProviderCustomer.objects.get(customer=payment.invoice.customer, provider="sandbox")
    return known.reference


def _method(kept: SandboxMethod) -> Method:
    active = kept.detached_at is None
    return Method("sandbox", kept.public_id, saving.details_of(kept), active=active)


def _refunded(made: SandboxRefund) -> RefundOutcome:
    return RefundOutcome(
        State(made.status),
        made.public_id,
        failure_code=made.failure_code,
        failure_message=provider.decline_message(made.failure_code),
        amount=made.amount,
    )


def _outcome(session: SandboxSession | None) -> Outcome:
    if session is None:
        # Never asked, or the asking never arrived: nothing can have been taken.
        return Outcome(State.CANCELED)
    method = {"type": "card", "brand": session.card_brand, "last4": session.card_last4}
    if session.method is not None:
        method = saving.details_of(session.method)
    return Outcome(
        _STATES[session.status],
        received=session.amount if session.status == "succeeded" else 0,
        currency=session.currency,
        failure_code=session.decline_code,
        failure_message=provider.decline_message(session.decline_code),
        advice=_advice(session),
        declined=session.declines,
        method=method if session.card_last4 else {},
        saved=_method(session.kept) if session.kept and session.status == "succeeded" else None,
        reference=session.public_id,
    )


def _advice(session: SandboxSession) -> Advice | None:
    """What a charge of a saved card that took nothing means for another try."""
    if session.method_id is None or not session.decline_code:
        return None
    return advice_on("", session.decline_code, "")
