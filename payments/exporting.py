"""Everything that a merchant's own wallet needs to find what was paid to its addresses."""

import csv
import io
from typing import Any, Final

from invoicing.models import Merchant
from payments import usdc_representations

COLUMNS: Final = (
    "invoice",
    "number",
    "chain_family",
    "kind",
    "key",
    "path_index",
    "address",
    "ephemeral_public_key",
    "view_tag",
    "received_units",
    "created_at",
)
# What a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
WARNING: Final = (
    "Keep this file with your backups. Of a stealth address the ephemeral public key is the only "
    "way to its money: if it is lost, the money is lost."
)


def as_object(merchant: Merchant) -> dict[str, Any]:
    """Keys and addresses as JSON."""
    keys = merchant.receiving_keys.select_related("merchant", "wallet", "counter").order_by("pk")
    rows = merchant.deposit_addresses.select_related("merchant", "invoice", "key").order_by("pk")
    return {
        "object": "deposit_address_export",
        "livemode": merchant.livemode,
        "warning": WARNING,
        "keys": [usdc_representations.receiving_key(row) for row in keys],
        "addresses": [usdc_representations.deposit_address(row) for row in rows],
    }


def as_csv(merchant: Merchant) -> str:
    """One line for each address, with what has been seen there so far."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = merchant.deposit_addresses.select_related("invoice", "key").prefetch_related("transfers")
    for row in rows.order_by("pk").iterator(chunk_size=500):
        came = sum(one.amount for one in row.transfers.all() if one.status != "orphaned")
        writer.writerow(
            (
                row.invoice.public_id if row.invoice else "",
                _plain(row.invoice.number) if row.invoice else "",
                "evm",
                row.key.kind if row.key else "address",
                row.key.text if row.key else row.address,
                "" if row.index is None else row.index,
                row.address,
                row.ephemeral_public_key,
                row.view_tag,
                came,
                row.created_at.isoformat(),
            )
        )
    return text.getvalue()


def _plain(text: str | None) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = text or ""
    return f"'{text}" if text.startswith(_FORMULAS) else text
