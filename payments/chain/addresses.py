"""Addresses as chains of the Ethereum kind write them, with the checksum of EIP-55."""

import re
from functools import lru_cache
from typing import Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def checksummed(text: str) -> str:
    """The address with its checksum. Raises ValueError, saying what is wrong with the text.

    Letters of one case carry no checksum and are accepted; mixed letters must be the right ones
    (EIP-55).
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError("an address is 0x and 40 hexadecimal digits")
    written = _checksummed(text.lower())
    digits = text[2:]
    if text != written and digits not in (digits.lower(), digits.upper()):
        raise ValueError("its checksum is wrong: a letter or digit was changed on the way")
    return written


def from_word(word: str) -> str:
    """The address in the last 20 bytes of a 32-byte word such as 0x000…, as logs carry it."""
    return _checksummed(f"0x{word[-40:]}".lower())


def of_public_key(uncompressed: bytes) -> str:
    """The address of a public key of 65 bytes: the end of the hash of its two coordinates."""
    return _checksummed(f"0x{keccak(uncompressed[1:])[-20:].hex()}")


@lru_cache(maxsize=65536)
def _checksummed(lower: str) -> str:
    return str(to_checksum_address(lower))
