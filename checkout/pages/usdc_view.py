"""What a payer is told about USDC: what to send and where, what has come, what is left over."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import segno
from django.db.models import Q
from django.utils.translation import gettext as _

from checkout.pages.hosted import Hosted
from invoicing import clock, money
from payments.chain.networks import Network
from payments.chain.uris import transfer_uri
from payments.left_over import LeftOver, left_over
from payments.models import RefundClaim, Transfer, UsdcPayout, UsdcRequest
from payments.quoting import USDC
from payments.rates import PEGGED
from payments.receiving import networks_for
from payments.usdc_representations import (
    chain_name,
    network_of,
    shortened,
    transaction_url,
)

MOST_SHOWN: Final = 20


def usdc_text(units: int) -> str:
    """Units as a wallet wants them typed, in every language: 12500000 is "12.50"."""
    whole, _point, fraction = money.to_text(units, USDC).partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A transfer as its payer sees it."""

    row: Transfer

    @property
    def amount(self) -> str:
        """How much came, in USDC; empty for another token."""
        return f"{usdc_text(self.row.amount)} {USDC}" if self.row.amount else ""

    @property
    def chain(self) -> str:
        return chain_name(self.row.network)

    @property
    def state(self) -> str:
        """wrong_token, or how sure it is."""
        wrong = self.row.match == Transfer.Match.WRONG_TOKEN
        return "wrong_token" if wrong else str(self.row.status)

    @property
    def needed(self) -> int:
        """How many confirmations make it count."""
        network = network_of(self.row.network)
        return network.confirmations if network else self.row.confirmations

    @property
    def tx(self) -> str:
        return shortened(self.row.tx_hash)

    @property
    def url(self) -> str | None:
        return transaction_url(self.row.network, self.row.tx_hash)

    @property
    def said(self) -> str:
        """How far it is, in a few words."""
        if self.state == "detected":
            return _("Confirmations: %(count)s of %(needed)s") % {
                "count": self.row.confirmations,
                "needed": self.needed,
            }
        return {"confirmed": _("Confirmed"), "final": _("Confirmed")}.get(self.state, "")


@dataclass(frozen=True, slots=True)
class Told:
    """A claim, and what of it is on its way."""

    row: RefundClaim
    payouts: tuple[UsdcPayout, ...]

    @property
    def chain(self) -> str:
        return chain_name(self.row.network)

    @property
    def amount(self) -> str:
        return f"{usdc_text(sum(one.units for one in self.payouts))} {USDC}"

    @property
    def status(self) -> str:
        """open, declined, kept, promised, sent, or called_off."""
        if self.row.status != RefundClaim.Status.ACCEPTED:
            return str(self.row.status)
        if self.row.wish == RefundClaim.Wish.CREDIT:
            return "kept"
        states = {one.status for one in self.payouts}
        if states == {UsdcPayout.Status.CANCELED}:
            return "called_off"
        gone = {UsdcPayout.Status.SEEN, UsdcPayout.Status.DONE}
        return "sent" if states and states <= gone else "promised"

    @property
    def transactions(self) -> list[tuple[str, str | None]]:
        """Every transaction that brought it, by its ends, and where it can be looked at."""
        return [
            (shortened(one.tx_hash), transaction_url(one.network, one.tx_hash))
            for one in self.payouts
            if one.tx_hash
        ]


