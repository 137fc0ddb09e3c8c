"""What an invoice asks for by HTTP 402: how much, where to, on which networks, and until when.

Sources: x402-specification-v2.md and -v1.md, scheme_exact_evm.md of the x402 project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from invoicing import clock
from invoicing.errors import NotFound, Unavailable
from invoicing.models import Invoice
from invoicing.representations import public_url
from payments import receiving
from payments.chain.networks import Network
from payments.chain.rehearsal import SANDBOX
from payments.models import UsdcRequest
from payments.offered import usdc_chains
from payments.x402_signed import SCHEME

LONGEST_SECONDS: Final = 300
SHORTEST_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What pays an invoice now: so many units to one address, on any of these networks."""

    invoice: Invoice
    request: UsdcRequest
    networks: tuple[Network, ...]
    seconds: int

    def on(self, caip2: str) -> Mapping[str, Any] | None:
        """The PaymentRequirements on one network; None for a network that is not offered."""
        found = next((row for row in self.networks if row.caip2 == caip2), None)
        return requirements(found, self.request, self.seconds) if found else None


def networks_of(invoice: Invoice) -> list[Network]:
    """The networks on which somebody would settle a payment to this invoice's merchant.

    Transfers of the sandbox are told and not signed: no wallet could pay there.
    """
    if not settings.X402_FACILITATOR_URL:
        return []
    return [row for row in receiving.networks_for(invoice.merchant) if row != SANDBOX]


def is_offered(invoice: Invoice) -> bool:
    """Whether this invoice can be paid by x402 now, as far as can be told without asking."""
    return bool(networks_of(invoice)) and bool(usdc_chains(invoice))


def ends_at(invoice: Invoice, request: UsdcRequest | None = None) -> datetime | None:
    """Until when what is asked for holds, on the merchant's clock."""
    ends = [invoice.expires_at, request.expires_at if request else None]
    return min((at for at in ends if at is not None), default=None)


def seconds_left(invoice: Invoice, request: UsdcRequest | None = None) -> int:
    """For how long a payment that is signed now may take; at most five minutes."""
    ends = ends_at(invoice, request)
    if ends is None:
        return LONGEST_SECONDS
    left = (ends - clock.now(invoice.merchant)).total_seconds()
    return max(0, min(int(left), LONGEST_SECONDS))


def terms_of(invoice: Invoice, request: UsdcRequest) -> Terms:
    """What is asked for by this request. Raises NotFound where nobody would settle it,
    Unavailable while its exchange rate is about to change."""
    networks = networks_of(invoice)
    if not networks:
        raise not_offered()
    seconds = seconds_left(invoice, request)
    if seconds < SHORTEST_SECONDS:
        raise Unavailable("The exchange rate is about to change; ask again in a few seconds.")
    return Terms(invoice, request, tuple(networks), seconds)


def requirements(network: Network, request: UsdcRequest, seconds: int) -> dict[str, Any]:
    """One entry of `accepts`, in version 2."""
    return {
        "scheme": SCHEME,
        "network": network.caip2,
        "asset": network.token,
        "amount": str(request.units),
        "payTo": request.address.address,
        "maxTimeoutSeconds": seconds,
        "extra": {"name": network.token_name, "version": network.token_version},
    }


def url_of(invoice: Invoice) -> str:
    """The address that is paid for."""
    return public_url(f"/v1/invoices/pay/{invoice.slug}/x402")


def not_offered() -> NotFound:
    """What to raise where an invoice cannot be paid by x402 at all."""
    return NotFound(
        "This invoice cannot be paid by x402: nobody here would settle it, or its merchant has "
        "no address or no rate for it.",
        code="not_configured",
    )
