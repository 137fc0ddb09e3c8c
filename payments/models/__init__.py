"""The rows of the payments room."""

from payments.models.deposit import Deposit
from payments.models.dispute import (
    DISPUTES_ENDED,
    DISPUTES_OPEN,
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
from payments.models.refund import REFUNDS_UNFINISHED, Refund, RefundStatus
from payments.models.sandbox import SandboxRefund, SandboxSession
from payments.models.wallet import Wallet

__all__ = [
    "DISPUTES_ENDED",
    "DISPUTES_OPEN",
    "IN_FLIGHT",
    "MONEY_CAME",
    "REFUNDS_UNFINISHED",
    "UNFINISHED",
    "Deposit",
    "Dispute",
    "DisputeFile",
    "DisputeStatus",
    "DisputeSubmission",
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
    "Refund",
    "RefundStatus",
    "SandboxRefund",
    "SandboxSession",
    "Wallet",
]
