"""The rows of the payments room."""

from payments.models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from payments.models.payment import IN_FLIGHT, UNFINISHED, Notice, Payment, PaymentStatus
from payments.models.sandbox import SandboxSession
from payments.models.wallet import Wallet

__all__ = [
    "IN_FLIGHT",
    "UNFINISHED",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerPosting",
    "Notice",
    "Payment",
    "PaymentStatus",
    "SandboxSession",
    "Wallet",
]
