"""Base58 with a checksum, as extended keys are written (Base58Check of the Bitcoin wiki)."""

from hashlib import sha256
from typing import Final

_DIGITS: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def decode_check(text: str) -> bytes:
    """The bytes that were written, checksum taken off. Raises ValueError if it does not hold."""
    number = 0
    for letter in text:
        digit = _DIGITS.find(letter)
        if digit < 0:
            raise ValueError(f"has {letter!r} in it, which base58 never uses")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = raw[:-4], raw[-4:]
    if len(raw) < 5 or sha256(sha256(payload).digest()).digest()[:4] != checksum:
        raise ValueError("has a wrong checksum: a letter is missing or was changed on the way")
    return payload
