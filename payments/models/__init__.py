"""The rows of the payments room."""

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
from payments.models.wallet import Wallet

__all__ = [
    "DISPUTES_ENDED",
    "DISPUTES_OPEN",
    "IN_FLIGHT",
    "MONEY_CAME",
    "REFUNDS_UNFINISHED",
    "RETURNED_BY_BANK",
    "RUNNING",
    "UNFINISHED",
    "Deposit",
    "Dispute",
    "DisputeFile",
    "DisputeStatus",
    "DisputeSubmission",
    "DunningPolicy",
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
    "RecurringCharge",
    "RecurringPeriod",
    "RecurringStatus",
    "Refund",
    "RefundStatus",
    "SandboxMethod",
    "SandboxRefund",
    "SandboxSession",
    "SandboxSetup",
    "Wallet",
]
