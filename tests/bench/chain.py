"""What watching a chain costs: beside what the node itself takes for the same logs.

    python -m tests.bench.chain

A node of its own mines a thousand blocks with two hundred deposits among ten thousand watched
addresses. Reading them is measured in turns with the bare questions to the node; then a tick that
finds nothing new, beside none and beside ten thousand open addresses; then deriving addresses,
beside the one addition of points that each takes.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.bench import database

TURNS = 5
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def main() -> None:
    """Mine, watch in turns with the bare node, and print the tables."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--addresses", type=int, default=10_000)
    arguments.add_argument("--blocks", type=int, default=1_000)
    arguments.add_argument("--deposits", type=int, default=200)
    asked = arguments.parse_args()
    from tests.fakes.chain.devnet import Devnet

    with tempfile.TemporaryDirectory() as folder, Devnet() as devnet:
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
        os.environ.setdefault("DATA_DIR", folder)
        os.environ.update(devnet.settings())
        database.begin()
        from django.db import connection

        print(f"\n{connection.vendor}, medians of {TURNS} turns\n")
        _watching(devnet, asked.addresses, asked.blocks, asked.deposits)
        _deriving()
        database.drop()


def _watching(devnet: Any, addresses: int, blocks: int, deposits: int) -> None:
    from payments import watching
    from payments.chain import networks
    from payments.chain.client import Chain
    from payments.models import ChainCursor, DepositAddress

    network = networks.configured()["devnet"]
    chain = Chain(network)
    watching.watch(network, chain)
    idle = _median(lambda: watching.watch(network, chain))
    given = _given_addresses(addresses)
    busy = _median(lambda: watching.watch(network, chain))
    print(f"{'a tick without a new block':<44}{'ms':>9}")
    print(f"{'beside no address':<44}{idle * 1000:>9.1f}")
    print(f"{f'beside {addresses} open addresses':<44}{busy * 1000:>9.1f}")
    each = (busy - idle) / addresses * 1e6
    print(f"{'for each idle open invoice, in microseconds':<44}{each:>9.2f}\n")

    step = max(blocks // deposits, 1)
    for number in range(deposits):
        devnet.pay(given[number * 37 % addresses], 1_000_000)
        devnet.mine(step - 1) if step > 1 else None
    head = chain.head().number
    first = head - blocks + 1

    def ours() -> None:
        # Another merchant's, who named the same ones: nothing of it was seen before.
        DepositAddress.objects.update(watched_until=LONG_AGO)
        _given_addresses(addresses)
        ChainCursor.objects.update(block_number=first - 1, checkpoints=[])
        chain_cursor = ChainCursor.objects.get()
        chain_cursor.checkpoints = [[first - 1, _hash(chain, first - 1)]]
        chain_cursor.save()
        began = time.perf_counter()
        found = watching.watch(network, chain)
        took.append(time.perf_counter() - began)
        assert found == deposits, found

    def logs_only() -> None:
        began = time.perf_counter()
        assert len(chain.transfers(given, first, head)) == deposits
        read.append(time.perf_counter() - began)

    took: list[float] = []
    read: list[float] = []
    bare = []
    for _ in range(TURNS):
        ours()
        logs_only()
        bare.append(_bare(devnet, network, given, first, head))
    limit = statistics.median(bare)
    what = f"{addresses} addresses, {blocks} blocks, {deposits} deposits"
    print(f"{what:<44}{'s':>9}{'ratio':>8}")
    for name, values in (
        ("watched: found, written down, matched", took),
        ("their logs found and checked", read),
        ("eth_getLogs alone, the same questions", bare),
    ):
        median = statistics.median(values)
        print(f"{name:<44}{median:>9.3f}{median / limit:>8.2f}")


def _bare(devnet: Any, network: Any, given: list[str], first: int, last: int) -> float:
    """The node's own time for the logs of all addresses, asked as the watcher asks."""
    import httpx

    from payments.chain.client import BLOCKS_AT_ONCE, RECIPIENTS_AT_ONCE

    transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    words = [f"0x{'0' * 24}{address[2:].lower()}" for address in given]
    began = time.perf_counter()
    with httpx.Client(timeout=60) as client:
        for at in range(0, len(words), RECIPIENTS_AT_ONCE):
            for start in range(first, last + 1, BLOCKS_AT_ONCE):
                asked = {
                    "fromBlock": hex(start),
                    "toBlock": hex(min(start + BLOCKS_AT_ONCE - 1, last)),
                    "topics": [transfer, None, words[at : at + RECIPIENTS_AT_ONCE]],
                }
                body = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [asked]}
                client.post(devnet.url, json=body).raise_for_status()
    return time.perf_counter() - began


def _given_addresses(count: int) -> list[str]:
    """So many watched addresses of one merchant, each as an invoice's would be."""
    from invoicing import clock
    from payments.chain.addresses import checksummed
    from payments.models import DepositAddress
    from tests.factories import given_a_merchant

    merchant = given_a_merchant()
    found = [checksummed(f"0x{number + 2**100:040x}") for number in range(count)]
    DepositAddress.objects.bulk_create(
        [
            DepositAddress(
                merchant=merchant, livemode=False, address=address, created_at=clock.wall()
            )
            for address in found
        ],
        batch_size=1000,
    )
    return found


def _deriving() -> None:
    from coincurve import PublicKey

    from payments.chain import keys
    from payments.chain.rehearsal import TEST_XPUB

    extended = keys.parse_xpub(TEST_XPUB)
    meta = keys.parse_meta_address(
        "st:eth:0x033404e82cd2a92321d51e13064ec13a0fb0192a9fdaaca1cfb47b37bd27ec1397"
        "0390ad5eca026c05ab5cf4d620a2ac65241b11df004ddca360e954db1b26e3846e"
    )
    point, scalar = PublicKey(meta.spend), bytes(31) + b"\x07"
    count = 2_000
    limit = _per_second(lambda index: point.add(scalar), count)
    print(f"\n{'addresses derived':<44}{'per s':>9}{'ratio':>8}")
    for name, one in (
        ("of an extended key", lambda index: extended.address(index)),
        ("stealth addresses", lambda index: keys.new_stealth_address(meta)),
    ):
        rate = _per_second(one, count)
        print(f"{name:<44}{rate:>9.0f}{rate / limit:>8.2f}")
    print(f"{'one addition of points':<44}{limit:>9.0f}")


def _per_second(one: Callable[[int], object], count: int) -> float:
    rates = []
    for _ in range(TURNS):
        began = time.perf_counter()
        for index in range(count):
            one(index)
        rates.append(count / (time.perf_counter() - began))
    return statistics.median(rates)


def _median(one: Callable[[], object]) -> float:
    took = []
    for _ in range(TURNS):
        began = time.perf_counter()
        one()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _hash(chain: Any, number: int) -> str:
    block = chain.block(number)
    assert block is not None
    return str(block.hash)


if __name__ == "__main__":
    main()
