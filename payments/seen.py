"""A transfer as it was read from a chain, before anything is made of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from payments.models import TRANSFERS_UNSURE, UNFINISHED

UNSURE: Final = frozenset(TRANSFERS_UNSURE)
STILL_TO_COME: Final = frozenset({*UNFINISHED, "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """One Transfer log in one block, and how much the chain has built on it.

    `amount` is in units of the token; `needed` is the number of confirmations, its own block
    counted, after which it is money. `nonces` are the authorizations of its sender that its
    transaction used up.
    """

    network: str
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    mined_at: datetime
    token: str
    sender: str
    amount: int
    is_usdc: bool
    confirmations: int
    is_final: bool
    needed: int
    nonces: frozenset[str] = frozenset()
