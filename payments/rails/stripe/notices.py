"""Stripe's events: whether they are genuine, and what they are about."""

import json
from typing import Any, Final

import stripe

from invoicing import clock
from payments.rails.rail import About, BadNotice, Word
from payments.rails.stripe.client import accounts

# How old a signature may be: an event that is older is somebody repeating what they overheard, and
# one that is as far ahead could be repeated for as long.
TOLERANCE_SECONDS: Final = 300
_IDS: Final = {
    About.PAYMENT: "payment_id",
    About.REFUND: "refund_id",
    About.SETUP: "setup_id",
}
_ABOUT: Final = {
    "payment_intent": About.PAYMENT,
    "charge": About.PAYMENT,
    "refund": About.REFUND,
    "dispute": About.DISPUTE,
    "setup_intent": About.SETUP,
    "payment_method": About.METHOD,
    "payout": About.PAYOUT,
}


def accept(body: bytes, signature: str) -> str:
    """The event's id, once its signature, age, account and mode are what they should be."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadNotice("The event is not UTF-8.") from None
    for account in accounts():
        if not account.webhook_secret:
            continue
        try:
            stripe.WebhookSignature.verify_header(text, signature, account.webhook_secret)
        except stripe.SignatureVerificationError:
            continue
        age = clock.wall().timestamp() - _signed_at(signature)
        if age > TOLERANCE_SECONDS:
            raise BadNotice("The event's signature is too old: more than five minutes.")
        if age < -TOLERANCE_SECONDS:
            raise BadNotice(
                "The event's signature is more than five minutes in the future; one of the two "
                "clocks is wrong."
            )
        event = _parsed(text)
        if event.get("account"):
            raise BadNotice("The event is about another account.")
        if bool(event.get("livemode")) != account.livemode:
            raise BadNotice("The event is of the other mode, live or test.")
        return str(event["id"])
    raise BadNotice("The event's signature is missing or wrong.")


def read(body: bytes) -> Word:
    """What an event is about; its object only says where to look."""
    event = _parsed(body.decode())
    found: dict[str, Any] = event["data"]["object"]
    kind, name = str(event["type"]), found.get("object", "")
    metadata = found.get("metadata") or {}
    about = _ABOUT.get(name, About.NOTHING)
    if name == "checkout.session":
        about = About.SETUP if found.get("mode") == "setup" else About.PAYMENT
    money = found.get("id") if name == "payment_intent" else found.get("payment_intent")
    return Word(
        about,
        kind,
        id=str(metadata.get(_IDS.get(about, ""), "")),
        reference=str(found.get("id", "")),
        money_reference=money if isinstance(money, str) else "",
        livemode=bool(event.get("livemode")),
        merchant_id=str(metadata.get("merchant_id", "")),
    )


def _signed_at(signature: str) -> int:
    """When it was signed, in seconds: the `t` that the signature vouches for."""
    return next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))


def _parsed(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
        if isinstance(event["id"], str) and isinstance(event["data"]["object"], dict):
            return dict(event)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise BadNotice("This is not an event.")
