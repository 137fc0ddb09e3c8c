"""What logs of a chain say, decoded by hand: libraries take a hundred times as long.

Sources: the JSON-RPC API of Ethereum's execution clients, ERC-20, EIP-3009.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from payments.chain import addresses

# keccak-256 of Transfer(address,address,uint256)
TRANSFER: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
# keccak-256 of AuthorizationUsed(address,bytes32)
AUTHORIZATION_USED: Final = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"

_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")


class Nonsense(Exception):
    """A log, a block or a receipt is not what the API promises."""


@dataclass(frozen=True, slots=True)
class TransferLog:
    """One transfer of any token as its contract told it; `amount` in the token's atoms."""

    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    token: str
    sender: str
    recipient: str
    amount: int


def quantity(value: Any) -> int:
    """A number as the API writes it, such as 0x1b4."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Nonsense
    return int(value, 16)


def word(value: Any) -> str:
    """32 bytes, in small letters."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise Nonsense
    return value.lower()


def topic_of(address: str) -> str:
    """An address as logs are filtered by it."""
    return f"0x{address[2:].lower():0>64}"


def transfer(log: Any) -> TransferLog | None:
    """The transfer that a log tells of, if it is a standing one of an ERC-20 token and moves
    something. Raises Nonsense."""
    topics = _topics(log)
    data = log.get("data")
    if not isinstance(data, str):
        raise Nonsense
    # Four topics are ERC-721's; other data is of something that only looks like a transfer.
    if len(topics) != 3 or topics[0] != TRANSFER or not _WORD.fullmatch(data):
        return None
    amount = int(data, 16)
    if amount == 0:
        return None
    return TransferLog(
        tx_hash=word(log.get("transactionHash")),
        log_index=quantity(log.get("logIndex")),
        block_number=quantity(log.get("blockNumber")),
        block_hash=word(log.get("blockHash")),
        token=_contract(log),
        sender=addresses.from_word(topics[1]),
        recipient=addresses.from_word(topics[2]),
        amount=amount,
    )


def authorization(log: Any, token: str) -> tuple[str, str] | None:
    """Who authorized and which nonce, if a log says that this token used an authorization.
    Raises Nonsense."""
    topics = _topics(log)
    if len(topics) != 3 or topics[0] != AUTHORIZATION_USED or _contract(log) != token:
        return None
    return addresses.from_word(topics[1]), topics[2]


def is_removed(log: Any) -> bool:
    """Whether a reorganization took the log away. Raises Nonsense."""
    if not isinstance(log, dict):
        raise Nonsense
    return bool(log.get("removed"))


def _topics(log: Any) -> list[str]:
    topics = log.get("topics") if isinstance(log, dict) else None
    if not isinstance(topics, list):
        raise Nonsense
    return [word(topic) for topic in topics]


def _contract(log: dict[str, Any]) -> str:
    address = log.get("address")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise Nonsense
    return addresses.from_word(address)
