"""What a way to pay must be able to do, and nothing about how it is shown or booked.

A rail knows its provider and nothing else: no HTML, no request, no rows of ours. Its answers are
frozen values, and an answer that did not come is said to be unknown, never to be a failure.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from payments.models import Payment


class State(StrEnum):
    """What a provider says of a payment."""

    PENDING = "pending"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Instructions:
    """How the payer goes on: a URL to visit, and the provider's name for the visit."""

    url: str
    reference: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider says became of a payment. `received` is in minor units of `currency`.

    `declined` counts cards that were refused while the payment itself is still open.
    """

    state: State
    received: int = 0
    currency: str = ""
    provider_fee: int | None = None
    failure_code: str = ""
    failure_message: str = ""
    declined: int = 0
    method: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Word:
    """A notice understood: which payment it is about. What became of it is looked up."""

    payment_id: str
    kind: str


class RailError(Exception):
    """The provider refused what was asked. `permanent` says that asking again cannot help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent


class NoAnswer(RailError):
    """The provider did not answer: whether it did what was asked, only it knows."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class NotSupported(RailError):
    """This way to pay cannot do that."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class BadNotice(RailError):
    """A notice that its signature does not vouch for, or that cannot be understood."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Rail(ABC):
    """One way to pay. Verbs that a provider lacks raise NotSupported."""

    key: str

    def start(self, payment: Payment) -> Instructions:
        """Let the payer begin. Asked twice for one payment, it answers the same."""
        raise NotSupported(f"{self.key} has no page to send a payer to.")

    def cancel(self, payment: Payment) -> Outcome:
        """Let nobody pay this any more, unless they already have."""
        raise NotSupported(f"{self.key} payments cannot be canceled.")

    @abstractmethod
    def look(self, payment: Payment) -> Outcome:
        """Ask what became of a payment: heals lost notices and unknown results."""

    def read(self, body: bytes, headers: Mapping[str, str]) -> Word:
        """Check a notice's signature, then say what it is about. Raises BadNotice."""
        raise NotSupported(f"{self.key} sends no notices.")
