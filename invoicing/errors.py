"""What can go wrong in the domain, said so that a person or a bot can put it right.

The doors decide how an error looks on their wire; nothing here knows about HTTP.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

# Enough to put a form right; a body of nothing but mistakes must not be answered at its length.
MAX_FIELDS: Final = 50


class BillhookError(Exception):
    """An action refused to happen; nothing was changed."""

    code = "error"

    def __init__(
        self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = dict(details or {})


class ValidationFailed(BillhookError):
    """Some of the input is not acceptable; `details["fields"]` names each field and the remedy."""

    code = "validation_error"

    def __init__(self, fields: Sequence[tuple[str, str]], message: str | None = None) -> None:
        self.fields = list(fields)
        first_field, first_message = self.fields[0]
        super().__init__(
            message or (f"{first_field}: {first_message}" if first_field else first_message),
            details={"fields": [{"field": f, "message": m} for f, m in self.fields[:MAX_FIELDS]]},
        )


class NotFound(BillhookError):
    """There is no such object here, or it belongs to somebody else: the answer is the same."""

    code = "not_found"


class InvalidState(BillhookError):
    """The object is in a state from which this cannot happen."""

    code = "invalid_state"


class Conflict(BillhookError):
    """Something else holds what was asked for."""

    code = "conflict"


class DuplicateIntent(Conflict):
    """A bot asks for what it has asked for already; `details` say what came of the first."""

    code = "duplicate_intent"


class OffLimits(BillhookError):
    """A bot may not do this by itself; the message names what its leash allows."""

    code = "off_limits"


class MissingPermission(BillhookError):
    """Whoever asks may not do this; the message names the permission that would allow it."""

    code = "missing_permission"

    def __init__(self, permission: str, subject: str = "This") -> None:
        super().__init__(
            f"{subject} needs the permission {permission}.", details={"permission": permission}
        )


class OnlyInTestMode(BillhookError):
    """This is for rehearsals, and the merchant is a live one."""

    code = "test_mode_only"


class NotConfigured(BillhookError):
    """The merchant has not set up what this needs."""

    code = "not_configured"


class ProviderFailed(BillhookError):
    """A provider that this needs refused, or did not answer."""

    code = "provider_failed"


class Unavailable(BillhookError):
    """A part of this installation did not answer in time; asking again may help."""

    code = "unavailable"


class IdempotencyMismatch(BillhookError):
    """The same idempotency key came with a different request."""

    code = "idempotency_mismatch"


class IdempotencyInFlight(BillhookError):
    """The first request with this idempotency key has not finished yet."""

    code = "idempotency_in_flight"
