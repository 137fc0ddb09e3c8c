"""Idempotency keys, as Stripe documents them.

A key's first answer is kept, errors of the server included, and given again byte for byte for
24 hours. Requests that were never begun (bad parameters, a key in use) leave nothing behind.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.stripe.errors import ApiError, BadRequest
from tests.fakes.stripe.store import Store
from tests.fakes.stripe.world import DAY

LONGEST_KEY = 255


def fingerprint(method: str, path: str, params: object) -> str:
    """What has to be the same for a key to mean the same request."""
    text = json.dumps([method, path, params], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


class KeysInUse:
    """The keys of requests that are being carried out now; a killed server forgets them."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def claimed(self, key: str | None) -> Iterator[None]:
        """Hold a key while its request runs; raises 409 if another request does."""
        if key is None:
            yield
            return
        if len(key) > LONGEST_KEY:
            raise BadRequest(
                f"Idempotency keys may be at most {LONGEST_KEY} characters long.",
                kind="idempotency_error",
            )
        with self._lock:
            if key in self._keys:
                raise ApiError(
                    "There is currently another in-progress request using this Idempotent Key"
                    f" (that probably means you submitted twice, and the other request is still"
                    f" going through): {key}. Please try again later.",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


def replay(store: Store, now: int, key: str, print_: str) -> tuple[int, bytes, str] | None:
    """The kept status, body and first request id; raises if the key meant something else."""
    store.prune_answers(now - DAY)
    kept = store.answer(key)
    if kept is None:
        return None
    first_print, request, status, body = kept
    if first_print != print_:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{key}' if you meant to execute a"
            " different request.",
            kind="idempotency_error",
        )
    return status, body, request
