"""Reading chains: every transfer to an address that was given out is found, once, and followed.

A reading goes from a little before where the last one ended to the newest block. The head is asked
for before the addresses are: whoever was shown an address after that cannot have paid it in these
blocks. Nothing here holds a transaction while it waits for a node, and every step may be repeated.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from invoicing.failpoints import failpoint
from payments import receiving
from payments import sending as payouts
from payments.actions import chains, sending, transfers
from payments.chain import networks
from payments.chain.client import Block, Chain, ChainError, TransferLog
from payments.chain.networks import Network
from payments.models import (
    TRANSFERS_UNSURE,
    ChainCursor,
    Transfer,
    TransferStatus,
    UsdcPayout,
)
from payments.seen import Sighting

_log = logging.getLogger(__name__)

# One reading of a chain that was left alone for long: the next goes on from there.
BLOCKS_AT_ONCE: Final = 2_000
READINGS_IN_A_ROW: Final = 20
DECIMALS: Final = 6


def watch_all() -> int:
    """Read every configured chain; how many transfers were seen. One that fails stops no other."""
    return sum(watch(network) for network in networks.configured().values())


def watch(network: Network, chain: Chain | None = None) -> int:
    """Read one chain up to its newest block, unless somebody else is reading it."""
    chain = chain or Chain(network)
    if not ChainCursor.objects.filter(network=network.caip2).exists():
        try:
            _must_be_usdc(network, chain)
            chains.start_cursor(network.caip2, chain.head())
        except ChainError as problem:
            _log.warning("%s cannot be read: %s", network.name, problem)
            return 0
    cursor = chains.begin_reading(network.caip2)
    if cursor is None:
        return 0
    problem_text = ""
    try:
        return _read(network, chain, cursor)
    except ChainError as problem:
        problem_text = str(problem) or type(problem).__name__
        _log.warning("%s cannot be read: %s", network.name, problem_text)
        return 0
    finally:
        chains.end_reading(network.caip2, problem_text)


def _read(network: Network, chain: Chain, cursor: ChainCursor) -> int:
    chain.verify_identity()
    head, final = chain.head(), chain.finalized()
    cursor = _stand_firm(network, chain, cursor)
    follow(network, chain, head, final)
    addresses = _awaited(network)
    seen = _try_again(network, chain, cursor, addresses, head, final)
    for _ in range(READINGS_IN_A_ROW):
        if cursor.block_number >= head.number:
            break
        # Behind one address there may be several nodes, of which some lag and answer with nothing:
        # the newest blocks are read more than once.
        first = max(cursor.block_number + 1 - network.confirmations, 0)
        last = min(head.number, cursor.block_number + BLOCKS_AT_ONCE)
        upto = head if last == head.number else _block(chain, last)
        found = _unknown(network, chain.transfers(list(addresses), first, last), first)
        failpoint("watch:after_logs")
        done, stuck = _take_in(network, chain, found, addresses, head, final)
        seen += done
        cursor = chains.record_read(network.caip2, upto, head.number, final.number, stuck)
    else:
        return seen
    if cursor.head_number != head.number or cursor.final_number != final.number:
        chains.record_read(network.caip2, head, head.number, final.number)
    return seen


def _must_be_usdc(network: Network, chain: Chain) -> None:
    """Raises ChainError for another chain than the settings name, or a token of other units."""
    chain.verify_identity()
    _, _, decimals = chain.token_domain()
    if decimals != DECIMALS:
        raise ChainError(
            f"The token {network.token} has {decimals} decimals, and USDC has {DECIMALS}: it is "
            "another token than USDC_NETWORKS should name."
        )


def _stand_firm(network: Network, chain: Chain, cursor: ChainCursor) -> ChainCursor:
    """Go back to the newest block that was read and is still part of the chain."""
    for number, known in reversed(cursor.checkpoints):
        block = chain.block(number)
        if block is not None and block.hash == known:
            return (
                cursor if number == cursor.block_number else chains.go_back(network.caip2, number)
            )
    # Everything that is remembered was replaced: read again from before all of it.
    oldest = cursor.checkpoints[0][0] if cursor.checkpoints else cursor.block_number
    return chains.go_back(network.caip2, max(oldest - network.confirmations, 0))


def follow(network: Network, chain: Chain, head: Block, final: Block) -> int:
    """Count on what was seen before; what stands in a block that was replaced is undone."""
    unsure = Transfer.objects.filter(network=network.caip2, status__in=TRANSFERS_UNSURE)
    rows = list(unsure.order_by("pk").values_list("pk", "block_number", "block_hash"))
    sent = payouts.on_their_way(network.caip2)
    numbers = sorted({number for _, number, _ in [*rows, *sent] if number <= head.number})
    # A block that a node does not give is no answer yet.
    blocks = {number: block.hash for number in numbers if (block := chain.block(number))}
    for pk, number, block_hash in rows:
        if number not in blocks:
            continue
        if blocks[number] != block_hash:
            transfers.orphan(pk)
        else:
            confirmations = head.number - number + 1
            transfers.recount(pk, confirmations, number <= final.number, network.confirmations)
    for pk, number, block_hash in sent:
        if number in blocks and blocks[number] != block_hash:
            sending.lose_sight(pk)
        elif number in blocks and number <= final.number:
            sending.arrive(pk)
    return len(rows) + len(sent)


def sighting_of(
    network: Network,
    chain: Chain,
    log: TransferLog,
    head: int,
    final: int,
    needed: int | None = None,
) -> Sighting:
    """A log with what else its chain says of it. Raises ChainError."""
    block = _block(chain, log.block_number)
    transaction = chain.transaction(log.tx_hash)
    used = transaction.authorizations if transaction else ()
    return Sighting(
        network=network.caip2,
        tx_hash=log.tx_hash,
        log_index=log.log_index,
        block_number=log.block_number,
        block_hash=log.block_hash,
        mined_at=block.timestamp,
        token=log.token,
        sender=log.sender,
        amount=log.amount,
        is_usdc=log.token == network.token,
        confirmations=head - log.block_number + 1,
        is_final=log.block_number <= final,
        needed=network.confirmations if needed is None else needed,
        nonces=frozenset(nonce for payer, nonce in used if payer == log.sender),
    )


def _take_in(
    network: Network,
    chain: Chain,
    found: Iterable[TransferLog],
    addresses: dict[str, list[int]],
    head: Block,
    final: Block,
) -> tuple[int, list[str]]:
    """Write down what was found; how much it was, and the transactions that could not be.

    One that cannot be taken in stops nobody else's: it is remembered, and tried again.
    """
    seen = 0
    stuck = []
    for log in found:
        sighting = sighting_of(network, chain, log, head.number, final.number)
        try:
            for pk in addresses.get(log.recipient, ()):
                transfers.observe(pk, sighting)
                failpoint("watch:after_transfer")
            sending.recognise(sighting, log.recipient)
        except Exception:
            _log.exception("a transfer was not taken in", extra={"transaction": log.tx_hash})
            stuck.append(log.tx_hash)
        seen += 1
    return seen, stuck


def _unknown(network: Network, found: Sequence[TransferLog], first: int) -> list[TransferLog]:
    """Those of the logs that are not written down as they stand."""
    later = {"network": network.caip2, "block_number__gte": first}
    rows = [
        Transfer.objects.filter(**later).exclude(status=TransferStatus.ORPHANED),
        UsdcPayout.objects.filter(**later),
    ]
    names = ("tx_hash", "log_index", "block_hash")
    known = {name for some in rows for name in some.values_list(*names)}
    return [log for log in found if (log.tx_hash, log.log_index, log.block_hash) not in known]


def _try_again(
    network: Network,
    chain: Chain,
    cursor: ChainCursor,
    addresses: dict[str, list[int]],
    head: Block,
    final: Block,
) -> int:
    """Take in what could not be before; what is no longer on the chain is forgotten."""
    if not cursor.stuck:
        return 0
    mined = [found for tx_hash in cursor.stuck if (found := chain.transaction(tx_hash))]
    logs = [log for found in mined for log in found.transfers if log.recipient in addresses]
    done, stuck = _take_in(network, chain, logs, addresses, head, final)
    chains.record_stuck(network.caip2, stuck)
    return done


def _awaited(network: Network) -> dict[str, list[int]]:
    """Addresses at which something is waited for: deposits, and refunds on their way out."""
    found: dict[str, list[int]] = {}
    for address, pk in receiving.watched(network).values_list("address", "pk"):
        found.setdefault(address, []).append(pk)
    for address in payouts.awaited(network.caip2):
        found.setdefault(address, [])
    return found


def _block(chain: Chain, number: int) -> Block:
    block = chain.block(number)
    if block is None:
        raise ChainError(f"Block {number} is not there.")
    return block
