"""What a way to pay must be able to do, and nothing about how it is shown or booked.

A rail knows its provider and nothing else: no HTML, no request, no rows of ours. Its answers are
frozen values, and an answer that did not come is said to be unknown, never to be a failure.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from payments.models import (
    DisputeSubmission,
    MethodSetup,
    Payment,
    PaymentMethod,
    ProviderCustomer,
    Refund,
)


class State(StrEnum):
    """What a provider says of a payment or a refund."""

    PENDING = "pending"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Advice(StrEnum):
    """What a declined charge means for another try."""

    RETRY = "retry"
    CUSTOMER = "customer"
    NEVER = "never"
    # The method is fine; the provider charges no such amount.
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Instructions:
    """How the payer goes on: a URL to visit, and the provider's name for the visit."""

    url: str
    reference: str


@dataclass(frozen=True, slots=True)
class Method:
    """A saved card or bank account as the provider describes it."""

    rail: str
    reference: str
    details: Mapping[str, Any]
    active: bool = True
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider says became of a payment. `received` is in minor units of `currency`.

    `declined` counts cards that were refused while the payment itself is still open.
    `provider_fee` is None until the provider has said what it takes, in minor units of the same
    currency; `available_at` is when it lets the money go. `saved` is the method that the payer
    agreed to leave for next time. `payment_id` and `merchant_id` are our own public ids where the
    provider knows them.
    """

    state: State
    received: int = 0
    currency: str = ""
    provider_fee: int | None = None
    available_at: datetime | None = None
    failure_code: str = ""
    failure_message: str = ""
    advice: Advice | None = None
    declined: int = 0
    method: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    money_reference: str = ""
    saved: Method | None = None
    payment_id: str = ""
    merchant_id: str = ""


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What the provider says became of a refund."""

    state: State
    reference: str = ""
    failure_code: str = ""
    failure_message: str = ""
    # For one that was begun at the provider's own desk: how much, and of which money.
    amount: int = 0
    money_reference: str = ""


@dataclass(frozen=True, slots=True)
class DisputeOutcome:
    """How a dispute stands. Amounts are in minor units of the payment's currency.

    `withdrawn` is what the provider holds back or has given away at this moment, `fee` what it
    has taken for the dispute and kept.
    """

    reference: str
    money_reference: str
    status: str
    reason: str
    amount: int
    withdrawn: int
    fee: int
    evidence_due_at: datetime | None
    submitted: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class PayoutItem:
    """One movement that a payout sums up; `money_reference` says whose."""

    reference: str
    money_reference: str
    kind: str
    amount: int
    fee: int
    net: int


@dataclass(frozen=True, slots=True)
class PayoutOutcome:
    """A transfer to the operator's bank. `items` is None where the provider does not itemise it.

    They are what is known so far until `is_final`.
    """

    reference: str
    status: str
    amount: int
    currency: str
    failure_code: str
    arrives_at: datetime | None
    created_at: datetime
    items: Sequence[PayoutItem] | None
    is_final: bool = False


class About(StrEnum):
    """What kind of thing a notice is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    SETUP = "setup"
    PAYOUT = "payout"
    # Understood, and of no interest.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Word:
    """A notice understood: what it is about. What became of that is looked up.

    `id` is our own public id where the provider knows it, `reference` the provider's.
    """

    about: About
    kind: str
    id: str = ""
    reference: str = ""
    money_reference: str = ""
    livemode: bool = False
    merchant_id: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A notice as the provider sent it, or would have."""

    id: str
    body: str


class RailError(Exception):
    """The provider refused what was asked. `permanent` says that asking again cannot help."""

    def __init__(
        self, message: str, *, permanent: bool, code: str = "", advice: Advice = Advice.CUSTOMER
    ) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.code = code
        # For a charge that was refused as such: the same method would be refused again.
        self.advice = advice


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
    """One way to pay. Verbs that a provider lacks raise NotSupported.

    Whatever is asked twice for the same row is done once: its public id is the provider's
    idempotency key. A verb that raises NoAnswer may have been done.
    """

    key: str
    # Whose word it is: several ways to pay may share one provider.
    provider: str

    def start(self, payment: Payment) -> Instructions:
        """Let the payer begin. Asked twice for one payment, it answers the same."""
        raise NotSupported(f"{self.key} has no page to send a payer to.")

    def charge(self, payment: Payment) -> Outcome:
        """Charge a saved method while the payer is away. A decline is an outcome, not an error."""
        raise NotSupported(f"{self.key} cannot charge a saved method.")

    def cancel(self, payment: Payment) -> Outcome:
        """Let nobody pay this any more, unless they already have."""
        raise NotSupported(f"{self.key} payments cannot be canceled.")

    @abstractmethod
    def look(self, payment: Payment) -> Outcome:
        """Ask what became of a payment: heals lost notices and unknown results."""

    def refund(self, refund: Refund) -> RefundOutcome:
        """Give money back the way it came."""
        raise NotSupported(f"{self.key} payments cannot be refunded the way they were paid.")

    def look_at_refund(self, refund: Refund) -> RefundOutcome:
        """Ask what became of a refund."""
        raise NotSupported(f"{self.key} payments cannot be refunded the way they were paid.")

    def enroll(self, customer: ProviderCustomer) -> str:
        """Make a customer known to the provider; the provider's name for them."""
        raise NotSupported(f"{self.key} keeps no customers.")

    def save(self, setup: MethodSetup, customer: ProviderCustomer) -> Instructions:
        """Let a payer leave a card or bank account for next time."""
        raise NotSupported(f"{self.key} saves no methods.")

    def look_at_setup(self, setup: MethodSetup) -> tuple[State, Method | None]:
        """Ask what became of a visit to save a method."""
        raise NotSupported(f"{self.key} saves no methods.")

    def look_at_method(self, method: PaymentMethod) -> Method | None:
        """How a saved method stands; None when the provider has it no longer."""
        raise NotSupported(f"{self.key} saves no methods.")

    def detach(self, method: PaymentMethod) -> None:
        """Forget a saved method. Forgetting it again is no error."""
        raise NotSupported(f"{self.key} saves no methods.")

    def find_refund(self, reference: str, livemode: bool) -> RefundOutcome:
        """A refund that was begun at the provider's own desk."""
        raise NotSupported(f"{self.key} payments cannot be refunded the way they were paid.")

    def find_payment(self, money_reference: str, livemode: bool) -> Outcome:
        """Money that the provider took for a payment that is not known here."""
        raise NotSupported(f"{self.key} knows no other money.")

    def look_at_dispute(self, reference: str, livemode: bool) -> DisputeOutcome:
        """How a dispute stands."""
        raise NotSupported(f"{self.key} payments cannot be disputed.")

    def answer(self, submission: DisputeSubmission) -> DisputeOutcome:
        """Hand the merchant's evidence to the bank, or concede."""
        raise NotSupported(f"{self.key} payments cannot be disputed.")

    def look_at_payout(self, reference: str, livemode: bool) -> PayoutOutcome:
        """How a transfer to the operator's bank stands, and what it is made of."""
        raise NotSupported(f"{self.key} pays nothing out.")

    def missed(self) -> Iterable[Received]:
        """Notices of the last days that the provider could not deliver."""
        return ()

    def accept(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Check a notice's signature and age as it arrives; its id. Raises BadNotice."""
        raise NotSupported(f"{self.key} sends no notices.")

    def read(self, body: bytes, headers: Mapping[str, str]) -> Word:
        """What a notice that was accepted is about. Raises BadNotice."""
        raise NotSupported(f"{self.key} sends no notices.")
