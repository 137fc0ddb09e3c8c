"""The seal on every posted entry: a keyed digest over what it says and the seal before it.

Each merchant's entries are a chain, 1, 2, 3 …, and a head row keeps its length and last seal. So
an entry that was changed, removed, put in, moved or cut off is found, even if the database's own
guards were taken away: the key is not in the database.

Keyed BLAKE2b (RFC 7693) with 256 bits, under a key made from KEY_PEPPER. The text that is sealed
is the same on every database.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol, Self

from django.conf import settings

FIRST = ""
_BETWEEN = "\x1f"


class Hash(Protocol):
    """A digest that has taken in its key and can be started from again and again."""

    def copy(self) -> Self: ...
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def keys() -> tuple[Hash, ...]:
    """The key that seals today, then those that sealed before a rotation."""
    return _keys((settings.KEY_PEPPER, *settings.KEY_PEPPER_FALLBACKS))


def instant(at: datetime) -> str:
    """A moment as it is sealed: UTC, without trailing zeros, as both databases can write it."""
    return shortest(str(at.astimezone(UTC).replace(tzinfo=None)))


def shortest(moment: str) -> str:
    """The text of a moment without a fraction's trailing zeros."""
    return moment.rstrip("0") if "." in moment else moment


def posting(source: int, destination: int, amount: int, asset: str) -> str:
    """One posting as it is sealed; accounts by id."""
    return f"{source}>{destination}:{amount} {asset}"


def text(
    merchant: int,
    position: int,
    reference: str,
    kind: str,
    payment: int | None,
    at: str,
    postings: Iterable[str],
) -> str:
    """All that an entry says, in one unmistakable text.

    Raises ValueError for words that hold the separator: two entries could read the same.
    """
    if _BETWEEN in reference or _BETWEEN in kind:
        raise ValueError("an entry's reference and kind may not hold control characters")
    head = f"{merchant}{_BETWEEN}{position}{_BETWEEN}{reference}{_BETWEEN}{kind}"
    return f"{head}{_BETWEEN}{payment or ''}{_BETWEEN}{at}{_BETWEEN}{_BETWEEN.join(postings)}"


def digest(key: Hash, before: str, said: str) -> str:
    """The seal on what was said after the seal before it, as 64 hexadecimal digits."""
    sealing = key.copy()
    sealing.update(f"{before}{_BETWEEN}{said}".encode())
    return sealing.hexdigest()


@lru_cache(maxsize=8)
def _keys(peppers: tuple[str, ...]) -> tuple[Hash, ...]:
    def made_from(pepper: str) -> Hash:
        key = hashlib.blake2b(pepper.encode(), person=b"ledger seal key").digest()
        return hashlib.blake2b(key=key, digest_size=32, person=b"ledger seal")

    return tuple(made_from(pepper) for pepper in peppers)
