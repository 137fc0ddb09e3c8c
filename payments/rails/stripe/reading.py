"""What Stripe's objects say, in the rails' own words.

Amounts are minor units; three-decimal and zero-decimal currencies are Stripe's own as well.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import stripe

from invoicing import money
from payments.rails.rail import (
    Advice,
    DisputeOutcome,
    Method,
    Outcome,
    PayoutItem,
    PayoutOutcome,
    RefundOutcome,
    State,
)
from payments.rails.stripe.declines import advice_on

RAIL_OF_TYPE: Final = {"card": "card", "us_bank_account": "ach"}
_REFUND_STATES: Final = {
    "pending": State.PENDING,
    "requires_action": State.PENDING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
_DISPUTE_STATUSES: Final = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "under_review",
    "warning_closed": "closed",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
    "prevented": "closed",
}
_PAYOUT_STATUSES: Final = frozenset({"pending", "in_transit", "paid", "failed", "canceled"})


def session_outcome(session: stripe.checkout.Session) -> Outcome:
    """A visit to the hosted page. Needs its payment intent expanded to the balance transaction."""
    intent = session.payment_intent
    if session.status == "expired":
        return Outcome(State.CANCELED, reference=session.id)
    if not isinstance(intent, stripe.PaymentIntent):
        return Outcome(State.PENDING, reference=session.id)
    if session.status == "open":
        return _with(intent_failure(intent, State.PENDING), session, declined=_declined(intent))
    if session.payment_status == "paid":
        return _with(intent_outcome(intent), session)
    if intent.status == "requires_payment_method":
        return _with(intent_failure(intent, State.FAILED), session)
    if intent.status == "canceled":
        return _with(intent_failure(intent, State.CANCELED), session)
    return _with(Outcome(State.PROCESSING, method=_method_of(intent)), session, intent=intent)


def intent_outcome(intent: stripe.PaymentIntent) -> Outcome:
    """A charge of a saved method, or the money behind a visit."""
    if intent.status == "succeeded":
        return _succeeded(intent)
    if intent.status == "processing":
        return Outcome(State.PROCESSING, money_reference=intent.id, method=_method_of(intent))
    if intent.status == "canceled":
        return intent_failure(intent, State.CANCELED)
    # The payer is away: whoever would have to approve or choose again is not there.
    return intent_failure(intent, State.FAILED)


def intent_failure(intent: stripe.PaymentIntent, state: State) -> Outcome:
    """Why nothing was taken, as far as the last try says."""
    error = _plain(intent.last_payment_error)
    if not error:
        asks = intent.status == "requires_action"
        return Outcome(
            state,
            failure_code="authentication_required" if asks and state == State.FAILED else "",
            advice=Advice.CUSTOMER if asks and state == State.FAILED else None,
            money_reference=intent.id,
        )
    code, decline_code = error.get("code") or "", error.get("decline_code") or ""
    return Outcome(
        state,
        failure_code=decline_code or code,
        failure_message=error.get("message") or "",
        advice=advice_on(code, decline_code, error.get("advice_code") or ""),
        money_reference=intent.id,
        method=_described(error.get("payment_method")),
    )


def decline(error: stripe.CardError) -> Outcome:
    """A charge that the card's bank refused."""
    said = _plain(error.error)
    code, decline_code = error.code or "card_declined", said.get("decline_code") or ""
    intent = said.get("payment_intent") or {}
    return Outcome(
        State.FAILED,
        failure_code=decline_code or code,
        failure_message=error.user_message or "",
        advice=advice_on(code, decline_code, said.get("advice_code") or ""),
        money_reference=intent.get("id", ""),
    )


def method(found: stripe.PaymentMethod) -> Method | None:
    """A saved card or bank account; None for a kind that cannot be charged here."""
    rail = RAIL_OF_TYPE.get(found.type)
    if rail is None:
        return None
    # The part for another type is not there at all.
    account = _plain(found).get("us_bank_account") or {}
    blocked = (account.get("status_details") or {}).get("blocked") or {}
    return Method(
        rail,
        found.id,
        _described(found),
        active=not blocked and found.customer is not None,
        blocked_reason=(blocked.get("reason") or "blocked") if blocked else "",
    )


def refund_outcome(refund: stripe.Refund) -> RefundOutcome:
    """A refund."""
    state = _REFUND_STATES.get(refund.status or "", State.UNKNOWN)
    failed = state == State.FAILED
    reason = getattr(refund, "failure_reason", None) or ("canceled" if failed else "")
    return RefundOutcome(
        state,
        refund.id,
        failure_code=reason if failed else "",
        failure_message=reason.replace("_", " ").capitalize() if failed else "",
        amount=refund.amount,
        money_reference=_id_of(refund.payment_intent),
    )


