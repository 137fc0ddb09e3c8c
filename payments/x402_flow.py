"""Paying an invoice by a signed authorization: written down, settled, and seen on its chain.

A payment is written down before anybody is asked to settle it, so that one authorization pays one
invoice once, however often and from wherever it is sent. The facilitator is asked outside of any
transaction and its answer only says where to look: an invoice is paid when its chain holds the
transfer. What is not heard is never called failed, for anybody who has seen an authorization may
use it. It is looked for until it is found, or until it cannot be used any more.

A request that comes a second time settles nothing: another process is at it, or has died. It
waits a little for the first, then looks at the chain itself, and else is told to come back.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from invoicing import clock
from invoicing.errors import InvalidState, NotConfigured, ProviderFailed
from invoicing.failpoints import failpoint
from invoicing.models import Invoice
from payments import authorizing, x402_facilitator, x402_terms
from payments.actions import authorizations, receiving, transfers
from payments.chain.client import Chain, ChainError, TransferLog
from payments.chain.networks import Network
from payments.models import Authorization, DepositAddress, Transfer, TransferStatus
from payments.receiving import networks_for
from payments.watching import sighting_of
from payments.x402_facilitator import NoVerdict
from payments.x402_signed import (
    NETWORK_WRONG,
    NONCE_USED,
    SIGNATURE_WRONG,
    SPARE_SECONDS,
    TOO_LATE,
    PaymentRefused,
    Signed,
    check,
    is_signed_by_payer,
    may_be_a_contracts,
)
from payments.x402_terms import Terms

_log = logging.getLogger(__name__)

Status = Authorization.Status
AT_ONCE: Final = 50
# How long a request waits for another that is at the same payment, or for a node that is behind.
PAUSE_SECONDS: Final = 0.25
PAUSES: Final = 20
# A chain's time may be ahead of or behind ours, and blocks are made in between.
MARGIN: Final = timedelta(seconds=60)
# How much longer before than it should be an authorization's use is looked for, and how far back
# at most.
BEFORE: Final = timedelta(minutes=10)
FURTHEST: Final = timedelta(days=1)
# One confirmation is what a facilitator waits for.
CONFIRMATIONS: Final = 1

# Tests put something quicker here.
pause: Callable[[float], None] = time.sleep


def ask(invoice: Invoice) -> Terms:
    """What would pay this invoice now. Raises InvalidState for one that asks for nothing,
    NotFound where nobody would settle it.

    May make its address, as asking for it by any other way does, and changes nothing else.
    """
    if not x402_terms.networks_of(invoice):
        raise x402_terms.not_offered()
    if invoice.status == "open" and x402_terms.seconds_left(invoice) < x402_terms.SHORTEST_SECONDS:
        raise InvalidState(
            "The time to pay this invoice has passed.", details={"status": "expired"}
        )
    try:
        request = receiving.request_usdc(invoice.pk)
    except NotConfigured:
        # There is no address, or no rate: other ways to pay in USDC are as closed as this.
        raise x402_terms.not_offered() from None
    return x402_terms.terms_of(invoice, request)


def pay(invoice: Invoice, signed: Signed) -> Authorization:
    """Pay with what was signed. The row says whether it is settled, pending or failed.

    Raises PaymentRefused for what would not pay, Conflict for what was sent for something else,
    InvalidState for an invoice that asks for nothing, ProviderFailed while nobody can tell whether
    it is valid.
    """
    network = _network(invoice, signed)
    known = authorizing.earlier(network, signed)
    if known is None:
        try:
            _verify(ask(invoice), network, signed)
            row, is_new = authorizations.begin_authorization(invoice.pk, signed, network)
        except (PaymentRefused, InvalidState):
            # Another request with the same payment may have been quicker.
            known = authorizing.earlier(network, signed)
            if known is None:
                raise
        else:
            failpoint("x402:after_begin")
            return settle(row.pk) if is_new else wait_for(row.pk)
    authorizing.must_be_the_same(known, invoice, signed)
    return wait_for(known.pk)


def settle(authorization_pk: int) -> Authorization:
    """Ask the facilitator to use what a committed row holds, and see what its chain says."""
    row = _row(authorization_pk)
    network, facilitator = _network_of(row), x402_facilitator.configured()
    if network is None or facilitator is None:
        _log.warning("nobody settles on %s any more, and authorizations wait", row.network)
        authorizations.end_look(row.pk)
        return row
    told = facilitator.settle(row.payload, row.requirements)
    failpoint("x402:after_settle")
    transaction = told.transaction
    try:
        chain = Chain(network)
        # The facilitator has seen a block that our own nodes may not have yet.
        for left in range(PAUSES if transaction else 0, -1, -1):
            if _find(row, network, chain, transaction):
                return _row(row.pk)
            if left:
                pause(PAUSE_SECONDS)
        if told.refused and not chain.authorization_used(row.payer, row.nonce):
            message = "The facilitator refused to settle it."
            return authorizations.fail_authorization(row.pk, told.reason, message)
    except ChainError as problem:
        _log.warning("a settlement cannot be seen: %s", problem)
    authorizations.end_look(row.pk, transaction)
    return _row(row.pk)


def wait_for(authorization_pk: int) -> Authorization:
    """Watch what another request has begun; if it has died, see for oneself."""
    for _ in range(PAUSES):
        row = _row(authorization_pk)
        if row.status != Status.PENDING:
            return row
        if row.next_look_at is not None and row.next_look_at <= clock.wall():
            return look(row.pk)
        pause(PAUSE_SECONDS)
    row = _row(authorization_pk)
    network = _network_of(row)
    if row.status == Status.PENDING and network is not None:
        try:
            _find(row, network, Chain(network), row.tx_hash)
        except ChainError as problem:
            _log.warning("a settlement cannot be seen: %s", problem)
    return _row(authorization_pk)


def look(authorization_pk: int) -> Authorization:
    """Find out what became of an authorization that nobody has heard of since.

    It is used again as long as that is possible. It has failed when it cannot be used any more:
    when the chain calls a block final that is later than its end, and it was not used until then.
    """
    row = authorizations.begin_look(authorization_pk)
    if row is None:
        return _row(authorization_pk)
    row = _row(authorization_pk)
    network = _network_of(row)
    if network is None:
        _log.warning("%s is not configured, and authorizations wait for it", row.network)
        return row
    try:
        chain = Chain(network)
        final = chain.finalized()
        if _find(row, network, chain, row.tx_hash):
            return _row(row.pk)
        failpoint("x402:after_look")
        used = chain.authorization_used(row.payer, row.nonce)
        if final.timestamp > row.valid_before + MARGIN:
            # Used, and in no transaction: its payer has canceled it.
            return authorizations.fail_authorization(
                row.pk,
                NONCE_USED if used else TOO_LATE,
                "The authorization was canceled." if used else "It ran out before it was used.",
            )
    except ChainError as problem:
        _log.warning("an authorization cannot be looked for: %s", problem)
        authorizations.end_look(row.pk)
        return _row(row.pk)
    ends = row.valid_before - timedelta(seconds=SPARE_SECONDS)
    if not used and clock.wall() < ends and row.payment.invoice.status in {"open", "paying"}:
        return settle(row.pk)
    authorizations.end_look(row.pk)
    return _row(row.pk)


def look_at_pending() -> int:
    """Look at every authorization that is due, a bounded batch; how many are known now."""
    due = Authorization.objects.filter(status=Status.PENDING, next_look_at__lte=clock.wall())
    done = 0
    for pk in list(due.order_by("next_look_at").values_list("pk", flat=True)[:AT_ONCE]):
        try:
            done += look(pk).status != Status.PENDING
        except Exception:  # whatever it is, those behind this one must not wait
            _log.exception("an authorization was skipped", extra={"authorization": pk})
    return done


def _verify(terms: Terms, network: Network, signed: Signed) -> None:
    """Raises PaymentRefused unless it pays what is asked for and could be settled now."""
    wanted = terms.on(network.caip2)
    facilitator = x402_facilitator.configured()
    if wanted is None or facilitator is None:
        raise x402_terms.not_offered()
    check(signed, wanted, int(clock.wall().timestamp()))

    def refused(reason: str, message: str) -> PaymentRefused:
        return PaymentRefused(reason, message, signed.payer, network.caip2)

    try:
        if (
            not is_signed_by_payer(signed, network)
            and not may_be_a_contracts(signed)
            and not Chain(network).is_contract(signed.payer)
        ):
            raise refused(SIGNATURE_WRONG, "The signature is not that of the payer's address.")
        verdict = facilitator.verify(
            signed.payload(wanted, x402_terms.url_of(terms.invoice)), wanted
        )
        if verdict.valid:
            return
        if x402_facilitator.is_used(verdict.reason) and _came_already(terms, network, signed):
            return
    except (NoVerdict, ChainError) as silence:
        raise ProviderFailed(f"It could not be found out whether this pays: {silence}") from None
    raise refused(verdict.reason, "The facilitator says that this payment would not be settled.")


def _came_already(terms: Terms, network: Network, signed: Signed) -> bool:
    """Whether somebody has used the authorization before it was sent here, for this very invoice.

    Only an address that no other invoice has can tell.
    """
    address = terms.request.address
    if address.invoice_id != terms.invoice.pk:
        return False
    log = _transfer(
        Chain(network),
        signed.payer,
        signed.nonce,
        address.address,
        signed.units,
        address.created_at,
    )
    known = Transfer.objects.exclude(status=TransferStatus.ORPHANED)
    return (
        log is not None
        and not known.filter(
            network=network.caip2, tx_hash=log.tx_hash, log_index=log.log_index
        ).exists()
    )


def _find(row: Authorization, network: Network, chain: Chain, transaction: str) -> bool:
    """Take in the transfer that used an authorization, if its chain holds one. Raises ChainError.

    The watcher may have seen it before: it is one transfer and one payment all the same.
    """
    wanted = row.requirements["payTo"]
    log = _transfer(chain, row.payer, row.nonce, wanted, row.units, row.created_at, transaction)
    if log is None:
        return False
    head, final = chain.head(), chain.finalized()
    sighting = sighting_of(network, chain, log, head.number, final.number, CONFIRMATIONS)
    failpoint("x402:after_found")
    invoice = row.payment.invoice
    addresses = DepositAddress.objects.filter(merchant=invoice.merchant, address=wanted)
    address = addresses.get(Q(invoice=None) | Q(invoice=invoice))
    seen = transfers.observe(address.pk, sighting)
    if seen is not None and Authorization.objects.get(pk=row.pk).status == Status.PENDING:
        # The money has come, and was counted as something else before this was begun.
        payment = seen.payment
        if payment is None or not Authorization.objects.filter(payment=payment).exists():
            message = "This money was counted before, by another way."
            authorizations.fail_authorization(row.pk, NONCE_USED, message)
    return True


def _transfer(
    chain: Chain,
    payer: str,
    nonce: str,
    recipient: str,
    units: int,
    since: datetime,
    transaction: str = "",
) -> TransferLog | None:
    """The transfer by which an authorization was used, in the transaction that is named or else
    in any since then. Raises ChainError."""
    for tx_hash in [transaction] if transaction else []:
        if (log := _transfer_in(chain, tx_hash, payer, nonce, recipient, units)) is not None:
            return log
    if not chain.authorization_used(payer, nonce):
        return None
    head = chain.head()
    age = min(max(head.timestamp - since, timedelta(0)) + BEFORE, FURTHEST)
    # Blocks may come faster than they should.
    blocks = 2 * int(age.total_seconds() / chain.network.block_seconds)
    first = max(head.number - blocks, 0)
    for tx_hash in chain.authorization_transactions(payer, nonce, first, head.number):
        if (log := _transfer_in(chain, tx_hash, payer, nonce, recipient, units)) is not None:
            return log
    return None


def _transfer_in(
    chain: Chain, tx_hash: str, payer: str, nonce: str, recipient: str, units: int
) -> TransferLog | None:
    """This transfer in one transaction, which must have used the authorization."""
    found = chain.transaction(tx_hash)
    if found is None or not found.succeeded or (payer, nonce) not in found.authorizations:
        return None
    wanted = (chain.network.token, payer, recipient, units)
    for log in found.transfers:
        if (log.token, log.sender, log.recipient, log.amount) == wanted:
            return log
    return None


def _network(invoice: Invoice, signed: Signed) -> Network:
    offered = x402_terms.networks_of(invoice)
    if not offered:
        raise x402_terms.not_offered()
    for network in offered:
        if network.caip2 == signed.network:
            return network
    names = ", ".join(network.caip2 for network in offered)
    raise PaymentRefused(
        NETWORK_WRONG, f"The network must be one of {names}.", signed.payer, signed.network
    )


def _network_of(row: Authorization) -> Network | None:
    """Where to look for it, also when nothing is settled there any more."""
    for network in networks_for(row.payment.merchant):
        if (network.caip2, network.token) == (row.network, row.token):
            return network
    return None


def _row(pk: int) -> Authorization:
    return Authorization.objects.select_related(
        "payment__merchant", "payment__invoice__merchant"
    ).get(pk=pk)
