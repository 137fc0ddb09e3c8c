"""The test twin's way to pay: a card page whose cards do as they are told."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from payments.models import Payment, Refund, SandboxRefund, SandboxSession
from payments.rails.rail import (
    About,
    BadNotice,
    Instructions,
    Outcome,
    Rail,
    RefundOutcome,
    State,
    Word,
)
from payments.sandbox import provider

_STATES = {
    "open": State.PENDING,
    "authenticating": State.PENDING,
    "silent": State.UNKNOWN,
    "succeeded": State.SUCCEEDED,
    "canceled": State.CANCELED,
}


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
        )
        return Instructions(provider.page_url(session), session.public_id)

    def cancel(self, payment: Payment) -> Outcome:
        """Close the card page; a card that got through first has won."""
        return _outcome(provider.cancel_session(payment.public_id))

    def look(self, payment: Payment) -> Outcome:
        """What became of the visit."""
        return _outcome(provider.get_session(payment.public_id))

    def read(self, body: bytes, headers: Mapping[str, str]) -> Word:
        """Check the provider's signature, then say which payment it means."""
        expected = hmac.new(provider.notice_secret(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers.get("Sandbox-Signature", "")):
            raise BadNotice("The notice's signature is wrong.")
        notice = json.loads(body)
        return Word(About.PAYMENT, notice["type"], id=notice["key"])

    def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back to the test card."""
        return _refunded(provider.create_refund(refund))

    def look_at_refund(self, refund: Refund) -> RefundOutcome:
        """What became of a refund; one that was never asked for is asked for now."""
        return _refunded(provider.create_refund(refund))


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
    return Outcome(
        _STATES[session.status],
        received=session.amount if session.status == "succeeded" else 0,
        currency=session.currency,
        failure_code=session.decline_code,
        failure_message=provider.decline_message(session.decline_code),
        declined=session.declines,
        method=method if session.card_last4 else {},
    )
