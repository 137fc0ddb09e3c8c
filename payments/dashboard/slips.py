"""What a merchant is to sign in a wallet of their own, as a link and as a code."""

from dataclasses import dataclass

import segno

from invoicing import money
from payments.chain.rehearsal import SANDBOX
from payments.chain.uris import transfer_uri
from payments.models import UsdcPayout
from payments.quoting import USDC
from payments.usdc_representations import network_of

INK = "#1b1f24"


@dataclass(frozen=True, slots=True)
class Slip:
    """A payout as its merchant is to sign it: a link for a wallet, and the same as a code."""

    payout: UsdcPayout
    # In whole USDC, to be typed.
    amount: str
    uri: str
    qr: str
    on_sandbox: bool


def slip_of(payout: UsdcPayout) -> Slip:
    """What is to be signed, for a wallet to read."""
    network = network_of(payout.network)
    uri = transfer_uri(network, payout.address, payout.units) if network else ""
    code = segno.make(uri, micro=False, error="m") if uri else None
    return Slip(
        payout,
        amount=money.to_text(payout.units, USDC),
        uri=uri,
        qr=str(code.svg_data_uri(border=0, dark=INK)) if code else "",
        on_sandbox=payout.network == SANDBOX.caip2,
    )
