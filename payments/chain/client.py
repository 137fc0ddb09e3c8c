"""Reading one chain, from one endpoint or from several that must agree.

Only `head` differs between honest endpoints: it is the lowest of theirs, and everything else is
asked up to there. What one endpoint alone says is never believed; it raises Disagreement, and
whoever asks tries again later.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from payments.chain import logs
from payments.chain.addresses import checksummed
from payments.chain.logs import Nonsense, TransferLog
from payments.chain.presets import Network
from payments.chain.rpc import (
    ChainError,
    Disagreement,
    Endpoint,
    NoAnswer,
    Refused,
    TimedOut,
    TooMuch,
    WrongChain,
)

__all__ = [
    "Block",
    "Chain",
    "ChainError",
    "Disagreement",
    "NoAnswer",
    "TooMuch",
    "Transaction",
    "TransferLog",
    "WrongChain",
]

RECIPIENTS_AT_ONCE: Final = 500
BLOCKS_AT_ONCE: Final = 2000
# Where a node does not know what is final, what is this old counts as it: longer than any of the
# networks takes, with Ethereum's two epochs of 13 minutes under every chain that settles there.
FINAL_AFTER_SECONDS: Final = 1800

_TAG_UNKNOWN: Final = re.compile(r"finali[sz]ed|tag|invalid|not found|unknown|unsupported", re.I)
_NAME: Final = "0x06fdde03"
_VERSION: Final = "0x54fd4d50"
_DECIMALS: Final = "0x313ce567"
_BALANCE_OF: Final = "0x70a08231"
_AUTHORIZATION_STATE: Final = "0xe94a0102"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it stands now; another hash at its number later is a reorganization."""

    number: int
    hash: str
    timestamp: datetime
    parent: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that was mined: its transfers of any token, and the authorizations (who, and
    which nonce) that the network's USDC used in it. One that failed has neither."""

    tx_hash: str
    succeeded: bool
    block_number: int
    block_hash: str
    transfers: tuple[TransferLog, ...]
    authorizations: tuple[tuple[str, str], ...]


