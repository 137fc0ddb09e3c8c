"""The rows of the payments room."""

from payments.models.authorization import Authorization
from payments.models.deposit import Deposit
from payments.models.dispute import (
    DISPUTES_ENDED,
    DISPUTES_OPEN,
    RETURNED_BY_BANK,
    Dispute,
    DisputeFile,
    DisputeStatus,
    DisputeSubmission,
)
from payments.models.ledger import LedgerAccount, LedgerEntry, LedgerHead, LedgerPosting
from payments.models.method import MethodSetup, PaymentMethod, ProviderCustomer
from payments.models.payment import (
    IN_FLIGHT,
    MONEY_CAME,
    UNFINISHED,
    Notice,
    Payment,
    PaymentStatus,
)
from payments.models.payout import MerchantPayout, Payout, PayoutLine
from payments.models.receiving import (
    DepositAddress,
    DerivationCounter,
    ExchangeRate,
    ReceivingKey,
    UsdcPolicy,
    UsdcRequest,
)
from payments.models.recurring import (
    RUNNING,
    DunningPolicy,
    RecurringCharge,
    RecurringPeriod,
    RecurringStatus,
)
from payments.models.refund import REFUNDS_UNFINISHED, Refund, RefundStatus
from payments.models.sandbox import (
    SandboxMethod,
    SandboxRefund,
    SandboxSession,
    SandboxSetup,
)
from payments.models.sending import RefundClaim, UsdcPayout
from payments.models.transfer import TRANSFERS_UNSURE, ChainCursor, Transfer, TransferStatus
from payments.models.wallet import Wallet

__all__ = [
    "DISPUTES_ENDED",
    "DISPUTES_OPEN",
    "IN_FLIGHT",
    "MONEY_CAME",
    "REFUNDS_UNFINISHED",
    "RETURNED_BY_BANK",
    "RUNNING",
    "TRANSFERS_UNSURE",
    "UNFINISHED",
    "Authorization",
    "ChainCursor",
    "Deposit",
    "DepositAddress",
    "DerivationCounter",
    "Dispute",
    "DisputeFile",
    "DisputeStatus",
    "DisputeSubmission",
    "DunningPolicy",
    "ExchangeRate",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerHead",
    "LedgerPosting",
    "MerchantPayout",
    "MethodSetup",
    "Notice",
    "Payment",
    "PaymentMethod",
    "PaymentStatus",
    "Payout",
    "PayoutLine",
    "ProviderCustomer",
    "ReceivingKey",
    "RecurringCharge",
    "RecurringPeriod",
    "RecurringStatus",
    "Refund",
    "RefundClaim",
    "RefundStatus",
    "SandboxMethod",
    "SandboxRefund",
    "SandboxSession",
    "SandboxSetup",
    "Transfer",
    "TransferStatus",
    "UsdcPayout",
    "UsdcPolicy",
    "UsdcRequest",
    "Wallet",
]
