"""How USDC looks as JSON: keys, addresses, what a payer is to send, and what was seen on chain."""

from typing import Any

from invoicing import clock, money
from invoicing.models import Merchant
from invoicing.representations import instant
from payments import receiving
from payments.chain import networks
from payments.chain.networks import Network
from payments.chain.rehearsal import SANDBOX
from payments.chain.uris import transfer_uri
from payments.models import (
    DepositAddress,
    ReceivingKey,
    RefundClaim,
    Transfer,
    UsdcPayout,
    UsdcPolicy,
    UsdcRequest,
)
from payments.quoting import USDC


def network_of(caip2: str) -> Network | None:
    """The network that goes by this CAIP-2 name, configured or known."""
    known = (SANDBOX, *networks.configured().values(), *networks.PRESETS.values())
    return next((row for row in known if row.caip2 == caip2), None)


def chain_key(caip2: str) -> str:
    """The short name of a network: `base` for eip155:8453; the name itself of an unknown one."""
    network = network_of(caip2)
    return network.key if network else caip2


def chain_name(caip2: str) -> str:
    """What people call a network: Base for eip155:8453; the name itself of an unknown one."""
    network = network_of(caip2)
    return network.name if network else caip2


def shortened(text: str) -> str:
    """An address or a hash by its ends, as wallets show it: 0x1234…cdef."""
    return f"{text[:6]}…{text[-4:]}" if len(text) > 12 else text


def transaction_url(caip2: str, tx_hash: str) -> str | None:
    """Where a transaction can be looked at, if its network names such a place."""
    network = network_of(caip2)
    return f"{network.explorer}{tx_hash}" if network and network.explorer and tx_hash else None


def usdc_request(row: UsdcRequest, network: Network) -> dict[str, Any]:
    """What to send, to which address, on this chain, and until when that holds."""
    invoice = row.invoice
    ends = [at for at in (row.expires_at, invoice.expires_at) if at is not None]
    return {
        "object": "usdc_request",
        "invoice_id": invoice.public_id,
        "livemode": invoice.merchant.livemode,
        "address": row.address.address,
        "amount": money.to_text(row.units, USDC),
        "units": str(row.units),
        "currency": USDC,
        "decimals": money.asset(USDC).decimals,
        "token": network.token,
        "chain": network.key,
        "chain_id": network.chain_id,
        "chain_name": network.name,
        "network": network.caip2,
        "uri": transfer_uri(network, row.address.address, row.units),
        "invoice_amount": money.to_text(row.amount, invoice.currency),
        "invoice_currency": invoice.currency,
        "rate": money.plain(row.rate),
        "rate_source": row.rate_source,
        "confirmations_needed": network.confirmations,
        "chains": [one.key for one in receiving.networks_for(invoice.merchant)],
        "expires_at": instant(min(ends)) if ends else None,
    }


def usdc_deposit(row: Transfer) -> dict[str, Any]:
    """A transfer to one of a merchant's addresses, and what it has become."""
    payment, deposit = row.payment, row.deposit
    is_usdc = row.match != Transfer.Match.WRONG_TOKEN
    invoice = payment.invoice if payment else row.address.invoice
    return {
        "id": row.public_id,
        "object": "usdc_deposit",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "match": row.match,
        "reason": deposit.reason if deposit else "wrong_token" if not is_usdc else None,
        "resolution": deposit.status if deposit else "dismissed" if row.dismissed_at else None,
        "invoice_id": invoice.public_id if invoice else None,
        "payment_id": payment.public_id if payment else None,
        "deposit_id": deposit.public_id if deposit else None,
        "address": row.address.address,
        "sender": row.sender,
        "amount": money.to_text(row.amount, USDC) if is_usdc else None,
        "units": str(row.amount) if is_usdc else row.token_amount,
        "currency": USDC if is_usdc else None,
        "token": row.token,
        "chain": chain_key(row.network),
        "network": row.network,
        "tx_hash": row.tx_hash,
        "log_index": row.log_index,
        "block_number": row.block_number,
        "block_hash": row.block_hash,
        "transaction_url": transaction_url(row.network, row.tx_hash),
        "confirmations": row.confirmations,
        "mined_at": instant(row.mined_at),
        "created_at": instant(row.created_at),
        "confirmed_at": instant(row.confirmed_at),
        "final_at": instant(row.final_at),
        "orphaned_at": instant(row.orphaned_at),
    }


def receiving_key(row: ReceivingKey) -> dict[str, Any]:
    """What a wallet's deposit addresses come from, with its first ones to compare."""
    return {
        "id": row.public_id,
        "object": "receiving_key",
        "livemode": row.merchant.livemode,
        "wallet_id": row.wallet.public_id,
        "kind": row.kind,
        "key": row.text,
        "first_addresses": receiving.first_addresses(row),
        "next_index": row.counter.next_index if row.counter else None,
        "created_at": instant(row.created_at),
        "retired_at": instant(row.retired_at),
    }


def deposit_address(row: DepositAddress) -> dict[str, Any]:
    """An address that was given out, with all that its owner needs to find its money."""
    return {
        "id": row.public_id,
        "object": "deposit_address",
        "address": row.address,
        "invoice_id": row.invoice.public_id if row.invoice else None,
        "invoice_number": row.invoice.number if row.invoice else None,
        "key_id": row.key.public_id if row.key else None,
        "kind": row.key.kind if row.key else "address",
        "index": row.index,
        "ephemeral_public_key": row.ephemeral_public_key or None,
        "view_tag": row.view_tag or None,
        "is_watched": row.watched_until is None or row.watched_until > clock.wall(),
        "created_at": instant(row.created_at),
    }


def usdc_payout(row: UsdcPayout) -> dict[str, Any]:
    """What a merchant is to sign in a wallet of their own to give USDC back."""
    network = network_of(row.network)
    return {
        "object": "usdc_payout",
        "status": row.status,
        "chain": chain_key(row.network),
        "network": row.network,
        "address": row.address,
        "amount": money.to_text(row.units, USDC),
        "units": str(row.units),
        "uri": transfer_uri(network, row.address, row.units) if network else None,
        "tx_hash": row.tx_hash or None,
        "transaction_url": transaction_url(row.network, row.tx_hash),
    }


def refund_claim(row: RefundClaim) -> dict[str, Any]:
    """A payer's wish for money back."""
    return {
        "id": row.public_id,
        "object": "refund_claim",
        "status": row.status,
        "invoice_id": row.invoice.public_id,
        "wish": row.wish,
        "chain": chain_key(row.network) if row.network else None,
        "address": row.address or None,
        "note": row.note,
        "created_at": instant(row.created_at),
        "answered_at": instant(row.answered_at),
    }


def usdc_policy(row: UsdcPolicy, merchant: Merchant) -> dict[str, Any]:
    """How a merchant takes USDC, and on which chains."""
    return {
        "object": "usdc_policy",
        "livemode": merchant.livemode,
        "tolerance_basis_points": row.tolerance_basis_points,
        "rate_minutes": row.rate_minutes,
        "chains": [
            {
                "chain": one.key,
                "name": one.name,
                "chain_id": one.chain_id,
                "network": one.caip2,
                "token": one.token,
                "confirmations": one.confirmations,
            }
            for one in receiving.networks_for(merchant)
        ],
    }
