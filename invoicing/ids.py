"""Names for things: public ids, slugs and secrets, all drawn from one replaceable source.

A simulation puts a seeded source in place of the system's randomness, so a run can be repeated.
"""

import secrets
import uuid
from collections.abc import Callable

random_bytes: Callable[[int], bytes] = secrets.token_bytes

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def public_id(prefix: str) -> str:
    """A public id such as inv_9f86d081884c7d659a2feaa0: the prefix and 96 random bits."""
    return f"{prefix}_{random_bytes(12).hex()}"


def slug() -> str:
    """A payer's capability: 128 random bits, which nobody guesses."""
    return random_bytes(16).hex()


def new_uuid() -> uuid.UUID:
    """A random (version 4) UUID."""
    return uuid.UUID(bytes=random_bytes(16), version=4)


def secret_text(length: int) -> str:
    """Random letters and digits, 5.95 bits each."""
    letters: list[str] = []
    while len(letters) < length:
        # Bytes of 248 and above would favour the first letters.
        letters += [_BASE62[byte % 62] for byte in random_bytes(length) if byte < 248]
    return "".join(letters[:length])
