"""What spends money is told from what only receives it, and is never taken."""

import re
from typing import Final

import base58

_MNEMONIC_LENGTHS: Final = (12, 15, 18, 21, 24)
_EXTENDED_PRIVATE: Final = re.compile(r"[xtyzuvYZUV]prv")
_WIF_VERSIONS: Final = (0x80, 0xEF)


class BadKey(ValueError):
    """What was given is no key Billhook can be paid to; the message is for the merchant."""


def refuse_secrets(text: str, wanted: str) -> None:
    """Raise BadKey if the text is a private key or a recovery phrase; `wanted` says what to give.

    The error never repeats what was typed.
    """
    kind = _secret_kind(text)
    if kind:
        raise BadKey(
            f"This is {kind}: whoever has it can spend your money, so Billhook must never hold "
            f"one and has not kept it. Since it has been typed here, consider it as known: move "
            f"the money to a new wallet. {wanted}"
        )


def _secret_kind(text: str) -> str:
    parts = [part for part in re.split(r"[\s.,;:]+", text) if part and not part.isdecimal()]
    if len(parts) in _MNEMONIC_LENGTHS and all(part.isalpha() for part in parts):
        return "a recovery phrase"
    if _EXTENDED_PRIVATE.match(text):
        return "an extended private key"
    if re.fullmatch(r"(0[xX])?[0-9a-fA-F]{64}", text):
        return "a private key"
    if re.fullmatch(r"[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}", text) and _is_wif(text):
        return "a private key"
    if re.fullmatch(r"[xt]pub[1-9A-HJ-NP-Za-km-z]+", text) and _hides_a_private_key(text):
        return "a private key dressed as a public one"
    return ""


def _is_wif(text: str) -> bool:
    try:
        return base58.b58decode_check(text)[0] in _WIF_VERSIONS
    except ValueError:
        return False


def _hides_a_private_key(text: str) -> bool:
    """Whether the key inside begins with a zero, as only private ones do."""
    try:
        raw = base58.b58decode_check(text)
    except ValueError:
        return False
    return len(raw) == 78 and raw[45] == 0
