"""Whoever submits signed authorizations to a chain: a service elsewhere, or this process.

Sources: x402-specification-v2.md §7 (facilitator interface), the x402 package's facilitator.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from django.conf import settings

from payments.chain import networks
from payments.chain.imports import keeping_the_recursion_limit
from payments.x402_signed import NONCE_USED, SCHEME

_log = logging.getLogger(__name__)

LOCAL: Final = "local"
TIMEOUT_SECONDS: Final = 20
UNEXPECTED: Final = "unexpected_verify_error"
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{2,79}", re.ASCII)
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
# Said before anything is sent to a chain. Whatever else a settlement is refused with may have
# been said after it: then the chain is asked, and not believed to have done nothing.
_BEFORE_SENDING: Final = re.compile(
    r"insufficient_funds|invalid_exact_evm_insufficient_balance"
    r"|invalid_exact_evm_payload_\w+|invalid_exact_evm_nonce_already_used"
    r"|invalid_(network|payload|payment_requirements|scheme|x402_version)"
    r"|unsupported_scheme|network_mismatch|missing_eip712_domain"
)
# It could not find out, and would perhaps say otherwise if it were asked again.
_COULD_NOT_TELL: Final = frozenset({"invalid_exact_evm_failed_to_verify_signature", UNEXPECTED})


class NoVerdict(Exception):
    """The facilitator did not say whether a payment is valid; nothing was done."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a payment could be settled, and if not, why."""

    valid: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a facilitator says of a settlement. Only the chain says what really happened.

    `transaction` is where to look, if it named one. `refused` means that nothing was sent.
    """

    transaction: str = ""
    refused: bool = False
    reason: str = ""


class Facilitator(Protocol):
    """Verifies payments and settles them. Asked to settle twice, it moves the money once, for the
    token itself sees to that."""

    def verify(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Verdict:
        """Whether this could be settled now. Raises NoVerdict."""

    def settle(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Settlement:
        """Ask for it to be settled. A silence is no failure: it is told as one that may have."""


def configured() -> Facilitator | None:
    """The facilitator that the operator has chosen; None where there is none."""
    if not settings.X402_FACILITATOR_URL:
        return None
    if settings.X402_FACILITATOR_URL == LOCAL:
        return LocalFacilitator(settings.X402_SIGNER_KEY)
    return HttpFacilitator(settings.X402_FACILITATOR_URL, settings.X402_FACILITATOR_TOKEN)


class HttpFacilitator:
    """A facilitator at an address; whatever its status, what counts is the JSON it answers."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def verify(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Verdict:
        """Whether this could be settled now. Raises NoVerdict."""
        try:
            return _verdict(self._ask("verify", payload, terms))
        except _Silence as silence:
            raise NoVerdict(str(silence)) from None

    def settle(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Settlement:
        """Ask for it to be settled."""
        try:
            return _settlement(self._ask("settle", payload, terms))
        except _Silence as silence:
            _log.warning("a settlement is not heard of: %s", silence)
            return Settlement()

    def _ask(
        self, verb: str, payload: Mapping[str, Any], terms: Mapping[str, Any]
    ) -> dict[str, Any]:
        # A tenth of a second, which processes that settle nothing need not wait.
        import httpx

        asked = {
            "x402Version": 2,
            "paymentPayload": dict(payload),
            "paymentRequirements": dict(terms),
        }
        try:
            response = httpx.post(
                f"{self._url}/{verb}", json=asked, headers=self._headers, timeout=TIMEOUT_SECONDS
            )
            answer = response.json()
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise _Silence(f"The facilitator gave no answer: {type(error).__name__}.") from None
        if not isinstance(answer, dict):
            raise _Silence(f"The facilitator answered HTTP {response.status_code} and no object.")
        return answer


class LocalFacilitator:
    """The x402 package's facilitator in this process, which pays for gas with a key of its own.

    For tests, demonstrations and small installations: the key can spend nothing but the ether on
    its own account, never what an invoice was paid.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def verify(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Verdict:
        """Whether this could be settled now. Raises NoVerdict."""
        scheme, said, wanted = self._asked(payload, terms)
        return _verdict(_told(scheme.verify(said, wanted)))

    def settle(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> Settlement:
        """Settle it, and wait for its block for a while."""
        scheme, said, wanted = self._asked(payload, terms)
        told = _told(scheme.settle(said, wanted))
        if not told["success"]:
            # It counts its account's transactions by itself, also one that was never taken: all
            # that came after that would wait for it.
            _scheme.cache_clear()
        return _settlement(told)

    def _asked(self, payload: Mapping[str, Any], terms: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        with keeping_the_recursion_limit():
            from x402.schemas import PaymentPayload, PaymentRequirements
        scheme = _scheme(self._key, _endpoint(terms["network"]))
        return (
            scheme,
            PaymentPayload.model_validate(dict(payload)),
            PaymentRequirements.model_validate(dict(terms)),
        )


class _Silence(Exception):
    """No answer that says anything."""


def _verdict(answer: Mapping[str, Any]) -> Verdict:
    valid, reason = answer.get("isValid"), _reason(answer.get("invalidReason"))
    if not isinstance(valid, bool) or (not valid and reason in _COULD_NOT_TELL):
        raise NoVerdict("The facilitator could not tell.")
    return Verdict(valid, reason)


def _settlement(answer: Mapping[str, Any]) -> Settlement:
    named = answer.get("transaction")
    transaction = named.lower() if isinstance(named, str) and _HASH.fullmatch(named) else ""
    reason = _reason(answer.get("errorReason"))
    refused = (
        answer.get("success") is False
        and not named
        and _BEFORE_SENDING.fullmatch(reason) is not None
    )
    return Settlement(transaction, refused, reason)


def is_used(reason: str) -> bool:
    """Whether a refusal says that the money has moved already, or never will."""
    return reason == NONCE_USED


def _reason(value: Any) -> str:
    """A code, which the payer is told. What else facilitators say may hold addresses of nodes."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else UNEXPECTED


def _told(answer: Any) -> Mapping[str, Any]:
    told: Mapping[str, Any] = answer.model_dump(by_alias=True)
    return told


def _endpoint(caip2: str) -> str:
    for network in networks.configured().values():
        if network.caip2 == caip2:
            return network.endpoints[0]
    raise NoVerdict(f"{caip2} is not configured.")


@lru_cache(maxsize=16)
def _scheme(key: str, endpoint: str) -> Any:
    """One for each network: it counts its account's transactions, and knows which are pending."""
    with keeping_the_recursion_limit():
        from x402.mechanisms.evm.exact import ExactEvmFacilitatorScheme
        from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
    signer = FacilitatorWeb3Signer(key, endpoint, confirmation_timeout_seconds=TIMEOUT_SECONDS)
    scheme = ExactEvmFacilitatorScheme(signer)
    if scheme.scheme != SCHEME:
        raise NotImplementedError(f"the x402 package settles {scheme.scheme}")
    return scheme