class Chain:
    """One network, read through its endpoints. Every method raises ChainError's kinds.

    It learns how many blocks its endpoints answer for at once, so keep one for as long as a worker
    reads; threads may share it.
    """

    def __init__(self, network: Network, timeout_seconds: float = 10) -> None:
        if not network.endpoints:
            raise ValueError(f"{network.key} has no endpoints")
        self.network = network
        self._endpoints = [Endpoint(url, timeout_seconds) for url in network.endpoints]
        self._blocks_at_once = BLOCKS_AT_ONCE

    def verify_identity(self) -> None:
        """Ask every endpoint which chain it answers for. Raises WrongChain."""
        for endpoint in self._endpoints:
            said = _read(endpoint, "eth_chainId", logs.quantity)
            if said != self.network.chain_id:
                raise WrongChain(
                    f"{endpoint.host} answers for chain {said}, and {self.network.key} is chain "
                    f"{self.network.chain_id}."
                )

    def head(self) -> Block:
        """The newest block that every endpoint has: the lowest of their newest."""
        return min(map(_newest, self._endpoints), key=lambda block: block.number)

    def finalized(self) -> Block:
        """The newest block that every endpoint calls final.

        A node that does not know the tag is taken to mean the block half an hour, counted in
        blocks, below its newest.
        """
        return min(map(self._final, self._endpoints), key=lambda block: block.number)

    def block(self, number: int) -> Block | None:
        """The block at a number, or None while an endpoint does not have it yet."""
        found = [_block(endpoint, hex(number)) for endpoint in self._endpoints]
        known = [block for block in found if block is not None]
        if any(block.number != number for block in known):
            raise self._endpoints[0].nonsense("eth_getBlockByNumber")
        if len({block.hash for block in known}) > 1:
            raise self._disagreement(f"which block {number} is")
        return known[0] if len(known) == len(found) else None

    def transfers(self, recipients: Sequence[str], first: int, last: int) -> list[TransferLog]:
        """Transfers of any token to these addresses in the blocks `first` to `last`, both
        included, in the order of the chain.

        Ask no further than `head`: beyond it an honest endpoint has nothing to tell. What moves
        nothing, and what only looks like a transfer of an ERC-20 token, is left out.
        """
        if first < 0:
            raise ValueError("blocks are counted from 0")
        wanted = sorted({checksummed(address) for address in recipients})
        found: list[TransferLog] = []
        for at in range(0, len(wanted), RECIPIENTS_AT_ONCE):
            for window in self._windows(first, last):
                batch = wanted[at : at + RECIPIENTS_AT_ONCE]
                found += self._agreed_transfers(batch, *window)
        return sorted(found, key=lambda log: (log.block_number, log.log_index))

    def transaction(self, tx_hash: str) -> Transaction | None:
        """A transaction that was mined, or None while an endpoint does not know it as that."""
        tx_hash = _hash(tx_hash)
        found = [self._transaction(endpoint, tx_hash) for endpoint in self._endpoints]
        known = [transaction for transaction in found if transaction is not None]
        if len(set(known)) > 1:
            raise self._disagreement(f"what transaction {tx_hash} did")
        return known[0] if len(known) == len(found) else None

    def authorization_used(self, authorizer: str, nonce: str) -> bool:
        """Whether the network's USDC holds this authorization for used or canceled."""
        argument = logs.topic_of(checksummed(authorizer))[2:] + _hash(nonce)[2:]
        return self._number(_AUTHORIZATION_STATE + argument) != 0

    def authorization_transactions(
        self, authorizer: str, nonce: str, first: int, last: int
    ) -> list[str]:
        """The transactions, at most one, in which the network's USDC used this authorization,
        in the blocks `first` to `last`. One that was canceled was used in none."""
        topics = [logs.AUTHORIZATION_USED, logs.topic_of(checksummed(authorizer)), _hash(nonce)]
        wanted = (checksummed(authorizer), _hash(nonce))

        def used_in(log: Any) -> str:
            if logs.authorization(log, self.network.token) != wanted:
                raise Nonsense
            return logs.word(log["transactionHash"])

        found: list[str] = []
        for window in self._windows(first, last):
            told = [
                set(self._logs(endpoint, used_in, topics, *window, self.network.token))
                for endpoint in self._endpoints
            ]
            found += sorted(self._agreed(told, "where an authorization was used"))
        return found

    def balance(self, owner: str) -> int:
        """How many millionths of the network's USDC an address has."""
        return self._number(_BALANCE_OF + logs.topic_of(checksummed(owner))[2:])

    def is_contract(self, address: str) -> bool:
        """Whether an address has code: then it is not its key alone that signs for it."""
        where = checksummed(address)
        block = self._state_block()
        told = [_read(one, "eth_getCode", _has_code, where, block) for one in self._endpoints]
        return self._agreed(told, f"whether {where} is a contract")

    def token_domain(self) -> tuple[str, str, int]:
        """Name, version and decimals as the token itself says them."""
        return (
            self._call(_NAME, _text),
            self._call(_VERSION, _text),
            self._number(_DECIMALS),
        )

    def _windows(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        while first <= last:
            end = min(last, first + self._blocks_at_once - 1)
            yield first, end
            first = end + 1

    def _agreed_transfers(self, batch: list[str], first: int, last: int) -> list[TransferLog]:
        told = [set(self._transfers(endpoint, batch, first, last)) for endpoint in self._endpoints]
        return list(self._agreed(told, f"the transfers in blocks {first} to {last}"))

    def _transfers(
        self, endpoint: Endpoint, batch: list[str], first: int, last: int
    ) -> list[TransferLog]:
        """One endpoint's transfers; where one block is too much, by fewer addresses."""
        asked = set(batch)

        def transfer(log: Any) -> TransferLog | None:
            found = logs.transfer(log)
            if found and not (found.recipient in asked and first <= found.block_number <= last):
                raise Nonsense
            return found

        topics = [logs.TRANSFER, None, [logs.topic_of(address) for address in batch]]
        try:
            told = self._logs(endpoint, transfer, topics, first, last)
        except TooMuch:
            if len(batch) == 1:
                raise
            half = len(batch) // 2
            parts = (batch[:half], batch[half:])
            return [log for part in parts for log in self._transfers(endpoint, part, first, last)]
        return [log for log in told if log is not None]

    def _logs(
        self,
        endpoint: Endpoint,
        decoded: Callable[[Any], _Answer],
        topics: list[Any],
        first: int,
        last: int,
        address: str | None = None,
    ) -> list[_Answer]:
        """The standing logs of a range; what is too much is asked for in halves, to one block."""
        query = {"fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
        if address is not None:
            query["address"] = address

        def standing(answer: Any) -> list[_Answer]:
            if not isinstance(answer, list):
                raise Nonsense
            return [decoded(log) for log in answer if not logs.is_removed(log)]

        try:
            return _read(endpoint, "eth_getLogs", standing, query)
        except TimedOut:
            # It may be the range, so the next one is smaller; waiting for it now takes too long.
            self._blocks_at_once = max(1, min(self._blocks_at_once, (last - first + 1) // 2))
            raise
        except TooMuch:
            if first == last:
                raise
        middle = (first + last) // 2
        # What follows is asked in such pieces at once.
        self._blocks_at_once = min(self._blocks_at_once, middle - first + 1)
        return [
            log
            for half in ((first, middle), (middle + 1, last))
            for log in self._logs(endpoint, decoded, topics, *half, address)
        ]

    def _transaction(self, endpoint: Endpoint, tx_hash: str) -> Transaction | None:
        def decoded(receipt: Any) -> Transaction | None:
            if receipt is None or receipt["blockHash"] is None:
                return None
            if logs.word(receipt["transactionHash"]) != tx_hash:
                raise Nonsense
            told = [log for log in receipt["logs"] if not logs.is_removed(log)]
            used = (logs.authorization(log, self.network.token) for log in told)
            return Transaction(
                tx_hash=tx_hash,
                succeeded=logs.quantity(receipt["status"]) == 1,
                block_number=logs.quantity(receipt["blockNumber"]),
                block_hash=logs.word(receipt["blockHash"]),
                transfers=tuple(log for log in map(logs.transfer, told) if log is not None),
                authorizations=tuple(one for one in used if one is not None),
            )

        return _read(endpoint, "eth_getTransactionReceipt", decoded, tx_hash)

    def _final(self, endpoint: Endpoint) -> Block:
        try:
            found = _block(endpoint, "finalized")
        except Refused as error:
            if not _TAG_UNKNOWN.search(error.said):
                raise
            found = None
        if found is None:
            depth = int(FINAL_AFTER_SECONDS / self.network.block_seconds)
            found = _block(endpoint, hex(max(0, _newest(endpoint).number - depth)))
        if found is None:
            raise endpoint.nonsense("eth_getBlockByNumber")
        return found

    def _number(self, data: str) -> int:
        return self._call(data, lambda result: int(logs.word(result), 16))

    def _state_block(self) -> str:
        return "latest" if len(self._endpoints) == 1 else hex(self.head().number)

    def _call(self, data: str, decoded: Callable[[Any], _Answer]) -> _Answer:
        """What the network's USDC answers, at a block that every endpoint has."""
        block = self._state_block()
        call = {"to": self.network.token, "data": data}
        told = [_read(endpoint, "eth_call", decoded, call, block) for endpoint in self._endpoints]
        return self._agreed(told, "what the token answers")

    def _agreed(self, told: Sequence[_Answer], about: str) -> _Answer:
        if any(one != told[0] for one in told):
            raise self._disagreement(about)
        return told[0]

    def _disagreement(self, about: str) -> Disagreement:
        hosts = ", ".join(endpoint.host for endpoint in self._endpoints)
        return Disagreement(f"{hosts} disagree about {about} on {self.network.key}.")


def _read(
    endpoint: Endpoint, method: str, decoded: Callable[[Any], _Answer], *params: Any
) -> _Answer:
    result = endpoint.ask(method, *params)
    try:
        return decoded(result)
    except (Nonsense, AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise endpoint.nonsense(method) from None


def _block(endpoint: Endpoint, which: str) -> Block | None:
    def decoded(answer: Any) -> Block | None:
        if answer is None:
            return None
        return Block(
            number=logs.quantity(answer["number"]),
            hash=logs.word(answer["hash"]),
            timestamp=datetime.fromtimestamp(logs.quantity(answer["timestamp"]), UTC),
            parent=logs.word(answer["parentHash"]),
        )

    return _read(endpoint, "eth_getBlockByNumber", decoded, which, False)


def _newest(endpoint: Endpoint) -> Block:
    found = _block(endpoint, "latest")
    if found is None:
        raise endpoint.nonsense("eth_getBlockByNumber")
    return found


def _has_code(result: Any) -> bool:
    return bytes.fromhex(result.removeprefix("0x")) != b""


def _text(result: Any) -> str:
    """A string as contracts return one: where it begins, how long it is, its bytes."""
    raw = bytes.fromhex(result.removeprefix("0x"))
    start = int.from_bytes(raw[:32], "big")
    end = start + 32 + int.from_bytes(raw[start : start + 32], "big")
    if not 32 <= start < end <= len(raw):
        raise Nonsense
    return raw[start + 32 : end].decode()


def _hash(text: str) -> str:
    try:
        return logs.word(text)
    except Nonsense:
        raise ValueError("a hash is 0x and 64 hexadecimal digits") from None
