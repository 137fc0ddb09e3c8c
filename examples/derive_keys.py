"""Make what Billhook needs to be paid in USDC, on a machine that is offline.

Usage: python examples/derive_keys.py xpub [account]    the extended public key of a wallet
       python examples/derive_keys.py meta keys.txt     a stealth meta-address of two new keys

`xpub` asks for a recovery phrase, keeps nothing, and prints the key of the account (0 unless said
otherwise) with its first addresses: they must be the ones that your wallet shows.
`meta` writes the new spending and viewing keys to a file that only you can read. Whoever has that
file can spend what is paid to the meta-address, and without it nobody can.
"""

import hmac
import os
import sys
import unicodedata
from getpass import getpass
from hashlib import pbkdf2_hmac, sha256

from coincurve import PrivateKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
HARDENED = 2**31

Node = tuple[PrivateKey, bytes]


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["xpub"] and len(arguments) <= 2:
        show_xpub(int(arguments[1]) if len(arguments) == 2 else 0)
    elif arguments[:1] == ["meta"] and len(arguments) == 2:
        make_meta_address(arguments[1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def show_xpub(account: int) -> None:
    """Ask for the phrase unseen, or read it from a pipe."""
    phrase = getpass("Recovery phrase: ") if sys.stdin.isatty() else sys.stdin.readline()
    node = below(root(phrase), 44 + HARDENED, 60 + HARDENED, account + HARDENED)
    print(extended_public_key(node, account + HARDENED))
    for index in range(3):
        print(f"address {index}: {address_of(below(node, 0, index)[0])}")


def make_meta_address(path: str) -> None:
    """Two new keys; a file that is already there is left alone."""
    spending, viewing = PrivateKey(), PrivateKey()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{spending.to_hex()}\n{viewing.to_hex()}\n")
    both = spending.public_key.format() + viewing.public_key.format()
    print(f"st:eth:0x{both.hex()}")


def root(phrase: str) -> Node:
    """The root of a wallet without a passphrase (BIP-39, BIP-32)."""
    words = unicodedata.normalize("NFKD", " ".join(phrase.split()))
    seed = pbkdf2_hmac("sha512", words.encode(), b"mnemonic", 2048)
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    return PrivateKey(digest[:32]), digest[32:]


def below(node: Node, *path: int) -> Node:
    """Private derivation step by step (BIP-32)."""
    for number in path:
        key, chain_code = node
        head = b"\0" + key.secret if number >= HARDENED else key.public_key.format()
        digest = hmac.digest(chain_code, head + number.to_bytes(4, "big"), "sha512")
        node = key.add(digest[:32]), digest[32:]
    return node


def extended_public_key(node: Node, number: int) -> str:
    """The key of an account, at depth 3, as BIP-32 writes it; its parent's fingerprint is left
    out, since nothing is made of it."""
    key, chain_code = node
    payload = bytes.fromhex("0488b21e03") + bytes(4) + number.to_bytes(4, "big")
    payload += chain_code + key.public_key.format()
    whole = int.from_bytes(payload + sha256(sha256(payload).digest()).digest()[:4], "big")
    text = ""
    while whole:
        whole, digit = divmod(whole, 58)
        text = ALPHABET[digit] + text
    return text


def address_of(key: PrivateKey) -> str:
    return to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[-20:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