@dataclass
class UsdcSide:
    """The part of an invoice's page that is about USDC. Takes one query where none has come."""

    page: Hosted

    @cached_property
    def transfers(self) -> list[Transfer]:
        """What was seen at the invoice's address or paid it, the newest first."""
        invoice = self.page.invoice
        return list(
            Transfer.objects.filter(
                Q(payment__invoice=invoice) | Q(payment=None, address__invoice=invoice)
            )
            .select_related("deposit")
            .order_by("-pk")[:MOST_SHOWN]
        )

    @property
    def seen(self) -> list[Seen]:
        return [Seen(row) for row in self.transfers]

    @cached_property
    def left(self) -> LeftOver:
        """What the payer may have back."""
        deposits = [row.deposit for row in self.transfers if row.payment_id is None]
        return left_over(self.page.invoice.status, self.page.payments, deposits)

    @property
    def set_aside(self) -> str:
        return f"{usdc_text(self.left.set_aside)} {USDC}"

    @cached_property
    def claims(self) -> list[Told]:
        """What the payer has asked for, the oldest first."""
        if not self.transfers:
            return []
        invoice = self.page.invoice
        rows = list(invoice.refund_claims.order_by("pk"))
        if not rows:
            return []
        payouts = UsdcPayout.objects.filter(
            Q(refund__invoice=invoice) | Q(refund__deposit__transfer__address__invoice=invoice)
        ).order_by("pk")
        return [Told(row, _of_claim(row, list(payouts))) for row in rows]

    @property
    def may_claim(self) -> bool:
        """Whether something is left over that nobody has asked for yet."""
        asked = any(one.row.status == RefundClaim.Status.OPEN for one in self.claims)
        return bool(self.left) and not asked

    @property
    def came_on(self) -> str:
        """The chain of the newest transfer (CAIP-2), on which its sender surely has a wallet."""
        return self.transfers[0].network if self.transfers else ""

    @property
    def networks(self) -> list[Network]:
        return networks_for(self.page.merchant)


@dataclass
class UsdcPage(UsdcSide):
    """The page on which an invoice is paid in USDC, on the chain that was chosen."""

    network: Network
    # What to send; None while all that is due is on its way.
    request: UsdcRequest | None

    @property
    def amount(self) -> str:
        return usdc_text(self.request.units) if self.request else ""

    @property
    def uri(self) -> str:
        """What a wallet opens with everything filled in (EIP-681)."""
        if self.request is None:
            return ""
        return transfer_uri(self.network, self.request.address.address, self.request.units)

    @property
    def qr(self) -> str:
        """The same as an image. Dark on white in every theme, or cameras do not read it."""
        code = segno.make(self.uri, micro=False, error="m")
        return str(code.svg_data_uri(border=2, dark="#000", light="#fff"))

    @property
    def holds_until(self) -> datetime | None:
        return self.request.expires_at if self.request else None

    @property
    def seconds_left(self) -> int:
        """How long the amount still holds."""
        if self.holds_until is None:
            return 0
        left = self.holds_until - clock.now(self.page.merchant)
        return max(int(left.total_seconds()), 0)

    @property
    def has_run_out(self) -> bool:
        """Whether the amount holds no longer, and another is to be asked for."""
        at = clock.now(self.page.merchant)
        return self.request is not None and not self.request.holds_at(at)

    @property
    def rate(self) -> str:
        """What one unit of the currency is worth; empty where that goes without saying."""
        if self.request is None or self.page.invoice.currency in PEGGED:
            return ""
        return f"1 {self.page.invoice.currency} = {money.plain(self.request.rate)} {USDC}"

    @property
    def poll_seconds(self) -> int:
        """How often to look again."""
        return 3 if any(row.status == "detected" for row in self.transfers) else 6

    @property
    def mark(self) -> str:
        """Changes whenever this page would say something else."""
        parts = [self.page.mark, f"{self.request.pk if self.request else 0}"]
        parts += ["over"] if self.has_run_out else []
        parts += [f"{row.pk}{row.status}{row.confirmations}" for row in self.transfers]
        return ".".join(parts)

    @property
    def said(self) -> str:
        """What is new, for those who listen to the page."""
        newest = next(iter(self.seen), None)
        return f"{newest.amount} {newest.said}".strip() if newest else ""


def _of_claim(row: RefundClaim, payouts: list[UsdcPayout]) -> tuple[UsdcPayout, ...]:
    """The payouts that an accepted claim has made: to its address, from then on."""
    at = row.answered_at
    return tuple(
        one
        for one in payouts
        if at is not None
        and (one.network, one.address) == (row.network, row.address)
        and one.created_at >= at
    )
