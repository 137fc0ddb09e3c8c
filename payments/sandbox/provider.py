"""The sandbox provider's side: sessions, cards and notices, in its own rows.

Billhook speaks to it only through the sandbox rail and hears of it only through signed notices,
exactly as with a provider out on the network. It keeps its word: one key, one session, one result.
"""

import hashlib
import hmac
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from invoicing import clock, ids
from invoicing.doorbell import ring
from invoicing.models import Merchant
from invoicing.representations import public_url
from payments.models import Notice, Refund, SandboxRefund
from payments.models import SandboxMethod as Method
from payments.models import SandboxSession as Session
from payments.rails.rail import RailError
from payments.sandbox.cards import BY_NUMBER, DECLINES, Behaviour, Card

SESSION_LIFE = timedelta(hours=24)
SILENCE = timedelta(minutes=10)
YEARS_VALID = 4

# The last month in which a card is good, and its year.
Expiry = tuple[int, int]


def create_session(
    *,
    key: str,
    merchant: Merchant,
    amount: int,
    currency: str,
    description: str,
    return_path: str,
    keep_for: str = "",
) -> Session:
    """Open a card page, or find the one that this key has opened before.

    `keep_for` is the name of the customer for whom the card that pays is kept.
    """
    at = clock.now(merchant)
    session, _ = Session.objects.get_or_create(
        key=key,
        defaults={
            "merchant": merchant,
            "amount": amount,
            "currency": currency,
            "description": description,
            "return_url": return_path,
            "keep_for": keep_for,
            "created_at": at,
            "expires_at": at + SESSION_LIFE,
        },
    )
    return session


def get_session(key: str) -> Session | None:
    """The session of this key as it stands now; silence and opening hours end by the clock."""
    with transaction.atomic():
        session = _locked(key=key)
        if session is not None:
            _let_time_pass(session)
        return session


def cancel_session(key: str) -> Session | None:
    """Close a card page on which nothing was paid yet."""
    with transaction.atomic():
        session = _locked(key=key)
        if session is not None:
            _let_time_pass(session)
            if session.status in {Session.Status.OPEN, Session.Status.AUTHENTICATING}:
                session.status = Session.Status.CANCELED
                session.save()
        return session


def open_session(public_id: str) -> Session | None:
    """The session behind a card page's address."""
    with transaction.atomic():
        session = _locked(public_id=public_id)
        if session is not None:
            _let_time_pass(session)
        return session


def submit_card(public_id: str, number: str, expiry: Expiry | None = None) -> Session:
    """Use a card on the page: the heart of the rehearsal. A session is paid at most once."""
    with transaction.atomic():
        session = _locked(public_id=public_id)
        if session is None or session.status != Session.Status.OPEN:
            return session or Session()
        card = BY_NUMBER.get(number)
        session.decline_code = ""
        if card is None:
            decline(session, "unknown_card")
        elif expiry and has_expired(session.merchant, *expiry):
            decline(session, "expired_card")
        else:
            session.card_brand, session.card_last4 = card.brand, card.last4
            session.kept = None
            if session.keep_for and card.behaviour != Behaviour.DECLINE:
                session.kept = keep_card(session.merchant, session.keep_for, card, expiry)
            _behave(session, card)
        session.save()
        return session


def answer_authentication(public_id: str, *, approved: bool) -> Session:
    """The cardholder's word at the bank's own page."""
    with transaction.atomic():
        session = _locked(public_id=public_id)
        if session is None or session.status != Session.Status.AUTHENTICATING:
            return session or Session()
        session.status = Session.Status.OPEN
        if approved:
            succeed(session)
        else:
            decline(session, "authentication_failed")
        session.save()
        return session


def create_refund(refund: Refund) -> SandboxRefund:
    """Give money back, or find what was given back under this key.

    A card that never got as much refuses it.
    """
    with transaction.atomic():
        session = _locked(key=refund.paid.public_id)
        if session is None:
            raise RailError("The sandbox knows no such payment.", permanent=True)
        made = SandboxRefund.objects.filter(key=refund.public_id).first()
        if made is None:
            given = session.refunds.filter(status="succeeded").aggregate(sum=Sum("amount"))["sum"]
            paid = session.amount if session.status == Session.Status.SUCCEEDED else 0
            fits = (given or 0) + refund.amount <= paid
            made = SandboxRefund.objects.create(
                key=refund.public_id,
                session=session,
                amount=refund.amount,
                status="succeeded" if fits else "failed",
                failure_code="" if fits else "more_than_was_paid",
                created_at=clock.now(session.merchant),
            )
        return made


