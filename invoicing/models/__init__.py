"""The rows of the invoicing room."""

from invoicing.models.access import ApiKey, Bot, Invitation, Membership, User
from invoicing.models.clock_move import ClockMove
from invoicing.models.credit_note import CreditNote
from invoicing.models.customer import Customer
from invoicing.models.event import Delivery, DeliveryAttempt, Event, WebhookEndpoint
from invoicing.models.idempotency import IdempotentRequest
from invoicing.models.inquiry import Inquiry
from invoicing.models.intent import Intent
from invoicing.models.invoice import Invoice, LineItem
from invoicing.models.leash import Approval, Leash
from invoicing.models.merchant import Account, Logo, Merchant, NumberSeries
from invoicing.models.message import Document, Message
from invoicing.models.reminder import Reminder

__all__ = [
    "Account",
    "ApiKey",
    "Approval",
    "Bot",
    "ClockMove",
    "CreditNote",
    "Customer",
    "Delivery",
    "DeliveryAttempt",
    "Document",
    "Event",
    "IdempotentRequest",
    "Inquiry",
    "Intent",
    "Invitation",
    "Invoice",
    "Leash",
    "LineItem",
    "Logo",
    "Membership",
    "Merchant",
    "Message",
    "NumberSeries",
    "Reminder",
    "User",
    "WebhookEndpoint",
]
