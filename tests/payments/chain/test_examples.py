"""What a merchant does offline: keys to give to Billhook, and the keys of stealth addresses."""

import csv
import io
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from coincurve import PrivateKey

from config.env import BASE_DIR
from payments.chain import keys

pytestmark = pytest.mark.once

SPENDING = "0363721eb9e981558c748b824cb32a840da2b3e8957c2fc3bcb8d9c86cb87456"
VIEWING = "b52a0555f6a8663d89f00365893b1ef9e38eaf2e8bc48a63319c9ea5cb4a27c5"


def recover(folder: Path, made: list[keys.StealthAddress], *own: str) -> tuple[int, list, str]:
    export, held = folder / "export.csv", folder / "keys.txt"
    with export.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["invoice", "chain_family", "address", "ephemeral_public_key", "view_tag"])
        for at, one in enumerate(made):
            ephemeral = f"0x{one.ephemeral_public_key.hex()}"
            out.writerow([f"inv_{at}", "evm", one.address, ephemeral, one.view_tag])
    held.write_text("\n".join(own) + "\n")
    run = subprocess.run(
        [sys.executable, "examples/recover_stealth.py", export, held],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, list(csv.DictReader(io.StringIO(run.stdout))), run.stderr


def test_the_merchant_finds_the_key_of_every_address(tmp_path: Path) -> None:
    public = [PrivateKey.from_hex(key).public_key.format().hex() for key in (SPENDING, VIEWING)]
    meta = keys.parse_meta_address(f"st:eth:0x{''.join(public)}")
    made = [keys.new_stealth_address(meta, b"\xcc" * 32)]
    made += [keys.new_stealth_address(meta) for _ in range(3)]
    code, rows, errors = recover(tmp_path, made, f"0x{SPENDING}", VIEWING.upper())
    assert (code, errors) == (0, "")
    assert [(row["invoice"], row["address"]) for row in rows] == [
        (f"inv_{at}", one.address) for at, one in enumerate(made)
    ]
    assert rows[0]["private_key"] == (
        "0xe3451adbaa52ffb36cdb5ccd1c0bda7a8f37ba723441fbf3a1b81a6df59f0c58"
    )
    # The control: the keys in the wrong order are those of nobody, and nothing is printed.
    code, rows, errors = recover(tmp_path, made, VIEWING, SPENDING)
    assert (code, rows) == (1, [])
    assert all(f"{one.address} is not of these keys" in errors for one in made)


def derive(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/derive_keys.py", *arguments],
        cwd=BASE_DIR,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_recovery_phrase_gives_the_extended_key_of_its_accounts() -> None:
    phrase = "test test test test test test test test test test test junk\n"
    text, *addresses = derive("xpub", typed=phrase).stdout.splitlines()
    key = keys.parse_xpub(text)
    assert addresses == [f"address {index}: {key.address(index)}" for index in range(3)]
    assert key.address(0) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert key.depth == 3
    other = keys.parse_xpub(derive("xpub", "1", typed=phrase).stdout.split()[0])
    assert other.fingerprint != key.fingerprint
    assert derive("xpub", "1", "2").returncode == 2
    assert derive().returncode == 2


def test_new_keys_are_written_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    held = tmp_path / "keys.txt"
    meta = keys.parse_meta_address(derive("meta", str(held)).stdout)
    assert stat.S_IMODE(held.stat().st_mode) == 0o600
    own = held.read_text().split()
    made = keys.new_stealth_address(meta)
    code, rows, _ = recover(tmp_path, [made], *own)
    assert (code, rows[0]["address"]) == (0, made.address)
    # Keys that are there are never written over.
    assert derive("meta", str(held)).returncode != 0
    assert held.read_text().split() == own
