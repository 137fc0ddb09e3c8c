"""The shape of what the API answers about USDC."""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.shapes import Amount, Currency, Instant, InvoiceId, Shape, WalletId
from payments.api.money_schemas import DepositId, DepositStatus
from payments.api.schemas import PaymentId

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def _id(prefix: str) -> Any:
    return Field(
        pattern=f"^{prefix}_[0-9a-f]{{24}}$", examples=[f"{prefix}_9f86d081884c7d659a2feaa0"]
    )


Address = Annotated[
    str,
    Field(
        description="With its EIP-55 checksum.",
        pattern="^0x[0-9a-fA-F]{40}$",
        examples=[ADDRESS],
    ),
]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", examples=["0x" + "5c" * 32])]
Units = Annotated[str, Field(description="In units of 10^-6 USDC.", examples=["25000000"])]
Chain = Annotated[str, Field(examples=["base"])]
Network = Annotated[str, Field(description="CAIP-2.", examples=["eip155:8453"])]
ReceivingKeyId = Annotated[str, _id("rk")]
ClaimId = Annotated[str, _id("clm")]
TransferStatus = Literal["detected", "confirmed", "final", "orphaned"]
TransferMatch = Literal["invoice", "unmatched", "wrong_token"]


class ReceivingKey(Shape):
    """What a wallet's deposit addresses come from."""

    id: ReceivingKeyId
    object: Literal["receiving_key"]
    livemode: bool
    wallet_id: WalletId
    kind: Literal["xpub", "stealth", "address"]
    key: str
    first_addresses: Annotated[
        list[Address],
        Field(description="Compare them with what your own wallet shows before you use it."),
    ]
    next_index: int | None
    created_at: Instant
    retired_at: Instant | None


class DepositAddress(Shape):
    """An address that was given out, with all that its owner needs to find its money."""

    id: Annotated[str, _id("adr")]
    object: Literal["deposit_address"]
    address: Address
    invoice_id: InvoiceId | None
    invoice_number: str | None
    key_id: ReceivingKeyId | None
    kind: Literal["xpub", "stealth", "address"]
    index: int | None
    ephemeral_public_key: str | None
    view_tag: str | None
    is_watched: bool
    created_at: Instant


class UsdcRequest(Shape):
    """What a payer is to send: so much, to this address, on this chain, and nothing else."""

    object: Literal["usdc_request"]
    invoice_id: InvoiceId
    livemode: bool
    address: Address
    amount: Annotated[Amount, Field(examples=["25.000000"])]
    units: Units
    currency: Literal["USDC"]
    decimals: int
    token: Annotated[Address, Field(description="The USDC contract on this chain.")]
    chain: Chain
    chain_id: int
    chain_name: str
    network: Network
    uri: Annotated[str, Field(description="EIP-681, as in the QR code.")]
    invoice_amount: Amount
    invoice_currency: Currency
    rate: Annotated[str, Field(description="USDC for one whole unit of the invoice's currency.")]
    rate_source: str
    confirmations_needed: int
    chains: list[Chain]
    expires_at: Annotated[
        Instant | None, Field(description="Ask again then: the rate may be another.")
    ]


class UsdcDeposit(Shape):
    """A transfer to one of a merchant's addresses, and what it has become."""

    id: DepositId
    object: Literal["usdc_deposit"]
    status: TransferStatus
    livemode: bool
    match: TransferMatch
    reason: Annotated[str | None, Field(description="Why it fits no invoice.")]
    resolution: DepositStatus | Literal["dismissed"] | None
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    deposit_id: DepositId | None
    address: Address
    sender: Address
    amount: Amount | None
    units: Units
    currency: Literal["USDC"] | None
    token: Address
    chain: Chain
    network: Network
    tx_hash: Hash
    log_index: int
    block_number: int
    block_hash: Hash
    transaction_url: str | None
    confirmations: int
    mined_at: Instant
    created_at: Instant
    confirmed_at: Instant | None
    final_at: Instant | None
    orphaned_at: Instant | None


class PublicUsdcDeposit(Shape):
    """A transfer as its payer sees it."""

    status: TransferStatus
    amount: Amount | None
    currency: Literal["USDC"] | None
    chain: Chain
    tx_hash: Hash
    transaction_url: str | None
    confirmations: int
    confirmations_needed: int


class PublicUsdcDeposits(Shape):
    """What has been seen so far of what a payer has sent."""

    object: Literal["usdc_deposits"]
    invoice_status: str
    amount_due: Amount
    currency: Currency
    deposits: list[PublicUsdcDeposit]


class UsdcChain(Shape):
    """A chain on which USDC is taken."""

    chain: Chain
    name: str
    chain_id: int
    network: Network
    token: Address
    confirmations: int


class UsdcPolicy(Shape):
    """How a merchant takes USDC, and on which chains."""

    object: Literal["usdc_policy"]
    livemode: bool
    tolerance_basis_points: int
    rate_minutes: int
    chains: list[UsdcChain]


class RefundClaim(Shape):
    """A payer's wish for money back."""

    id: ClaimId
    object: Literal["refund_claim"]
    status: Literal["open", "accepted", "declined"]
    invoice_id: InvoiceId
    wish: Literal["refund", "credit"]
    chain: Chain | None
    address: Address | None
    note: str
    created_at: Instant
    answered_at: Instant | None


class AddressExport(Shape):
    """Every address that was given out: with your own keys it finds all the money."""

    object: Literal["deposit_address_export"]
    livemode: bool
    warning: str
    keys: list[ReceivingKey]
    addresses: list[DepositAddress]