def page_url(session: Session) -> str:
    """Where the payer finds the card page."""
    return public_url(f"/sandbox/checkout/{session.public_id}")


def decline_message(code: str) -> str:
    """What a decline code means, for people."""
    return DECLINES.get(code, "")


def notice_secret() -> bytes:
    """What the provider signs its notices with."""
    return hashlib.sha256(b"sandbox notices" + settings.SECRET_KEY.encode()).digest()


def succeed(session: Session) -> None:
    """Take the money."""
    session.status = Session.Status.SUCCEEDED
    notify(session.key, "payment.succeeded")


def last_valid(merchant: Merchant) -> Expiry:
    """The last month of a card that is new on the merchant's clock."""
    return 12, clock.now(merchant).year + YEARS_VALID


def has_expired(merchant: Merchant, month: int, year: int) -> bool:
    """Whether a card's last month is over where the merchant is."""
    today = clock.now(merchant).astimezone(ZoneInfo(merchant.timezone))
    return (year, month) < (today.year, today.month)


def keep_card(
    merchant: Merchant, customer: str, card: Card, expiry: Expiry | None = None
) -> Method:
    """Save a card for later charges; what it does not say of its last month is as on a new one."""
    exp_month, exp_year = expiry or last_valid(merchant)
    return Method.objects.create(
        merchant=merchant,
        customer_reference=customer,
        card_brand=card.brand,
        card_last4=card.last4,
        exp_month=exp_month,
        exp_year=exp_year,
        next=[step.said() for step in card.first],
        created_at=clock.now(merchant),
    )


def decline(session: Session, code: str) -> None:
    """Refuse a card and say why."""
    session.decline_code = code
    session.declines += 1
    notify(session.key, "payment.declined")


def fall_silent(session: Session, *, paid: bool) -> None:
    """Give no answer for a while, then the one that was true all the time."""
    session.status = Session.Status.SILENT
    session.answers_at = clock.now(session.merchant) + SILENCE
    session.has_paid = paid


def notify(key: str, kind: str) -> None:
    """Send a signed notice: a provider's POST, put straight into the inbox of raw notices."""
    body = json.dumps({"id": ids.public_id("sbn"), "type": kind, "key": key})
    signature = hmac.new(notice_secret(), body.encode(), hashlib.sha256).hexdigest()
    at = clock.wall()
    Notice.objects.create(
        rail="sandbox",
        provider_id=json.loads(body)["id"],
        headers={"Sandbox-Signature": signature},
        body=body,
        received_at=at,
        next_attempt_at=at,
    )
    ring("payments.tasks.apply_notices")


def _behave(session: Session, card: Card) -> None:
    if card.behaviour == Behaviour.SUCCEED:
        succeed(session)
    elif card.behaviour == Behaviour.DECLINE:
        decline(session, card.decline_code)
    elif card.behaviour == Behaviour.AUTHENTICATE:
        session.status = Session.Status.AUTHENTICATING
    else:
        fall_silent(session, paid=card.behaviour == Behaviour.SILENT_THEN_SUCCEED)
        notify(session.key, "payment.submitted")


def _let_time_pass(session: Session) -> None:
    at = clock.now(session.merchant)
    if session.status == Session.Status.SILENT and session.answers_at and session.answers_at <= at:
        if session.has_paid:
            session.status = Session.Status.SUCCEEDED
        else:
            session.status, session.decline_code = Session.Status.CANCELED, "timed_out"
        session.save()
    elif session.status in {"open", "authenticating"} and session.expires_at <= at:
        session.status = Session.Status.CANCELED
        session.save()


def _locked(**where: str) -> Session | None:
    return (
        Session.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(**where)
        .first()
    )
