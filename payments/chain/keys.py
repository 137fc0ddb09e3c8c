"""What a merchant may give to be paid to: an extended public key, a stealth meta-address or an
address. Whatever could spend money is refused, and never repeated in an error.

Sources: BIP-32 (public derivation), BIP-44 (paths), EIP-5564 and ERC-6538 (stealth addresses),
EIP-55 (checksums of addresses).
"""

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

import base58
from coincurve import PublicKey
from eth_utils.crypto import keccak

from invoicing import ids
from payments.chain import addresses
from payments.chain.networks import known_tokens
from payments.chain.secrets_refused import BadKey, refuse_secrets

__all__ = [
    "BadKey",
    "ExtendedKey",
    "MetaAddress",
    "NoSuchChild",
    "StealthAddress",
    "new_stealth_address",
    "parse_address",
    "parse_meta_address",
    "parse_xpub",
]

ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
HARDENED: Final = 2**31

_XPUB: Final = bytes.fromhex("0488b21e")
_TPUB: Final = bytes.fromhex("043587cf")
_BITCOIN_PREFIXES: Final = ("ypub", "zpub", "Ypub", "Zpub", "upub", "vpub", "Upub", "Vpub")
_ACCOUNT_DEPTH: Final = 3
_ADDRESSES_DEPTH: Final = 4

_META: Final = re.compile(r"st:([A-Za-z0-9-]{1,32}):0x([0-9a-fA-F]+)")
# Short names of test chains, as the ethereum-lists project gives them, and as people write them.
_TEST_SHORT_NAMES: Final = frozenset(
    ("sep", "sepolia", "basesep", "base-sepolia", "polygonamoy", "matic-amoy", "amoy")
    + ("arb-sep", "arbsep", "opsep", "op-sep", "fuji", "hol", "holesky", "hoodi", "gor")
)

# Addresses below this are precompiles or nothing; nobody holds their keys.
_LEAST_ADDRESS: Final = 2**16
_BURN_ADDRESS: Final = "0x000000000000000000000000000000000000dEaD"

_XPUB_WANTED: Final = (
    "Give the extended public key (xpub…) that your wallet shows for the Ethereum account."
)


class NoSuchChild(Exception):
    """The key has no child at this index, as happens once in 2^127; take the next one."""


@dataclass(frozen=True)
class ExtendedKey:
    """A key from which addresses are counted off, and none of their private keys.

    `fingerprint` names the line of addresses: an account's key and the key of its receiving
    branch, which give the same addresses, have the same one.
    """

    text: str
    depth: int
    testnet: bool
    fingerprint: str
    _branch: bytes = field(repr=False)
    _chain_code: bytes = field(repr=False)

    def address(self, index: int) -> str:
        """The address at `index`, from 0. Raises NoSuchChild, and ValueError from 2^31 on."""
        child, _ = _child(self._branch, self._chain_code, index)
        return addresses.of_public_key(PublicKey(child).format(compressed=False))


@dataclass(frozen=True)
class MetaAddress:
    """The two public keys of a merchant from which anyone makes addresses only they can use."""

    text: str
    short_name: str
    spend: bytes
    view: bytes
    testnet: bool


@dataclass(frozen=True)
class StealthAddress:
    """An address, and what its owner needs to find its key: losing that loses the money."""

    address: str
    ephemeral_public_key: bytes
    view_tag: int


def parse_xpub(text: str) -> ExtendedKey:
    """Read an extended public key of an account (m/44'/60'/0', of which it takes the receiving
    branch) or of that branch (m/44'/60'/0'/0). Raises BadKey."""
    text = text.strip()
    refuse_secrets(text, _XPUB_WANTED)
    if text.startswith("st:"):
        raise BadKey(f"This is a stealth meta-address, not an extended key. {_XPUB_WANTED}")
    if text.startswith(("0x", "0X")):
        raise BadKey(
            "This is an address or a single key; from it no addresses can be counted off. "
            f"{_XPUB_WANTED}"
        )
    if text.startswith(_BITCOIN_PREFIXES):
        raise BadKey(
            f"A key beginning with {text[:4]} is for Bitcoin's own kinds of address. {_XPUB_WANTED}"
        )
    if not text.startswith(("xpub", "tpub")):
        raise BadKey(f"An extended public key begins with xpub. {_XPUB_WANTED}")
    try:
        raw = base58.b58decode_check(text)
    except ValueError:
        raise BadKey(
            "This key has a wrong checksum: a letter is missing or was changed on the way. Copy it "
            "again from your wallet."
        ) from None
    return _extended_key(text, raw)


def parse_meta_address(text: str) -> MetaAddress:
    """Read `st:<chain>:0x…` of scheme 1, with one key or two. Raises BadKey."""
    text = text.strip()
    wanted = "Give the stealth meta-address that your wallet shows: st:eth:0x…"
    refuse_secrets(text, wanted)
    match = _META.fullmatch(text)
    if match is None:
        raise BadKey(f"A stealth meta-address is st:, a chain's short name, :0x and keys. {wanted}")
    short_name, digits = match.groups()
    if len(digits) not in (66, 132):
        raise BadKey(
            "After 0x a stealth meta-address has 132 hexadecimal digits, or 66 where one key does "
            f"for both; this one has {len(digits)}."
        )
    raw = bytes.fromhex(digits)
    spend, view = raw[:33], raw[-33:]
    for name, key in (("first (spending)", spend), ("last (viewing)", view)):
        if _point(key) is None:
            raise BadKey(
                f"The {name} key in this meta-address is not a public key: it begins with 02 or "
                "03 and must be a point of the curve. Copy it again from your wallet."
            )
    return MetaAddress(
        text=f"st:{short_name}:0x{digits.lower()}",
        short_name=short_name,
        spend=spend,
        view=view,
        testnet=short_name.lower() in _TEST_SHORT_NAMES,
    )


