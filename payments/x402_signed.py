"""A payment as its payer has signed it for x402: what it says, and whether that is enough.

Sources: x402-specification-v2.md, scheme_exact_evm.md (x402 project), EIP-3009, EIP-712.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from invoicing.errors import BillhookError
from payments.chain.addresses import checksummed
from payments.chain.imports import keeping_the_recursion_limit
from payments.chain.networks import Network

SCHEME: Final = "exact"
TRANSFER_METHOD: Final = "eip3009"
IDENTIFIER: Final = "payment-identifier"
# Whoever submits it needs that long until a block holds it.
SPARE_SECONDS: Final = 6
# What may be used for longer would leave an invoice waiting that nobody pays.
LONGEST_SECONDS: Final = 3600

SCHEME_WRONG: Final = "unsupported_scheme"
NETWORK_WRONG: Final = "invalid_network"
REQUIREMENTS_WRONG: Final = "invalid_payment_requirements"
DOMAIN_MISSING: Final = "missing_eip712_domain"
METHOD_WRONG: Final = "invalid_payload"
RECIPIENT_WRONG: Final = "invalid_exact_evm_payload_recipient_mismatch"
VALUE_WRONG: Final = "invalid_exact_evm_payload_authorization_value_mismatch"
TOO_LATE: Final = "invalid_exact_evm_payload_authorization_valid_before"
TOO_EARLY: Final = "invalid_exact_evm_payload_authorization_valid_after"
SIGNATURE_WRONG: Final = "invalid_exact_evm_payload_signature"
NONCE_USED: Final = "invalid_exact_evm_nonce_already_used"
PENDING: Final = "settlement_pending"

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NONCE: Final = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,78}", re.ASCII)
# Of a contract's wallet it may be of any length; this is more than any needs.
_SIGNATURE: Final = re.compile(r"0x(?:[0-9a-fA-F]{2}){65,8192}", re.ASCII)
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_FIELDS: Final = {
    "from": _ADDRESS,
    "to": _ADDRESS,
    "value": _NUMBER,
    "validAfter": _NUMBER,
    "validBefore": _NUMBER,
    "nonce": _NONCE,
}
_HINTS: Final = {
    "from": "0x and 40 hexadecimal digits",
    "to": "0x and 40 hexadecimal digits",
    "value": "a whole number as text, in millionths of a USDC",
    "validAfter": "seconds since 1970 as text",
    "validBefore": "seconds since 1970 as text",
    "nonce": "0x and 64 hexadecimal digits",
}
# What a wallet that is a contract, and not on its chain yet, ends its signature with (ERC-6492).
_UNDEPLOYED: Final = "6492" * 16
# Above this the other half of the curve begins, which tokens refuse (EIP-2).
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class PaymentRefused(BillhookError):
    """A payment was understood and is not taken; nothing moves. `code` is one of the x402
    specification's error codes."""

    def __init__(self, reason: str, message: str, payer: str = "", network: str = "") -> None:
        super().__init__(message, code=reason)
        self.payer = payer
        self.network = network


class Malformed(BillhookError):
    """What was sent is no payment by x402; the message says what would be."""

    code = "invalid_payment"


@dataclass(frozen=True, slots=True)
class Signed:
    """A permission to move USDC, checked for its form alone. `units` are 10^-6 USDC, times are
    seconds since 1970, `network` is in CAIP-2; `accepted` is what its payer says they were asked
    for, which proves nothing."""

    scheme: str
    network: str
    accepted: Mapping[str, Any]
    payer: str
    recipient: str
    units: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: str
    identifier: str = ""

    @property
    def authorization(self) -> dict[str, str]:
        """The message that was signed, as JSON has it."""
        return {
            "from": self.payer,
            "to": self.recipient,
            "value": str(self.units),
            "validAfter": str(self.valid_after),
            "validBefore": str(self.valid_before),
            "nonce": self.nonce,
        }

    def payload(self, requirements: Mapping[str, Any], url: str) -> dict[str, Any]:
        """A PaymentPayload of version 2 for these requirements, as a facilitator is asked."""
        said: dict[str, Any] = {
            "x402Version": 2,
            "resource": {"url": url},
            "accepted": dict(requirements),
            "payload": {"signature": self.signature, "authorization": self.authorization},
        }
        if self.identifier:
            said["extensions"] = {IDENTIFIER: {"info": {"required": False, "id": self.identifier}}}
        return said


