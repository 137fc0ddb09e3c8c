"""The chain of the tests does what Circle's token and real nodes do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_utils.crypto import keccak

from payments.chain.client import Chain
from payments.chain.imports import keeping_the_recursion_limit
from tests.fakes.chain.devnet import Devnet

with keeping_the_recursion_limit():
    from eth_account import Account
    from eth_account.messages import encode_typed_data
    from web3.exceptions import ContractLogicError

pytestmark = pytest.mark.once

ANN = "0x1000000000000000000000000000000000000ABc"
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def call_of(devnet: Devnet, message: dict[str, Any], signature: str) -> Any:
    form = devnet.token.get_function_by_signature(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    return form(*message.values(), bytes.fromhex(signature[2:]))


def reason(devnet: Devnet, call: Any, sender: int = 1) -> str:
    """Why a call would fail."""
    with pytest.raises(ContractLogicError) as caught:
        call.call({"from": devnet.accounts[sender].address})
    return str(caught.value)


def test_its_words_are_those_of_the_standard(devnet: Devnet) -> None:
    functions = devnet.token.functions
    assert bytes(functions.TRANSFER_WITH_AUTHORIZATION_TYPEHASH().call()).hex() == (
        "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"
    )
    assert bytes(functions.RECEIVE_WITH_AUTHORIZATION_TYPEHASH().call()).hex() == (
        "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"
    )
    selectors = {
        keccak(text.encode())[:4].hex()
        for text in (
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            "authorizationState(address,bytes32)",
        )
    }
    assert selectors == {"e3ee160e", "cf092995", "e94a0102"}
    code = bytes(devnet.web3.eth.get_code(devnet.token.address)).hex()
    assert all(selector in code for selector in selectors)


def test_an_authorization_holds_strictly_between_its_times(devnet: Devnet) -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    now = int(at.timestamp())
    told = []
    for after, before in ((now, now + 9), (now - 9, now), (now - 1, now + 1)):
        message, signature = devnet.authorization(ANN, 5, valid_after=after, valid_before=before)
        snapshot = devnet.snapshot()
        devnet.set_next_time(at)
        transaction = Chain(devnet.network()).transaction(devnet.settle(message, signature))
        assert transaction is not None
        told.append(transaction.succeeded)
        devnet.revert(snapshot)
    assert told == [False, False, True]


def test_why_an_authorization_is_refused(devnet: Devnet) -> None:
    now = int(devnet.now.timestamp())
    early = call_of(devnet, *devnet.authorization(ANN, 5, valid_after=now + 3600))
    assert "FiatTokenV2: authorization is not yet valid" in reason(devnet, early)
    late = call_of(devnet, *devnet.authorization(ANN, 5, valid_before=now))
    assert "FiatTokenV2: authorization is expired" in reason(devnet, late)
    message, signature = devnet.authorization(ANN, 5)
    changed = call_of(devnet, message | {"value": 6}, signature)
    assert "FiatTokenV2: invalid signature" in reason(devnet, changed)
    short = call_of(devnet, message, signature[:-2])
    assert "ECRecover: invalid signature length" in reason(devnet, short)
    # The same signature with the other s is Ethereum's oldest trick.
    s = int(signature[66:130], 16)
    flipped = signature[:66] + f"{ORDER - s:064x}" + {"1b": "1c", "1c": "1b"}[signature[130:]]
    assert "invalid signature 's' value" in reason(devnet, call_of(devnet, message, flipped))
    wrong_v = call_of(devnet, message, signature[:-2] + "1d")
    assert "invalid signature 'v' value" in reason(devnet, wrong_v)
    broke = devnet.accounts[5]
    poor = call_of(devnet, *devnet.authorization(ANN, 5, payer=broke))
    assert "ERC20: transfer amount exceeds balance" in reason(devnet, poor)
    # The control, and once more.
    devnet.settle(message, signature)
    again = call_of(devnet, message, signature)
    assert "FiatTokenV2: authorization is used or canceled" in reason(devnet, again)
    assert devnet.token.functions.balanceOf(ANN).call() == 5


def test_both_forms_of_signature_move_the_money_once(devnet: Devnet) -> None:
    message, signature = devnet.authorization(ANN, 5)
    raw = bytes.fromhex(signature[2:])
    form = devnet.token.get_function_by_signature(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    )
    devnet.send(form(*message.values(), raw[64], raw[:32], raw[32:64]), devnet.accounts[2].address)
    assert devnet.token.functions.balanceOf(ANN).call() == 5
    assert "used or canceled" in reason(devnet, call_of(devnet, message, signature))


def test_a_wallet_that_is_a_contract_pays_too(devnet: Devnet) -> None:
    wallet = devnet.deploy("ContractWallet", devnet.payer.address)
    devnet.mint(wallet.address, 50)
    message, signature = devnet.authorization(ANN, 5, sender=wallet.address)
    devnet.settle(message, signature)
    assert devnet.token.functions.balanceOf(ANN).call() == 5
    message, signature = devnet.authorization(
        ANN, 5, payer=devnet.accounts[4], sender=wallet.address
    )
    assert "FiatTokenV2: invalid signature" in reason(devnet, call_of(devnet, message, signature))


def test_only_the_payee_may_receive_and_only_the_payer_cancel(devnet: Devnet) -> None:
    types = {
        "CancelAuthorization": [
            {"name": "authorizer", "type": "address"},
            {"name": "nonce", "type": "bytes32"},
        ]
    }
    message, signature = devnet.authorization(ANN, 5)
    cancel = {"authorizer": message["from"], "nonce": message["nonce"]}
    cancelled = devnet.token.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")
    for account in (devnet.accounts[3], devnet.payer):
        signed = account.sign_message(encode_typed_data(devnet.domain, types, cancel))
        call = cancelled(*cancel.values(), bytes(signed.signature))
        if account is not devnet.payer:
            assert "invalid signature" in reason(devnet, call)
    devnet.send(call, devnet.accounts[3].address)
    assert Chain(devnet.network()).authorization_used(*cancel.values())
    assert "used or canceled" in reason(devnet, call_of(devnet, message, signature))
    # Nothing was paid with it, so no transaction used it.
    assert (
        Chain(devnet.network()).authorization_transactions(
            message["from"], message["nonce"], 0, devnet.head
        )
        == []
    )
    receive = devnet.token.get_function_by_signature(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    message, signature = devnet.authorization(devnet.accounts[2].address, 5)
    call = receive(*message.values(), bytes.fromhex(signature[2:]))
    assert "caller must be the payee" in reason(devnet, call)
    assert "invalid signature" in reason(devnet, call, sender=2)


def test_paused_and_blacklisted_money_stands_still(devnet: Devnet) -> None:
    transfer = devnet.token.functions.transfer(ANN, 5)
    devnet.send(devnet.token.functions.setBlacklisted(ANN, True))
    assert "account is blacklisted" in reason(devnet, transfer, sender=0)
    assert "account is blacklisted" in reason(
        devnet, call_of(devnet, *devnet.authorization(ANN, 5))
    )
    devnet.send(devnet.token.functions.setBlacklisted(ANN, False))
    devnet.send(devnet.token.functions.setPaused(True))
    assert "Pausable: paused" in reason(devnet, transfer, sender=0)
    devnet.send(devnet.token.functions.setPaused(False))
    devnet.send(transfer)
    devnet.send(devnet.token.functions.approve(devnet.accounts[1].address, 7))
    spend = devnet.token.functions.transferFrom(devnet.payer.address, ANN, 7)
    devnet.send(spend, devnet.accounts[1].address)
    assert devnet.token.functions.balanceOf(ANN).call() == 12
    assert "exceeds allowance" in reason(devnet, spend)


def test_each_test_finds_the_chain_as_new(devnet: Devnet) -> None:
    """Twice in one process the second sees nothing of the first; here within one test."""
    before = devnet.head
    snapshot = devnet.snapshot()
    devnet.automine(False)
    devnet.pay(ANN, 5)
    devnet.mine(3)
    devnet.set_next_time(datetime.now(UTC) + timedelta(days=2))
    devnet.mine()
    devnet.revert(snapshot)
    assert devnet.head == before
    assert devnet.token.functions.balanceOf(ANN).call() == 0
    devnet.pay(ANN, 6)
    assert abs(devnet.now - datetime.now(UTC)) < timedelta(minutes=1)
    assert devnet.head == before + 1
    assert Account.from_key(devnet.payer.key).address == devnet.payer.address
