"""Marking an invoice paid by naming the transaction that paid it: the chain is asked, not believed.

Nothing here holds a transaction while it waits for a node, and all of it is safe to repeat.
"""

import re
from contextlib import suppress
from typing import Final

from invoicing.errors import Conflict, InvalidState, NotFound, Unavailable, ValidationFailed
from invoicing.models import Invoice, Merchant
from payments import receiving, watching
from payments.actions import receiving as receiving_actions
from payments.actions import transfers
from payments.chain.client import Chain, ChainError, Transaction, TransferLog
from payments.chain.networks import Network
from payments.chain.rehearsal import SANDBOX
from payments.inputs import MarkPaidInput
from payments.models import DepositAddress, Payment, Transfer, TransferStatus
from payments.usdc_representations import chain_key

_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")


def mark_paid_by_transfer(merchant: Merchant, reference: str, wanted: MarkPaidInput) -> Payment:
    """Verify a transaction on its chain, and let it pay the invoice; again, it is the same payment.

    Raises NotFound, ValidationFailed for a transaction that is no payment to this merchant,
    InvalidState while too few blocks stand on it, Conflict for one that pays another invoice, and
    Unavailable where its chain cannot be read.
    """
    tx_hash = wanted.tx_hash.lower()
    if not _HASH.fullmatch(tx_hash):
        raise ValidationFailed([("tx_hash", "must be 0x and 64 hexadecimal digits")])
    invoice = merchant.invoices.referred_to(reference).first()
    if invoice is None or invoice.status == "draft":
        raise NotFound(f"There is no invoice {reference} that could be paid.")
    known = _known(merchant, tx_hash)
    if not known:
        _find(merchant, invoice, tx_hash, wanted.chain)
        known = _known(merchant, tx_hash)
    for transfer in known:
        if transfer.payment and transfer.payment.invoice_id == invoice.pk:
            return _counted(transfer)
    if not known:
        raise ValidationFailed([("tx_hash", "brought no USDC to an address of yours")])
    return _counted(transfers.assign(known[0].pk, invoice.pk))


def _counted(transfer: Transfer) -> Payment:
    """Its payment, once enough blocks stand on it."""
    if transfer.status == TransferStatus.DETECTED:
        raise InvalidState(
            f"Only {transfer.confirmations} blocks stand on this transaction so far: ask again "
            "when there are more.",
            details={"status": transfer.status, "confirmations": transfer.confirmations},
        )
    if transfer.payment is None:
        raise Conflict("This transaction is being matched elsewhere; look again.")
    return transfer.payment


def _known(merchant: Merchant, tx_hash: str) -> list[Transfer]:
    rows = merchant.transfers.exclude(status=TransferStatus.ORPHANED)
    rows = rows.exclude(match=Transfer.Match.WRONG_TOKEN).filter(tx_hash=tx_hash)
    return list(rows.select_related("payment__invoice", "deposit").order_by("log_index"))


def _find(merchant: Merchant, invoice: Invoice, tx_hash: str, chain_name: str) -> None:
    """Look for the transaction on its chain, and write down what it brought."""
    if chain_name:
        networks = [receiving.chosen_network(merchant, chain_name)]
    else:
        networks = receiving.networks_for(merchant)
    asked = [row for row in networks if row.caip2 != SANDBOX.caip2]
    for network in asked:
        chain = Chain(network)
        try:
            transaction = chain.transaction(tx_hash)
            if transaction is not None:
                _take_in(merchant, invoice, network, chain, transaction)
                return
        except ChainError as problem:
            raise Unavailable(f"{network.name} cannot be read now: {problem}") from None
    names = ", ".join(row.key for row in networks)
    raise ValidationFailed([("tx_hash", f"is no transaction that was mined on {names}")])


def _take_in(
    merchant: Merchant, invoice: Invoice, network: Network, chain: Chain, found: Transaction
) -> None:
    if not found.succeeded:
        raise ValidationFailed([("tx_hash", "is a transaction that failed: nothing was moved")])
    if invoice.status in {"open", "paying"} and invoice.amount_due:
        # Its own address must be known, whether or not its payer ever asked for it.
        with suppress(InvalidState):
            receiving_actions.request_usdc(invoice.pk)
    ours = [(log, row) for log in found.transfers if (row := _address(merchant, network, log))]
    if not any(log.token == network.token for log, _ in ours):
        raise ValidationFailed([("tx_hash", _why_not(network, found, bool(ours)))])
    head, final = chain.head(), chain.finalized()
    for log, address in ours:
        if log.token == network.token:
            sighting = watching.sighting_of(network, chain, log, head.number, final.number)
            transfers.observe(address.pk, sighting)


def _why_not(network: Network, found: Transaction, other_token: bool) -> str:
    if other_token:
        return "brought another token than USDC"
    if any(log.token == network.token for log in found.transfers):
        return "brought USDC to somebody else's address"
    return f"moved no USDC on {chain_key(network.caip2)}"


def _address(merchant: Merchant, network: Network, log: TransferLog) -> DepositAddress | None:
    rows = merchant.deposit_addresses.filter(address=log.recipient)
    return rows.order_by("invoice_id").first()