def parse_address(text: str) -> str:
    """Read a wallet's address and give it with its checksum. Raises BadKey."""
    text = text.strip()
    wanted = "Give the address of your wallet: 0x and 40 digits."
    refuse_secrets(text, wanted)
    if text.startswith(("xpub", "tpub", "st:")):
        raise BadKey(f"This is not a single address. {wanted}")
    if re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", text):
        raise BadKey(f"Billhook looks up no names. {wanted}")
    try:
        address = addresses.checksummed(text)
    except ValueError as error:
        raise BadKey(f"This is not a usable address: {error}. {wanted}") from None
    if int(address, 16) < _LEAST_ADDRESS or address == _BURN_ADDRESS:
        raise BadKey(f"Nobody holds the key of this address; money sent there is lost. {wanted}")
    if address in known_tokens():
        raise BadKey(
            "This is the contract of a token, not a wallet; money sent there is lost. " + wanted
        )
    return address


def new_stealth_address(meta: MetaAddress, secret: bytes | None = None) -> StealthAddress:
    """A fresh address that only the holder of the meta-address's keys can spend from.

    The secret behind it is drawn here and forgotten on return: with it and one leaked key of a
    stealth address the merchant's spending key could be worked out. `secret` is for test vectors.
    The shared point is hashed compressed, as the wallets in use do; EIP-5564 leaves that open.
    Raises ValueError if a given secret is of no use.
    """
    while True:
        drawn = ids.random_bytes(32) if secret is None else secret
        made = _stealth_address(meta, drawn)
        if made is not None:
            return made
        if secret is not None:
            raise ValueError("a secret of no use: zero, too large, or its address has no key")


def _stealth_address(meta: MetaAddress, secret: bytes) -> StealthAddress | None:
    if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < ORDER:
        return None
    shared = PublicKey(meta.view).multiply(secret).format(compressed=True)
    hashed = keccak(shared)
    if not 0 < int.from_bytes(hashed, "big") < ORDER:
        return None
    try:
        stealth = PublicKey(meta.spend).add(hashed)
    except ValueError:  # the point at infinity
        return None
    return StealthAddress(
        address=addresses.of_public_key(stealth.format(compressed=False)),
        ephemeral_public_key=PublicKey.from_valid_secret(secret).format(compressed=True),
        view_tag=hashed[0],
    )


def _extended_key(text: str, raw: bytes) -> ExtendedKey:
    if len(raw) != 78 or raw[:4] not in (_XPUB, _TPUB):
        raise BadKey(f"This is no extended public key. {_XPUB_WANTED}")
    depth, number = raw[4], int.from_bytes(raw[9:13], "big")
    chain_code, key = raw[13:45], raw[45:]
    if _point(key) is None:
        raise BadKey(
            "The key inside is not a point of the curve, so nothing can be received with it. "
            "Copy it again from your wallet."
        )
    if depth == _ADDRESSES_DEPTH and number < HARDENED:
        branch = key
    elif depth == _ACCOUNT_DEPTH and number >= HARDENED:
        try:
            branch, chain_code = _child(key, chain_code, 0)
        except NoSuchChild:
            raise BadKey("This account has no receiving branch. Give another account's.") from None
    else:
        raise BadKey(
            f"This key stands at depth {depth} of its wallet. Give the one of an account "
            "(depth 3, m/44'/60'/0') or of its receiving branch (depth 4, m/44'/60'/0'/0)."
        )
    return ExtendedKey(
        text=text,
        depth=depth,
        testnet=raw[:4] == _TPUB,
        fingerprint=keccak(chain_code + branch)[:4].hex(),
        _branch=branch,
        _chain_code=chain_code,
    )


def _child(key: bytes, chain_code: bytes, index: int) -> tuple[bytes, bytes]:
    """CKDpub of BIP-32: the child's key and chain code. Raises NoSuchChild."""
    if not 0 <= index < HARDENED:
        raise ValueError("an index is from 0 to 2147483647")
    digest = _hmac_sha512(chain_code, key + index.to_bytes(4, "big"))
    left, right = digest[:32], digest[32:]
    if int.from_bytes(left, "big") >= ORDER:
        raise NoSuchChild(index)
    try:
        child = PublicKey(key).add(left)
    except ValueError:  # the point at infinity
        raise NoSuchChild(index) from None
    return child.format(compressed=True), right


def _hmac_sha512(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha512")


def _point(key: bytes) -> PublicKey | None:
    """The point that 33 bytes stand for, if they do."""
    if len(key) != 33 or key[0] not in (2, 3):
        return None
    try:
        return PublicKey(key)
    except ValueError:
        return None
