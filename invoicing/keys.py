"""API keys and mailed tokens: made once, kept as an HMAC, checked in constant time."""

import hashlib
import hmac

from django.conf import settings

from invoicing import ids

_PREFIX_LETTERS = 8
_SECRET_LETTERS = 43  # 256 bits


def new_key(*, livemode: bool) -> tuple[str, str]:
    """A fresh key and the prefix it is found by: bh_test_AbCdEfGh… ."""
    prefix = f"bh_{'live' if livemode else 'test'}_{ids.secret_text(_PREFIX_LETTERS)}"
    return prefix + ids.secret_text(_SECRET_LETTERS), prefix


def prefix_of(key: str) -> str:
    """The part of a presented key by which its row is found."""
    return key[: len("bh_test_") + _PREFIX_LETTERS]


def digest(secret: str) -> str:
    """HMAC-SHA-256 under the instance's pepper, which no copy of the database contains."""
    return hmac.new(settings.KEY_PEPPER.encode(), secret.encode(), hashlib.sha256).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """Whether a presented secret is the kept one, without telling how far it was right."""
    return hmac.compare_digest(digest(secret), kept)