def read(
    scheme: str,
    network: str,
    payload: Mapping[str, Any],
    accepted: Mapping[str, Any],
    extensions: Mapping[str, Any],
) -> Signed:
    """What a PaymentPayload of either version says. Raises Malformed, PaymentRefused for the ways
    of moving money that are not taken here."""
    method = _mapping(accepted, "extra").get("assetTransferMethod", TRANSFER_METHOD)
    if method != TRANSFER_METHOD or "permit2Authorization" in payload or "delegation" in payload:
        raise PaymentRefused(
            METHOD_WRONG,
            f"Only {TRANSFER_METHOD} is taken here, neither permit2 nor erc7710.",
            network=network,
        )
    if scheme != SCHEME:
        raise PaymentRefused(
            SCHEME_WRONG, f"Only the scheme {SCHEME} is taken here.", network=network
        )
    said = payload.get("authorization")
    if not isinstance(said, dict):
        raise Malformed(f"payload.authorization must be an object with {', '.join(_FIELDS)}.")
    for name, form in _FIELDS.items():
        if not isinstance(said.get(name), str) or not form.fullmatch(said[name]):
            raise Malformed(f"payload.authorization.{name} must be {_HINTS[name]}.")
    signature = payload.get("signature")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise Malformed("payload.signature must be 0x and at least 65 bytes in hexadecimal.")
    return Signed(
        scheme=scheme,
        network=network,
        accepted=accepted,
        payer=checksummed(said["from"].lower()),
        recipient=checksummed(said["to"].lower()),
        units=int(said["value"]),
        valid_after=int(said["validAfter"]),
        valid_before=int(said["validBefore"]),
        nonce=said["nonce"].lower(),
        signature=signature.lower(),
        identifier=_identifier(extensions),
    )


def check(signed: Signed, requirements: Mapping[str, Any], now: int) -> None:
    """Whether it is what the invoice asks for at this second. Raises PaymentRefused.

    In the order of scheme_exact_evm.md; the signature itself is another question.
    """

    def refuse(reason: str, message: str) -> None:
        raise PaymentRefused(reason, message, signed.payer, signed.network)

    if signed.network != requirements["network"]:
        refuse(NETWORK_WRONG, f"This invoice is not paid on {signed.network}.")
    extra = _mapping(signed.accepted, "extra")
    asset = signed.accepted.get("asset", requirements["asset"])
    if not isinstance(asset, str) or asset.lower() != requirements["asset"].lower():
        refuse(REQUIREMENTS_WRONG, f"The token must be USDC at {requirements['asset']}.")
    for name, value in requirements["extra"].items():
        if name in ("name", "version") and extra.get(name, value) != value:
            refuse(DOMAIN_MISSING, f"The {name} of the token's domain is {value!r} here.")
    if signed.recipient.lower() != requirements["payTo"].lower():
        refuse(RECIPIENT_WRONG, f"The recipient must be {requirements['payTo']}.")
    if signed.units != int(requirements["amount"]):
        refuse(VALUE_WRONG, f"The value must be exactly {requirements['amount']}.")
    if signed.valid_before < now + SPARE_SECONDS:
        refuse(TOO_LATE, f"validBefore must be at least {SPARE_SECONDS} seconds ahead.")
    if signed.valid_before > now + LONGEST_SECONDS:
        refuse(TOO_LATE, "validBefore must be within an hour.")
    if signed.valid_after > now:
        refuse(TOO_EARLY, "validAfter must have passed.")


def is_signed_by_payer(signed: Signed, network: Network) -> bool:
    """Whether the key behind the payer's own address has signed it for this network's USDC."""
    raw = bytes.fromhex(signed.signature[2:])
    if len(raw) != 65 or int.from_bytes(raw[32:64], "big") > _HALF_ORDER:
        return False
    # Bringing in web3 takes a second, which whoever only looks at an invoice need not wait.
    with keeping_the_recursion_limit():
        from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
        from x402.mechanisms.evm.types import ExactEIP3009Authorization
        from x402.mechanisms.evm.verify import verify_eoa_signature
    digest = hash_eip3009_authorization(
        ExactEIP3009Authorization(
            from_address=signed.payer,
            to=signed.recipient,
            value=str(signed.units),
            valid_after=str(signed.valid_after),
            valid_before=str(signed.valid_before),
            nonce=signed.nonce,
        ),
        network.chain_id,
        network.token,
        network.token_name,
        network.token_version,
    )
    try:
        return bool(verify_eoa_signature(digest, raw, signed.payer))
    except ValueError:
        return False


def may_be_a_contracts(signed: Signed) -> bool:
    """Whether the signature says that its payer is a contract which is not on its chain yet."""
    return signed.signature.endswith(_UNDEPLOYED)


def _identifier(extensions: Mapping[str, Any]) -> str:
    if IDENTIFIER not in extensions:
        return ""
    given = _mapping(_mapping(extensions, IDENTIFIER), "info").get("id")
    if given is None:
        return ""
    if not isinstance(given, str) or not _IDENTIFIER.fullmatch(given):
        raise Malformed(
            f"extensions.{IDENTIFIER}.info.id must have 16 to 128 letters, digits, - or _."
        )
    return given


def _mapping(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise Malformed(f"{name} must be an object.")
    return found
