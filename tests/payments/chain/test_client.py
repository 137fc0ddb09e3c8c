"""Reading a real chain: what is found, what is left out, and what several endpoints agree on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.chain import client, logs
from payments.chain.client import Chain, Disagreement, NoAnswer, TooMuch, TransferLog, WrongChain
from tests.fakes.chain.devnet import Devnet
from tests.fakes.chain.rpc_proxy import RpcProxy

pytestmark = pytest.mark.once

Proxies = Callable[..., RpcProxy]

ANN = "0x1000000000000000000000000000000000000ABc"
BEN = "0x2000000000000000000000000000000000000dEf"
SECRET_PATH = "/v3/s3cr3t-key-of-a-provider"


@pytest.fixture
def chain(devnet: Devnet) -> Chain:
    return Chain(devnet.network())


def found(chain: Chain, devnet: Devnet, *recipients: str) -> list[tuple[str, str, int]]:
    told = chain.transfers(recipients or (ANN, BEN), 0, devnet.head)
    return [(log.token, log.recipient, log.amount) for log in told]


# One endpoint


def test_a_transfer_is_told_exactly(devnet: Devnet, chain: Chain) -> None:
    tx_hash = devnet.pay(ANN, 25_000_000)
    block = chain.head()
    expected = TransferLog(
        tx_hash=tx_hash,
        log_index=0,
        block_number=devnet.head,
        block_hash=block.hash,
        token=devnet.token.address,
        sender=devnet.payer.address,
        recipient=ANN,
        amount=25_000_000,
    )
    assert chain.transfers([ANN, BEN], 0, devnet.head) == [expected]
    assert chain.transaction(tx_hash) == client.Transaction(
        tx_hash, True, block.number, block.hash, (expected,), ()
    )
    assert chain.balance(ANN) == 25_000_000
    assert chain.balance(BEN) == 0
    # Others' money, other blocks and nobody's are not told.
    assert chain.transfers([BEN], 0, devnet.head) == []
    assert chain.transfers([ANN], 0, devnet.head - 1) == []
    assert chain.transfers([ANN], devnet.head + 1, devnet.head) == []
    assert chain.transfers([], 0, devnet.head) == []
    with pytest.raises(ValueError, match="counted from 0"):
        chain.transfers([ANN], -1, 5)


def test_several_come_in_the_order_of_the_chain(devnet: Devnet, chain: Chain) -> None:
    devnet.send(devnet.token.functions.scatter([BEN, ANN, BEN], 7))
    devnet.pay(ANN, 8)
    told = chain.transfers([ANN.lower(), BEN, ANN], 0, devnet.head)
    assert [(log.recipient, log.amount, log.log_index) for log in told] == [
        *((BEN, 7, 0), (ANN, 7, 1), (BEN, 7, 2), (ANN, 8, 0)),
    ]


def test_another_token_is_found_and_called_by_its_address(devnet: Devnet, chain: Chain) -> None:
    tx_hash = devnet.pay(ANN, 5_000_000, devnet.lookalike)
    assert found(chain, devnet) == [(devnet.lookalike.address, ANN, 5_000_000)]
    transaction = chain.transaction(tx_hash)
    assert transaction is not None
    assert [log.token for log in transaction.transfers] == [devnet.lookalike.address]
    assert chain.balance(ANN) == 0


def test_what_moves_nothing_or_is_no_erc20_transfer_is_left_out(
    devnet: Devnet, chain: Chain
) -> None:
    zero = devnet.pay(ANN, 0)
    devnet.send(devnet.odd.functions.collectible(ANN, 7))
    for data in (b"", b"\1" * 31, b"\1" * 33, b"\1" * 64):
        devnet.send(devnet.odd.functions.shaped(ANN, data))
    assert found(chain, devnet) == []
    transaction = chain.transaction(zero)
    assert transaction is not None
    assert (transaction.succeeded, transaction.transfers) == (True, ())
    # The control: the same contract with 32 bytes, and all of it is in the chain.
    devnet.send(devnet.odd.functions.shaped(ANN, (9).to_bytes(32, "big")))
    assert found(chain, devnet) == [(devnet.odd.address, ANN, 9)]
    query = {"fromBlock": "0x0", "topics": [logs.TRANSFER, None, logs.topic_of(ANN)]}
    assert len(devnet.ask("eth_getLogs", query)) == 7


def test_the_largest_amount_is_an_amount(devnet: Devnet, chain: Chain) -> None:
    devnet.mint(ANN, 2**256 - 1, devnet.deploy("TestUSDC", "Huge", "1"))
    assert [amount for _, _, amount in found(chain, devnet)] == [2**256 - 1]


def test_an_authorization_is_told_with_its_nonce(devnet: Devnet, chain: Chain) -> None:
    message, signature = devnet.authorization(ANN, 3)
    payer, nonce = message["from"], message["nonce"]
    assert not chain.authorization_used(payer, nonce)
    assert chain.authorization_transactions(payer, nonce, 0, devnet.head) == []
    tx_hash = devnet.settle(message, signature)
    transaction = chain.transaction(tx_hash)
    assert transaction is not None
    assert transaction.authorizations == ((payer, nonce),)
    assert [(log.sender, log.recipient, log.amount) for log in transaction.transfers] == [
        (payer, ANN, 3)
    ]
    assert chain.authorization_used(payer, nonce)
    assert not chain.authorization_used(ANN, nonce)
    assert chain.authorization_transactions(payer, nonce, 0, devnet.head) == [tx_hash]
    assert chain.authorization_transactions(ANN, nonce, 0, devnet.head) == []


def test_another_tokens_authorization_is_none_of_ours(devnet: Devnet) -> None:
    message, signature = devnet.authorization(ANN, 3)
    tx_hash = devnet.settle(message, signature)
    other = Chain(devnet.network(token=devnet.lookalike.address))
    transaction = other.transaction(tx_hash)
    assert transaction is not None
    assert transaction.authorizations == ()
    assert len(transaction.transfers) == 1
    assert not other.authorization_used(message["from"], message["nonce"])


def test_a_transaction_that_failed_moved_nothing(devnet: Devnet, chain: Chain) -> None:
    message, signature = devnet.authorization(ANN, 3, valid_before=1)
    tx_hash = devnet.settle(message, signature)
    transaction = chain.transaction(tx_hash)
    assert transaction is not None
    assert (transaction.succeeded, transaction.transfers, transaction.authorizations) == (
        *(False, ()),
        (),
    )
    assert found(chain, devnet) == []


def test_what_is_not_mined_is_not_told(devnet: Devnet, chain: Chain) -> None:
    devnet.automine(False)
    tx_hash = devnet.pay(ANN, 4)
    assert chain.transaction(tx_hash) is None
    assert found(chain, devnet) == []
    devnet.mine()
    assert chain.transaction(tx_hash) is not None
    assert found(chain, devnet) == [(devnet.token.address, ANN, 4)]
    assert chain.transaction("0x" + "12" * 32) is None
    for wrong in ("", "0x12", tx_hash[2:], tx_hash + "00"):
        with pytest.raises(ValueError, match="a hash is 0x and 64"):
            chain.transaction(wrong)


def test_a_reorganization_changes_hashes_and_takes_transfers_away(
    devnet: Devnet, chain: Chain
) -> None:
    devnet.mine(3)
    tx_hash = devnet.pay(ANN, 4)
    number = devnet.head
    before, below = chain.block(number), chain.block(number - 1)
    assert before is not None
    assert below is not None
    assert before.parent == below.hash
    devnet.reorg(1)
    after = chain.block(number)
    assert after is not None
    assert after.hash != before.hash
    assert chain.block(number - 1) == below
    assert chain.transaction(tx_hash) is None
    assert found(chain, devnet) == []


def test_head_final_and_later_blocks(devnet: Devnet, chain: Chain) -> None:
    devnet.set_next_time(datetime(2031, 1, 1, 12, tzinfo=UTC))
    devnet.mine()
    head = chain.head()
    assert head.number == devnet.head
    assert head.timestamp == datetime(2031, 1, 1, 12, tzinfo=UTC)
    assert chain.block(head.number) == head
    assert chain.block(head.number + 1) is None
    assert chain.finalized().number == head.number - 4


def test_identity_and_the_tokens_own_words(devnet: Devnet, chain: Chain) -> None:
    chain.verify_identity()
    assert chain.token_domain() == ("USD Coin", "2", 6)
    with pytest.raises(WrongChain, match="chain 31337, and devnet is chain 31338"):
        Chain(devnet.network(chain_id=31338)).verify_identity()
    with pytest.raises(ValueError, match="no endpoints"):
        Chain(client.Network(**{**_fields(devnet), "endpoints": ()}))


def _fields(devnet: Devnet) -> dict[str, Any]:
    network = devnet.network()
    return {name: getattr(network, name) for name in network.__slots__}


# What is asked in pieces


def test_many_recipients_are_asked_for_in_batches(devnet: Devnet, rpc_proxy: Proxies) -> None:
    proxy = rpc_proxy()
    many = [f"0x{number:040x}" for number in range(2**40, 2**40 + 1201)]
    devnet.send(devnet.token.functions.scatter([many[0], many[500], many[1200]], 5))
    told = Chain(devnet.network(proxy.url)).transfers(many, 0, devnet.head)
    assert [log.recipient.lower() for log in told] == [many[0], many[500], many[1200]]
    asked = proxy.asked("eth_getLogs")
    assert [len(params[0]["topics"][2]) for params in asked] == [500, 500, 201]
    assert all("address" not in params[0] for params in asked)


def ranges(proxy: RpcProxy) -> list[tuple[int, int]]:
    return [
        (int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16))
        for params in proxy.asked("eth_getLogs")
    ]


def test_long_ranges_are_asked_for_in_windows(
    devnet: Devnet, rpc_proxy: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BLOCKS_AT_ONCE", 20)
    proxy = rpc_proxy()
    first = devnet.pay(ANN, 1)
    devnet.mine(41)
    last = devnet.pay(ANN, 2)
    told = Chain(devnet.network(proxy.url)).transfers([ANN], 0, devnet.head)
    assert [log.tx_hash for log in told] == [first, last]
    assert ranges(proxy) == [(0, 19), (20, 39), (40, devnet.head)]


def test_what_is_too_much_is_asked_for_in_halves(devnet: Devnet, rpc_proxy: Proxies) -> None:
    proxy = rpc_proxy()
    proxy.lies.most_blocks = 10
    sent = [devnet.pay(ANN, amount) for amount in range(1, 30)]
    chain = Chain(devnet.network(proxy.url))
    assert [log.tx_hash for log in chain.transfers([ANN], 0, devnet.head)] == sent
    answered = [(first, last) for first, last in ranges(proxy) if last - first < 10]
    assert [number for first, last in answered for number in range(first, last + 1)] == [
        *range(devnet.head + 1)
    ]
    # Next time it asks for no more than it was given.
    proxy.calls.clear()
    chain.transfers([ANN], 0, devnet.head)
    assert max(last - first + 1 for first, last in ranges(proxy)) <= 10


def test_an_authorization_is_looked_for_in_halves_too(devnet: Devnet, rpc_proxy: Proxies) -> None:
    proxy = rpc_proxy()
    proxy.lies.most_blocks = 3
    message, signature = devnet.authorization(ANN, 3)
    tx_hash = devnet.settle(message, signature)
    devnet.mine(20)
    chain = Chain(devnet.network(proxy.url))
    told = chain.authorization_transactions(message["from"], message["nonce"], 0, devnet.head)
    assert told == [tx_hash]


def test_what_is_too_much_in_one_block_is_asked_by_fewer_addresses(
    devnet: Devnet, rpc_proxy: Proxies
) -> None:
    proxy = rpc_proxy()
    proxy.lies.most_topics = 1
    devnet.send(devnet.token.functions.scatter([ANN, BEN], 5))
    chain = Chain(devnet.network(proxy.url))
    told = chain.transfers([ANN, BEN], devnet.head, devnet.head)
    assert [log.recipient for log in told] == [ANN, BEN]
    proxy.lies.most_topics = 0
    with pytest.raises(TooMuch):
        chain.transfers([ANN, BEN], devnet.head, devnet.head)


# Several endpoints


@pytest.fixture
def pair(devnet: Devnet, rpc_proxy: Proxies) -> tuple[Chain, RpcProxy]:
    """A chain read through an honest endpoint and one that lies when told."""
    proxy = rpc_proxy()
    return Chain(devnet.network(devnet.url, proxy.url)), proxy


def test_two_that_agree_are_believed(devnet: Devnet, pair: tuple[Chain, RpcProxy]) -> None:
    chain, proxy = pair
    message, signature = devnet.authorization(ANN, 3)
    tx_hash = devnet.settle(message, signature)
    devnet.mine(5)
    chain.verify_identity()
    assert found(chain, devnet) == [(devnet.token.address, ANN, 3)]
    assert chain.transaction(tx_hash) == Chain(devnet.network()).transaction(tx_hash)
    assert chain.balance(ANN) == 3
    assert chain.authorization_used(message["from"], message["nonce"])
    assert chain.authorization_transactions(message["from"], message["nonce"], 0, devnet.head) == [
        tx_hash
    ]
    assert chain.token_domain() == ("USD Coin", "2", 6)
    assert {method for method, _ in proxy.calls} == {
        *("eth_chainId", "eth_getLogs", "eth_getTransactionReceipt", "eth_call"),
        "eth_getBlockByNumber",
    }


def test_the_slowest_says_how_far_the_chain_has_come(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    devnet.mine(10)
    early = devnet.pay(ANN, 1)
    devnet.mine(3)
    late = devnet.pay(ANN, 2)
    proxy.lies.lag = 3
    head = chain.head()
    assert head.number == devnet.head - 3
    assert [log.tx_hash for log in chain.transfers([ANN], 0, head.number)] == [early]
    assert chain.transaction(early) is not None
    assert chain.transaction(late) is None
    assert chain.block(head.number) == head
    assert chain.block(devnet.head) is None
    assert chain.balance(ANN) == 1
    # Whoever asks further than the slowest has come is told that they do not agree.
    with pytest.raises(Disagreement):
        chain.transfers([ANN], 0, devnet.head)


def test_the_lowest_final_block_is_final(devnet: Devnet, pair: tuple[Chain, RpcProxy]) -> None:
    chain, proxy = pair
    devnet.mine(10)
    number = devnet.head - 7
    proxy.lies.results["eth_getBlockByNumber"] = devnet.ask(
        "eth_getBlockByNumber", hex(number), False
    )
    assert chain.finalized().number == number
    del proxy.lies.results["eth_getBlockByNumber"]
    assert chain.finalized().number == devnet.head - 4


def test_a_transfer_that_one_keeps_back_is_not_lost(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    devnet.pay(ANN, 1)
    proxy.lies.drop_logs = lambda log: True
    with pytest.raises(Disagreement, match="disagree about the transfers in blocks 0 to"):
        found(chain, devnet)
    # Where it is not asked for anything of that, there is nothing to disagree about.
    assert found(chain, devnet, BEN) == []


def test_a_transfer_that_one_invents_is_not_believed(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    tx_hash = devnet.pay(ANN, 1)
    receipt = devnet.ask("eth_getTransactionReceipt", tx_hash)
    invented = receipt["logs"][0] | {"logIndex": "0x7", "data": f"0x{10**12:064x}"}
    proxy.lies.invent_logs = [invented]
    with pytest.raises(Disagreement):
        found(chain, devnet)
    proxy.lies.invent_logs = []
    proxy.lies.results["eth_getTransactionReceipt"] = receipt | {"logs": [invented]}
    with pytest.raises(Disagreement, match="what transaction 0x"):
        chain.transaction(tx_hash)
    # One alone would be believed, which is why there may be two.
    transaction = Chain(devnet.network(proxy.url)).transaction(tx_hash)
    assert transaction is not None
    assert transaction.transfers[0].amount == 10**12


def test_blocks_and_logs_of_other_hashes_are_not_believed(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    tx_hash = devnet.pay(ANN, 1)
    proxy.lies.other_hashes = True
    with pytest.raises(Disagreement, match=f"which block {devnet.head} is"):
        chain.block(devnet.head)
    with pytest.raises(Disagreement):
        chain.transaction(tx_hash)
    with pytest.raises(Disagreement):
        found(chain, devnet)


def test_another_answer_of_the_token_is_not_believed(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    proxy.lies.results["eth_call"] = f"0x{1:064x}"
    for ask in (
        lambda: chain.balance(ANN),
        lambda: chain.authorization_used(ANN, "0x" + "12" * 32),
    ):
        with pytest.raises(Disagreement, match="what the token answers on devnet"):
            ask()


def test_one_wrong_chain_is_found_among_several(
    devnet: Devnet, pair: tuple[Chain, RpcProxy]
) -> None:
    chain, proxy = pair
    chain.verify_identity()
    proxy.lies.chain_id = 1
    with pytest.raises(WrongChain, match="answers for chain 1, and devnet is chain 31337"):
        chain.verify_identity()


def test_one_that_is_silent_stops_all(devnet: Devnet, pair: tuple[Chain, RpcProxy]) -> None:
    chain, proxy = pair
    proxy.lies.cut = True
    for ask in (chain.head, chain.verify_identity, lambda: chain.transfers([ANN], 0, devnet.head)):
        with pytest.raises(NoAnswer):
            ask()
