"""The sandbox provider's saved cards: left on a page of its own, charged while nobody is there.

One key, one charge, one result: what becomes of a charge is decided when it is first asked for,
and kept with it.
"""

from typing import Any

from django.db import transaction

from invoicing import clock
from invoicing.models import Merchant
from invoicing.representations import public_url
from payments.models import SandboxMethod as Method
from payments.models import SandboxSession as Session
from payments.models import SandboxSetup as Setup
from payments.rails.rail import NoAnswer, RailError
from payments.rails.stripe import amounts
from payments.sandbox import provider
from payments.sandbox.cards import BY_LAST4, BY_NUMBER, Card, Step
from payments.sandbox.provider import Expiry


def create_setup(*, key: str, merchant: Merchant, customer: str, return_url: str) -> Setup:
    """Open a page to leave a card on, or find the one that this key has opened before."""
    at = clock.now(merchant)
    setup, _ = Setup.objects.get_or_create(
        key=key,
        defaults={
            "merchant": merchant,
            "customer_reference": customer,
            "return_url": return_url,
            "created_at": at,
            "expires_at": at + provider.SESSION_LIFE,
        },
    )
    return setup


def get_setup(**where: str) -> Setup | None:
    """A visit by its key or by its page's address, as it stands now."""
    with transaction.atomic():
        setup = _locked_setup(**where)
        if setup is not None:
            _let_time_pass(setup)
        return setup


def leave_card(public_id: str, number: str, expiry: Expiry | None = None) -> Setup:
    """Leave a card on the page. A visit leaves one card at most."""
    with transaction.atomic():
        setup = _locked_setup(public_id=public_id)
        if setup is None or setup.status != Setup.Status.OPEN:
            return setup or Setup()
        card = BY_NUMBER.get(number)
        setup.decline_code = card.decline_code if card else "unknown_card"
        if expiry and provider.has_expired(setup.merchant, *expiry):
            setup.decline_code = setup.decline_code or "expired_card"
        if card is not None and not setup.decline_code:
            _keep(setup, card, expiry)
        setup.save()
        return setup


def create_charge(
    *,
    key: str,
    merchant: Merchant,
    method: str,
    amount: int,
    currency: str,
    description: str,
) -> Session:
    """Charge a saved card, or say again what became of the charge under this key.

    Raises NoAnswer while nobody knows, RailError for a card that is not kept here any more.
    """
    with transaction.atomic():
        kept = _locked_method(method)
        known = provider.get_session(key)
        if known is None and kept.detached_at is not None:
            raise RailError(
                "This card was removed, so it cannot be charged.",
                permanent=True,
                code="payment_method_detached",
            )
        session = known or _begin(key, merchant, kept, amount, currency, description)
        if known is None:
            _act(session, _next_step(kept, amount, currency))
            session.save()
    if session.status == Session.Status.SILENT:
        raise NoAnswer("The sandbox does not answer; ask later what became of this charge.")
    return session


def get_charge(*, key: str, merchant: Merchant, method: str, amount: int, currency: str) -> Session:
    """What became of a charge. One that was never asked for is called off here and now.

    So it is certain that a charge which is still on its way takes nothing when it comes.
    """
    with transaction.atomic():
        kept = _locked_method(method)
        session = provider.get_session(key)
        if session is None:
            session = _begin(key, merchant, kept, amount, currency, "")
            session.status = Session.Status.CANCELED
            session.decline_code = "never_arrived"
            session.save()
        return session


def get_method(public_id: str) -> Method | None:
    """A saved card."""
    return Method.objects.filter(public_id=public_id).first()


def detach(public_id: str) -> None:
    """Charge a card no more."""
    with transaction.atomic():
        kept = _locked_method(public_id)
        if kept.detached_at is None:
            kept.detached_at = clock.now(kept.merchant)
            kept.save()


def details_of(method: Method) -> dict[str, Any]:
    """What tells a saved card apart."""
    return {
        "type": "card",
        "brand": method.card_brand,
        "last4": method.card_last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
    }


def page_url(setup: Setup) -> str:
    """Where the payer finds the page to leave a card on."""
    return public_url(f"/sandbox/setup/{setup.public_id}")


def _keep(setup: Setup, card: Card, expiry: Expiry | None) -> None:
    setup.method = provider.keep_card(setup.merchant, setup.customer_reference, card, expiry)
    setup.status = Setup.Status.SUCCEEDED
    provider.notify(setup.key, "setup.succeeded")


def _begin(
    key: str, merchant: Merchant, kept: Method, amount: int, currency: str, description: str
) -> Session:
    at = clock.now(merchant)
    return Session(
        key=key,
        merchant=merchant,
        method=kept,
        amount=amount,
        currency=currency,
        description=description,
        card_brand=kept.card_brand,
        card_last4=kept.card_last4,
        created_at=at,
        expires_at=at,
    )


def _next_step(kept: Method, amount: int, currency: str) -> Step:
    """What becomes of this charge: what was decided for it, or what the card's number says.

    What no provider charges is declined, whatever was decided, and so is a card that has expired.
    """
    if code := amounts.refusal("sandbox", amount, currency):
        return Step("decline", code)
    if provider.has_expired(kept.merchant, kept.exp_month, kept.exp_year):
        return Step("decline", "expired_card")
    if not kept.next:
        return BY_LAST4[kept.card_last4].charged
    step = Step(**kept.next[0])
    kept.next = kept.next[1:]
    kept.save()
    return step


def _act(session: Session, step: Step) -> None:
    if step.outcome == "succeed":
        provider.succeed(session)
    elif step.outcome == "silence":
        provider.fall_silent(session, paid=step.then == "succeed")
    else:
        provider.decline(session, step.code or "authentication_required")
        session.status = Session.Status.DECLINED


def _let_time_pass(setup: Setup) -> None:
    if setup.status == Setup.Status.OPEN and setup.expires_at <= clock.now(setup.merchant):
        setup.status = Setup.Status.CANCELED
        setup.save()


def _locked_setup(**where: str) -> Setup | None:
    return (
        Setup.objects.select_related("merchant", "method")
        .select_for_update(of=("self",))
        .filter(**where)
        .first()
    )


def _locked_method(public_id: str) -> Method:
    kept = (
        Method.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(public_id=public_id)
        .first()
    )
    if kept is None:
        raise RailError("The sandbox knows no such card.", permanent=True, code="resource_missing")
    return kept
