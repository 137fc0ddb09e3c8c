"""Taking in what providers say: stored as it came, answered at once, applied by a worker."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from invoicing import clock
from invoicing.doorbell import ring
from payments.models import Notice
from payments.rails import PROVIDERS
from payments.rails.rail import NoAnswer, RailError

# What a provider signs with is of no use later: the signature is checked on arrival.
KEPT_HEADERS = ("Sandbox-Signature",)


def take(provider: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Keep a notice whose signature and age are right; False for one that is known already.

    Raises BadNotice.
    """
    notice_id = PROVIDERS[provider].accept(body, headers)
    return _keep(provider, notice_id, body.decode(), headers)


def take_missed(provider: str) -> int:
    """Keep what the provider could not deliver in the last days; how many were new."""
    new = 0
    try:
        for missed in PROVIDERS[provider].missed():
            new += _keep(provider, missed.id, missed.body, {})
    except NoAnswer:
        pass
    except RailError as error:
        if error.permanent:
            raise
    return new


def _keep(provider: str, notice_id: str, body: str, headers: Mapping[str, str]) -> bool:
    at = clock.wall()
    try:
        with transaction.atomic():
            Notice.objects.create(
                rail=provider,
                provider_id=notice_id,
                headers={name: headers[name] for name in KEPT_HEADERS if name in headers},
                body=body,
                received_at=at,
                next_attempt_at=at,
            )
    except IntegrityError:
        return False
    ring("payments.tasks.apply_notices")
    return True
