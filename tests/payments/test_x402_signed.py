"""What a signed payment says, and whether it is what is asked for: no chain, no database."""

from typing import Any

import pytest

from payments.chain.presets import PRESETS, Network
from payments.x402_signed import (
    Malformed,
    PaymentRefused,
    Signed,
    check,
    is_signed_by_payer,
    read,
)

pytestmark = pytest.mark.once

BASE_SEPOLIA = PRESETS["base-sepolia"]
# The example of scheme_exact_evm.md, and the same signed by the first account of "test … junk".
AUTHORIZATION = {
    "from": "0x857b06519E91e3A54538791bDbb0E22373e36b66",
    "to": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    "value": "10000",
    "validAfter": "1740672089",
    "validBefore": "1740672154",
    "nonce": "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480",
}
SIGNATURE = (
    "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf"
    "5836e9bd15092f9ecab05ded3d6293af148b571c"
)
SECOND = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SECOND_SIGNATURE = (
    "0xdc53a4a579de989368a0fae2ef2172ff2f474b4297013f865d171239f17ef4c3157b4b4030f1bebc53d55ace15"
    "c2377dff501a60e1e56c291f1000d6e78f082f1b"
)
NOW = 1740672100
WANTED = {
    "scheme": "exact",
    "network": "eip155:84532",
    "asset": BASE_SEPOLIA.token,
    "amount": "10000",
    "payTo": AUTHORIZATION["to"],
    "maxTimeoutSeconds": 60,
    "extra": {"name": "USDC", "version": "2"},
}
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def given(
    signature: str = SIGNATURE, accepted: dict[str, Any] | None = None, **changes: Any
) -> Signed:
    payload = {"signature": signature, "authorization": {**AUTHORIZATION, **changes}}
    said = {**WANTED, **(accepted or {})}
    return read(said["scheme"], said["network"], payload, said, {})


def with_name(name: str) -> Network:
    from dataclasses import replace

    return replace(BASE_SEPOLIA, token_name=name)


def test_both_vectors_recover_to_their_payers() -> None:
    assert is_signed_by_payer(given(), BASE_SEPOLIA)
    assert is_signed_by_payer(given(SECOND_SIGNATURE, **{"from": SECOND}), BASE_SEPOLIA)


def test_another_domain_or_message_recovers_to_somebody_else() -> None:
    assert not is_signed_by_payer(given(), with_name("USD Coin"))
    assert not is_signed_by_payer(given(), PRESETS["base"])
    assert not is_signed_by_payer(given(SECOND_SIGNATURE), BASE_SEPOLIA)
    for name, other in (("value", "10001"), ("validBefore", "1740672155"), ("to", SECOND)):
        assert not is_signed_by_payer(given(**{name: other}), BASE_SEPOLIA)


def test_the_other_half_of_a_signature_is_none() -> None:
    s = int(SIGNATURE[66:130], 16)
    flipped = SIGNATURE[:66] + f"{ORDER - s:064x}" + "1b"
    assert not is_signed_by_payer(given(flipped), BASE_SEPOLIA)


def test_what_is_asked_for_is_accepted() -> None:
    check(given(), WANTED, NOW)
    # Six seconds are enough, and it may begin this second.
    check(given(), WANTED, 1740672154 - 6)
    check(given(), WANTED, 1740672089)


@pytest.mark.parametrize(
    ("accepted", "changes", "now", "code"),
    [
        ({"network": "eip155:8453"}, {}, NOW, "invalid_network"),
        ({"asset": PRESETS["base"].token}, {}, NOW, "invalid_payment_requirements"),
        ({"extra": {"name": "USD Coin", "version": "2"}}, {}, NOW, "missing_eip712_domain"),
        ({}, {"to": SECOND}, NOW, "invalid_exact_evm_payload_recipient_mismatch"),
        ({}, {"value": "9999"}, NOW, "invalid_exact_evm_payload_authorization_value_mismatch"),
        ({}, {"value": "10001"}, NOW, "invalid_exact_evm_payload_authorization_value_mismatch"),
        ({}, {}, 1740672154 - 5, "invalid_exact_evm_payload_authorization_valid_before"),
        (
            {},
            {"validBefore": str(NOW + 3601)},
            NOW,
            "invalid_exact_evm_payload_authorization_valid_before",
        ),
        ({}, {}, 1740672088, "invalid_exact_evm_payload_authorization_valid_after"),
        # The first that is wrong is told.
        ({}, {"to": SECOND, "value": "1"}, 0, "invalid_exact_evm_payload_recipient_mismatch"),
    ],
)
def test_what_is_not_asked_for_is_refused(
    accepted: dict[str, Any], changes: dict[str, Any], now: int, code: str
) -> None:
    with pytest.raises(PaymentRefused) as refused:
        check(given(SIGNATURE, accepted, **changes), WANTED, now)
    assert refused.value.code == code
    assert refused.value.payer == AUTHORIZATION["from"]


def test_an_amount_that_the_payer_says_was_accepted_proves_nothing() -> None:
    with pytest.raises(PaymentRefused) as refused:
        check(given(SIGNATURE, {"amount": "1", "payTo": SECOND}, value="1"), WANTED, NOW)
    assert refused.value.code == "invalid_exact_evm_payload_authorization_value_mismatch"


@pytest.mark.parametrize(
    ("accepted", "payload", "code"),
    [
        ({"scheme": "upto"}, {}, "unsupported_scheme"),
        ({"extra": {"assetTransferMethod": "permit2"}}, {}, "invalid_payload"),
        ({"extra": {"assetTransferMethod": "erc7710"}}, {}, "invalid_payload"),
        ({}, {"permit2Authorization": {}}, "invalid_payload"),
    ],
)
def test_other_ways_to_move_money_are_refused_by_name(
    accepted: dict[str, Any], payload: dict[str, Any], code: str
) -> None:
    said = {**WANTED, **accepted}
    whole = {"signature": SIGNATURE, "authorization": AUTHORIZATION, **payload}
    with pytest.raises(PaymentRefused) as refused:
        read(said["scheme"], said["network"], whole, said, {})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({}, "payload.authorization must be an object"),
        ({"authorization": []}, "payload.authorization must be an object"),
        *(
            ({"authorization": {**AUTHORIZATION, name: value}}, f"payload.authorization.{name} ")
            for name, value in (
                ("from", "0x12"),
                ("to", None),
                ("value", 10000),
                ("value", "-1"),
                ("value", "1e4"),
                ("value", "١"),
                ("validAfter", "soon"),
                ("validBefore", ""),
                ("nonce", "0x" + "g" * 64),
            )
        ),
        ({"authorization": AUTHORIZATION}, "payload.signature must be 0x"),
        ({"authorization": AUTHORIZATION, "signature": "0x1234"}, "payload.signature must be 0x"),
    ],
)
def test_what_cannot_be_read_is_named(payload: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed, match=told):
        read("exact", "eip155:84532", payload, WANTED, {})


@pytest.mark.parametrize(
    "given_id", ["short", "x" * 129, "sixteen characters", 7, "ünïcödé-ünïcödé"]
)
def test_an_identifier_has_a_form(given_id: Any) -> None:
    payload = {"signature": SIGNATURE, "authorization": AUTHORIZATION}
    extensions = {"payment-identifier": {"info": {"required": False, "id": given_id}}}
    with pytest.raises(Malformed, match="16 to 128"):
        read("exact", "eip155:84532", payload, WANTED, extensions)
