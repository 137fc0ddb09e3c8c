"""Work out the private keys of stealth addresses from Billhook's export. Run it offline.

Usage: python examples/recover_stealth.py export.csv [keys.txt] > keys.csv

The export has the columns address and ephemeral_public_key; others are carried along. keys.txt
holds the spending key and the viewing key of your meta-address, each on a line of its own as 64
hexadecimal digits; without it they are asked for. Every key is checked against its address before
it is printed. Whoever sees what this prints can spend the money.
"""

import csv
import sys
from getpass import getpass
from pathlib import Path

from coincurve import PrivateKey, PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    spending, viewing = own_keys(sys.argv[2] if len(sys.argv) == 3 else None)
    unknown = 0
    with Path(sys.argv[1]).open(newline="") as export:
        rows = csv.DictReader(export)
        out = csv.writer(sys.stdout)
        out.writerow(["invoice", "address", "private_key"])
        for row in rows:
            if not row["ephemeral_public_key"]:
                continue  # of an extended key, whose wallet finds it by its index
            key = stealth_key(spending, viewing, bytes.fromhex(bare(row["ephemeral_public_key"])))
            if address_of(key).lower() == row["address"].lower():
                out.writerow([row.get("invoice", ""), address_of(key), f"0x{key.to_hex()}"])
            else:
                unknown += 1
                print(f"{row['address']} is not of these keys", file=sys.stderr)
    return 1 if unknown else 0


def own_keys(path: str | None) -> tuple[PrivateKey, PrivateKey]:
    """The merchant's two keys, from a file or typed unseen; never from the command line."""
    if path is None:
        lines = [getpass("Spending key: "), getpass("Viewing key: ")]
    else:
        lines = Path(path).read_text().split()
    spending, viewing = (PrivateKey.from_hex(bare(line)) for line in lines)
    return spending, viewing


def stealth_key(spending: PrivateKey, viewing: PrivateKey, ephemeral: bytes) -> PrivateKey:
    """EIP-5564, scheme 1: the spending key plus the hash of the shared point, compressed."""
    shared = PublicKey(ephemeral).multiply(viewing.secret).format(compressed=True)
    return spending.add(keccak(shared))


def address_of(key: PrivateKey) -> str:
    return to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[-20:])


def bare(text: str) -> str:
    return text.strip().lower().removeprefix("0x")


if __name__ == "__main__":
    sys.exit(main())
