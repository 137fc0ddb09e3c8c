"""What can be told: every event type, with what it means."""

from typing import Final

TYPES: Final[dict[str, str]] = {
    "invoice.created": "A draft was created",
    "invoice.updated": "A draft was changed",
    "invoice.deleted": "A draft was deleted",
    "invoice.finalized": "An invoice got its number and can be paid",
    "invoice.sent": "An invoice was sent to its recipient",
    "invoice.viewed": "The payer opened the invoice for the first time",
    "invoice.payment_started": "Money for an invoice is on its way",
    "invoice.partially_paid": "Part of what is due has been received",
    "invoice.paid": "All that was due has been received",
    "invoice.overpaid": "More than was due has been received",
    "invoice.payment_failed": "An attempt to pay did not succeed",
    "invoice.overdue": "The due date has passed",
    "invoice.voided": "The merchant no longer asks for this money",
    "invoice.uncollectible": "The merchant does not expect this money any more",
    "invoice.expired": "The payment window has closed",
    "customer.created": "A customer was created",
    "customer.updated": "A customer was changed",
    "customer.deleted": "A customer was deleted or archived",
}
FAMILIES: Final = sorted({name.split(".")[0] + ".*" for name in TYPES})
