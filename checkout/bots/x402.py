"""x402 on the wire: challenges, payments and settlements, as headers and bodies of both versions.

Sources: transports-v2/http.md and transports-v1/http.md of the x402 project; its own package does
the encoding.
"""

import binascii
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from payments.chain.imports import keeping_the_recursion_limit
from payments.x402_signed import IDENTIFIER, Malformed, Signed, read
from payments.x402_terms import Terms, url_of

with keeping_the_recursion_limit():
    from x402.extensions.payment_identifier import declare_payment_identifier_extension
    from x402.http import utils as http
    from x402.schemas import (
        PaymentPayload,
        PaymentRequired,
        PaymentRequirements,
        ResourceInfo,
        SettleResponse,
    )
    from x402.schemas.v1 import PaymentPayloadV1, PaymentRequiredV1, PaymentRequirementsV1

REQUIRED: Final = "PAYMENT-REQUIRED"
SIGNATURE: Final = "PAYMENT-SIGNATURE"
RESPONSE: Final = "PAYMENT-RESPONSE"
SIGNATURE_V1: Final = "X-PAYMENT"
RESPONSE_V1: Final = "X-PAYMENT-RESPONSE"
MIME_TYPE: Final = "application/json"
MOST_CHARACTERS: Final = 64 * 1024
NOT_SENT: Final = f"{SIGNATURE} header is required"
# Version 1 calls networks by names of its own, and knows no others.
NAMES_V1: Final = {
    "eip155:1": "ethereum",
    "eip155:8453": "base",
    "eip155:84532": "base-sepolia",
    "eip155:137": "polygon",
    "eip155:80002": "polygon-amoy",
    "eip155:43114": "avalanche",
    "eip155:43113": "avalanche-fuji",
}
_OUTPUT: Final = {
    "type": "object",
    "properties": {
        "object": {"const": "x402_payment"},
        "status": {"enum": ["paid", "pending"]},
        "settlement": {"type": ["object", "null"]},
        "invoice": {"type": "object"},
    },
}


def challenge_header(terms: Terms, error: str) -> str:
    """PAYMENT-REQUIRED of version 2: what is to be paid."""
    return http.encode_payment_required_header(
        PaymentRequired(
            error=error,
            resource=ResourceInfo(
                url=url_of(terms.invoice), description=_description(terms), mime_type=MIME_TYPE
            ),
            accepts=[PaymentRequirements.model_validate(dict(one)) for one in _all(terms)],
            extensions={IDENTIFIER: declare_payment_identifier_extension()},
        )
    )


def challenge_body(terms: Terms, error: str) -> dict[str, Any]:
    """The same as the body of version 1, for the networks that it has names for."""
    entries = [
        PaymentRequirementsV1(
            scheme=one["scheme"],
            network=NAMES_V1[one["network"]],
            max_amount_required=one["amount"],
            resource=url_of(terms.invoice),
            description=_description(terms),
            mime_type=MIME_TYPE,
            pay_to=one["payTo"],
            max_timeout_seconds=one["maxTimeoutSeconds"],
            asset=one["asset"],
            output_schema=_OUTPUT,
            extra=one["extra"],
        )
        for one in _all(terms)
        if one["network"] in NAMES_V1
    ]
    body: dict[str, Any] = PaymentRequiredV1(error=error, accepts=entries).model_dump(
        by_alias=True, exclude_none=True
    )
    return body


def payment(headers: Mapping[str, str]) -> Signed | None:
    """The payment that a request carries, in either version; None for a request that carries none.

    Raises Malformed for what cannot be read, PaymentRefused for ways to pay that are not taken.
    """
    name = SIGNATURE if headers.get(SIGNATURE) else SIGNATURE_V1
    text = headers.get(name)
    if not text:
        return None
    if len(text) > MOST_CHARACTERS:
        raise Malformed(f"{name} must have at most {MOST_CHARACTERS} characters.")
    try:
        # The package would let pass what no base64 has.
        binascii.a2b_base64(text, strict_mode=True)
        said = http.decode_payment_signature_header(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"{name}: {where}: {first['msg']}.") from None
    except (ValueError, AttributeError, RecursionError):
        raise Malformed(f"{name} must be base64 of a JSON object.") from None
    if isinstance(said, PaymentPayloadV1):
        numbers = {name: caip2 for caip2, name in NAMES_V1.items()}
        network = numbers.get(said.network, said.network)
        return read(said.scheme, network, said.payload, {}, {})
    return _read_v2(said, name)


def settlement_headers(settlement: Mapping[str, Any]) -> dict[str, str]:
    """What became of a payment, in the headers of both versions."""
    network = settlement["network"]
    older = {**settlement, "network": NAMES_V1.get(network, network)}
    return {
        name: http.encode_payment_response_header(SettleResponse.model_validate(said))
        for name, said in ((RESPONSE, settlement), (RESPONSE_V1, older))
    }


def _read_v2(said: PaymentPayload, name: str) -> Signed:
    if said.x402_version != 2:
        raise Malformed(f"{name}: x402Version must be 2 or 1.")
    accepted = said.accepted.model_dump(by_alias=True)
    network, scheme = said.accepted.network, said.accepted.scheme
    return read(scheme, network, said.payload, accepted, said.extensions or {})


def _all(terms: Terms) -> list[Mapping[str, Any]]:
    return [wanted for row in terms.networks if (wanted := terms.on(row.caip2)) is not None]


def _description(terms: Terms) -> str:
    return f"Invoice {terms.invoice.number}"
