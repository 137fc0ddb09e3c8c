"""What may be asked for about USDC: fields, limits and messages."""

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from invoicing import money
from invoicing.fields import Input, Line, PositiveAmount, WrongField
from payments.inputs import ChainAddress, ChainName

_FIELDS: Final = {"xpub": "xpub", "stealth_meta_address": "stealth", "address": "address"}
KeyText = Annotated[Line, Field(max_length=400)]


class ReceivingKeyInput(Input):
    """Where a wallet's USDC goes: exactly one of the three, none of which can spend it."""

    xpub: KeyText = Field(
        default="",
        description="An extended public key, best that of m/44'/60'/0'/0: each invoice gets the "
        "next address of it. Never a private key.",
    )
    stealth_meta_address: KeyText = Field(
        default="",
        description="st:eth:0x…: each invoice gets an address that only its owner can tie to it "
        "(EIP-5564).",
    )
    address: KeyText = Field(
        default="",
        description="One address for all invoices: what comes is matched by its amount, or set "
        "aside where that fits none or several.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [name for name in _FIELDS if getattr(self, name)]
        if len(given) != 1:
            raise WrongField(
                given[1] if given else "xpub", "or one of the others, but exactly one, is needed"
            )
        return self

    @property
    def field(self) -> str:
        """The name of what was given."""
        return next(name for name in _FIELDS if getattr(self, name))

    @property
    def kind(self) -> str:
        """What kind of key it is."""
        return _FIELDS[self.field]

    @property
    def text(self) -> str:
        """The key as it was given."""
        return str(getattr(self, self.field))


class UsdcPolicyInput(Input):
    """How a merchant takes USDC; only what is named changes."""

    tolerance_basis_points: Annotated[int, Field(ge=0, le=1000, strict=True)] = Field(
        default=0,
        description="How much of an invoice's total may be missing for it to count as paid, in "
        "hundredths of a percent.",
    )
    rate_minutes: Annotated[int, Field(ge=1, le=1440, strict=True)] = Field(
        default=15, description="How long an exchange rate holds that a payer was told."
    )


class UsdcRequestInput(Input):
    """How a payer wants to send USDC."""

    chain: ChainName = Field(
        default="", description="On which chain; the first that is offered when left out."
    )


class ClaimInput(Input):
    """What a payer wants to become of money that is left over."""

    wish: Literal["refund", "credit"] = Field(
        default="refund", description="`refund` sends it back, `credit` keeps it for later."
    )
    chain: ChainName = Field(
        default="", description="The chain to send it on; the first that is offered if left out."
    )
    address: ChainAddress = Field(
        default="", description="The payer's own address, where it is to be sent back to."
    )
    note: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="A word to the seller."
    )

    @model_validator(mode="after")
    def _an_address_to_send_to(self) -> Self:
        if (self.wish == "refund") != bool(self.address):
            raise WrongField("address", 'is needed for the wish "refund", and only there')
        return self


class DeclineInput(Input):
    """Why a payer's wish is not followed."""

    note: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="Shown to the payer."
    )


def _usdc(amount: Decimal) -> Decimal:
    money.to_minor(amount, money.asset("USDC").decimals)
    return amount


class SandboxDepositInput(Input):
    """A transfer to rehearse, or what becomes of one that was told before."""

    address: Annotated[Line, Field(max_length=42)] = Field(
        default="", description="The deposit address it goes to."
    )
    amount: Annotated[PositiveAmount, AfterValidator(_usdc)] | None = Field(
        default=None, description="In USDC, with at most six decimals."
    )
    token: Annotated[Line, Field(max_length=42)] = Field(
        default="", description="Another token's contract, to rehearse a payer's mistake."
    )
    sender: Annotated[Line, Field(max_length=42)] = Field(
        default="", description="Who sends it; some address when left out."
    )
    confirmations: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = Field(
        default=None,
        description="How many blocks stand on it, its own counted: 3 make it money, 30 final. As "
        "many as it takes to be money when left out; more come as the test clock goes on.",
    )
    reorg: bool = Field(default=False, strict=True, description="Whether the chain drops it again.")
    tx_hash: Annotated[Line, Field(max_length=66)] = Field(
        default="", description="One that was told before, to say what becomes of it."
    )

    @model_validator(mode="after")
    def _new_or_known(self) -> Self:
        if not self.tx_hash and not (self.address and self.amount is not None):
            missing = "address" if not self.address else "amount"
            raise WrongField(missing, "is needed, unless a tx_hash says which transfer is meant")
        return self
