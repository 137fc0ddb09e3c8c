"""What races for addresses and for what comes to them."""

from datetime import datetime
from typing import Any

from invoicing import doorbell
from payments import matching, watching
from payments.actions import receiving, transfers
from payments.chain import keys, networks
from payments.seen import Sighting
from tests.races.moves import _racing

doorbell._send = lambda task: None


def ask(invoice_pks: list[int]) -> list[str]:
    """Ask where to send USDC for these invoices, one after another."""
    return [receiving.request_usdc(pk).address.address for pk in invoice_pks]


def ask_unguarded(invoice_pk: int) -> str:
    """A control: both look where the key stands before either counts on."""
    with _racing(False, keys.ExtendedKey, "address"):
        return receiving.request_usdc(invoice_pk).address.address


def see(address_pk: int, sighting: dict[str, Any], guarded: bool = True) -> str:
    """Take in the same transfer as another reader does at this moment."""
    with _racing(guarded, matching, "fit"):
        seen = transfers.observe(address_pk, _read(sighting))
    return seen.public_id if seen else ""


def _read(sighting: dict[str, Any]) -> Sighting:
    at = datetime.fromisoformat(sighting["mined_at"])
    return Sighting(**{**sighting, "mined_at": at, "nonces": frozenset()})


def watch() -> int:
    """Read the chain that the settings name, as a worker does."""
    return watching.watch(networks.configured()["devnet"])