def dispute_outcome(dispute: stripe.Dispute) -> DisputeOutcome:
    """A dispute; what its balance transactions add up to is what is gone at this moment."""
    withdrawn = fee = 0
    for movement in dispute.balance_transactions:
        taken = -movement.amount
        withdrawn += _in_currency_of(dispute, taken, movement)
        fee += _in_currency_of(dispute, movement.fee, movement)
    details = dispute.evidence_details
    due = details.due_by if details else None
    return DisputeOutcome(
        reference=dispute.id,
        money_reference=_id_of(dispute.payment_intent),
        status=_DISPUTE_STATUSES.get(dispute.status, "under_review"),
        reason=dispute.reason,
        amount=dispute.amount,
        withdrawn=min(max(withdrawn, 0), dispute.amount),
        fee=max(fee, 0),
        evidence_due_at=_instant(due) if due else None,
        submitted=bool(details and details.submission_count),
        opened_at=_instant(dispute.created),
    )


def payout_outcome(
    payout: stripe.Payout, movements: list[stripe.BalanceTransaction] | None
) -> PayoutOutcome:
    """A transfer to the operator's bank."""
    items = None
    if movements is not None:
        items = [
            PayoutItem(
                movement.id,
                _money_behind(movement.source),
                movement.type,
                movement.amount,
                movement.fee,
                movement.net,
            )
            for movement in movements
            if not movement.type.startswith("payout")
        ]
    return PayoutOutcome(
        payout.id,
        payout.status if payout.status in _PAYOUT_STATUSES else "pending",
        payout.amount,
        payout.currency.upper(),
        payout.failure_code or "",
        _instant(payout.arrival_date),
        _instant(payout.created),
        items,
        # One that failed is sorted no further: whose money it was must be told all the same.
        is_final=payout.reconciliation_status == "completed" or payout.status == "failed",
    )


def _succeeded(intent: stripe.PaymentIntent) -> Outcome:
    charge = intent.latest_charge
    movement = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    fee = available_at = None
    if isinstance(charge, stripe.Charge) and isinstance(movement, stripe.BalanceTransaction):
        fee = _in_currency_of(charge, movement.fee, movement)
        available_at = _instant(movement.available_on)
    saved = None
    used = intent.payment_method
    if intent.setup_future_usage and intent.customer and isinstance(used, stripe.PaymentMethod):
        saved = method(used)
    return Outcome(
        State.SUCCEEDED,
        received=intent.amount_received,
        currency=intent.currency.upper(),
        provider_fee=fee,
        available_at=available_at,
        money_reference=intent.id,
        method=_method_of(intent),
        saved=saved if saved and saved.active else None,
    )


def _with(
    outcome: Outcome,
    session: stripe.checkout.Session,
    *,
    declined: int = 0,
    intent: stripe.PaymentIntent | None = None,
) -> Outcome:
    """The same, known by the visit that it came from."""
    return Outcome(
        outcome.state,
        received=outcome.received,
        currency=outcome.currency,
        provider_fee=outcome.provider_fee,
        available_at=outcome.available_at,
        failure_code=outcome.failure_code,
        failure_message=outcome.failure_message,
        advice=outcome.advice,
        declined=declined,
        method=outcome.method,
        reference=session.id,
        money_reference=outcome.money_reference or (intent.id if intent else ""),
        saved=outcome.saved,
    )


def _declined(intent: stripe.PaymentIntent) -> int:
    """Whether a card was refused on a page that is still open."""
    return 1 if intent.last_payment_error else 0


def _method_of(intent: stripe.PaymentIntent) -> Mapping[str, Any]:
    charge = intent.latest_charge
    if isinstance(charge, stripe.Charge) and charge.payment_method_details:
        return _described(charge.payment_method_details)
    return _described(intent.payment_method)


def _described(found: Any) -> dict[str, Any]:
    """What tells a card or an account apart, from any of the objects that describe one."""
    found = _plain(found)
    kind = found.get("type")
    if not kind:
        return {}
    if kind == "card":
        card = found["card"]
        return {"type": "card", **_some(card, "brand", "last4", "exp_month", "exp_year", "country")}
    if kind == "us_bank_account":
        account = found["us_bank_account"]
        return {"type": "ach", **_some(account, "bank_name", "last4", "account_type")}
    return {"type": str(kind)}


def _plain(found: Any) -> dict[str, Any]:
    """Stripe's object as a plain mapping; nothing for one that is absent or only named."""
    if isinstance(found, stripe.StripeObject):
        return dict(found.to_dict())
    return found if isinstance(found, dict) else {}


def _some(found: Any, *names: str) -> dict[str, Any]:
    return {name: found[name] for name in names if found.get(name)}


def _in_currency_of(
    what: stripe.Charge | stripe.Dispute, amount: int, movement: stripe.BalanceTransaction
) -> int:
    """An amount of the account's own currency in the payer's, where Stripe has exchanged it.

    By what the whole became: the stated rate does not say in which units it counts.
    """
    if movement.currency == what.currency or not movement.amount:
        return amount
    return money.round_half_up(Decimal(amount) * what.amount / abs(movement.amount))


def _money_behind(source: Any) -> str:
    """The payment intent that a movement's source belongs to."""
    return _id_of(_plain(source).get("payment_intent"))


def _id_of(found: Any) -> str:
    if found is None:
        return ""
    return found if isinstance(found, str) else str(_plain(found).get("id", ""))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
