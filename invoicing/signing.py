"""Signatures and retry times of outgoing webhooks, by Standard Webhooks 1.0.0.

Whoever knows an endpoint's secret can verify that a message came from here and when, with any
of the standard's client libraries.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, Protocol

from invoicing import ids

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the form of a secret, not one
# Seconds to wait before each attempt, counted from the one before: ten attempts in three days.
RETRY_DELAYS_SECONDS: Final = (
    0,
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
)
MAX_RETRY_AFTER_SECONDS: Final = 24 * 3600


class Chance(Protocol):
    """Where randomness comes from: the `random` module, or a seeded random.Random."""

    def random(self) -> float:
        """A number from 0 up to, but not including, 1."""
        ...


def new_secret() -> str:
    """A signing secret for one endpoint: 256 random bits, as whsec_ and base64."""
    return SECRET_PREFIX + base64.b64encode(ids.random_bytes(32)).decode()


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The webhook-signature header: one signature per secret, separated by spaces.

    While a secret is being rotated, both the new and the old one sign, and receivers accept
    either. `timestamp` is Unix seconds of this attempt. Raises ValueError for a malformed
    secret, for none at all, and for a message id with a full stop, which would let the signed
    text be read in two ways.
    """
    if not secrets:
        raise ValueError("A webhook is signed with at least one secret.")
    if not message_id or "." in message_id:
        raise ValueError("A message id has at least one character and no full stop.")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt, whose id is that of every attempt. Raises ValueError."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
    }


def next_delay(attempts_made: int, *, jitter: Chance, retry_after: int | None = None) -> int | None:
    """Seconds to wait before the next attempt, or None when there is to be none.

    `retry_after`, the seconds a receiver asked for, lengthens the wait but never shortens it,
    and counts up to 24 hours. Up to a tenth is added at random, so that the messages held up by
    one outage do not all return in the same instant.
    """
    if attempts_made < 0:
        raise ValueError("The number of attempts made is never negative.")
    if attempts_made >= len(RETRY_DELAYS_SECONDS):
        return None
    asked = min(retry_after or 0, MAX_RETRY_AFTER_SECONDS)
    delay = max(RETRY_DELAYS_SECONDS[attempts_made], asked)
    return delay + int(delay * jitter.random() / 10)


def _signature(secret: str, signed: bytes) -> str:
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    # The secret itself is never part of a message: messages end in logs.
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("A webhook secret begins with whsec_.")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        raise ValueError("After whsec_, a webhook secret is base64.") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("A webhook secret holds 24 to 64 bytes.")
    return key
