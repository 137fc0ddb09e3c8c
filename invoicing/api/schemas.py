"""The shape of all else that the API answers about invoicing.

What is answered is made in invoicing/representations.py; the tests hold the two together.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.leash_schemas import Leash
from invoicing.api.reminder_schemas import CustomersReminders
from invoicing.api.shapes import (
    Amount,
    BotId,
    Currency,
    CustomerId,
    DeliveryId,
    EndpointId,
    EventId,
    Instant,
    KeyId,
    MerchantId,
    Metadata,
    Shape,
    WalletId,
)
from invoicing.inputs import Address, TaxId

ADDRESS = {
    "line1": "3 Mill Lane",
    "line2": "",
    "city": "York",
    "state": "",
    "postal_code": "YO1 7HU",
    "country": "GB",
}


class Credit(Shape):
    """What is kept for a customer's later invoices."""

    currency: Currency
    amount: Annotated[Amount, Field(examples=["30.00"])]


class Customer(Shape):
    """Somebody who is billed more than once."""

    id: CustomerId
    object: Literal["customer"]
    livemode: bool
    merchant_id: MerchantId
    name: Annotated[str, Field(examples=["Cleo Marsh"])]
    email: Annotated[str, Field(examples=["cleo@example.com"])]
    phone: str
    address: Annotated[Address, Field(examples=[ADDRESS])]
    tax_ids: Annotated[list[TaxId], Field(examples=[[{"type": "gb_vat", "value": "GB123456789"}]])]
    tax_exempt: Literal["none", "exempt", "reverse"]
    currency: Currency | None
    language: str
    metadata: Metadata
    reminders: CustomersReminders
    archived_at: Instant | None
    created_at: Instant
    updated_at: Instant
    credit: Annotated[
        list[Credit], Field(description="What is kept for their next invoices, by currency.")
    ]


class Merchant(Shape):
    """Who bills: the tenant that everything belongs to."""

    id: MerchantId
    object: Literal["merchant"]
    livemode: bool
    name: Annotated[str, Field(examples=["Fernhill Studio"])]
    currency: Currency
    timezone: Annotated[str, Field(examples=["Europe/Berlin"])]
    language: Annotated[str, Field(examples=["en"])]


class Bot(Shape):
    """A named machine actor."""

    id: BotId
    object: Literal["bot"]
    name: Annotated[str, Field(examples=["Billing agent"])]
    wallet_id: WalletId | None
    created_at: Instant


class ApiKey(Shape):
    """An API key without its secret."""

    id: KeyId
    object: Literal["api_key"]
    bot_id: BotId
    name: str
    prefix: Annotated[str, Field(examples=["bh_test_AbCdEfGh"])]
    permissions: Annotated[list[str], Field(examples=[["invoices:read", "invoices:write"]])]
    last_used_at: Instant | None
    expires_at: Instant | None
    revoked_at: Instant | None
    created_at: Instant


class NewApiKey(ApiKey):
    """An API key with its secret, which is shown once."""

    key: Annotated[
        str | None,
        Field(
            examples=["bh_test_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMn"],
            description="Keep it now: it is shown once. Null when a repeated request is replayed.",
        ),
    ]


class Me(Shape):
    """Whom the key belongs to, and what it may do."""

    object: Literal["me"]
    merchant: Merchant
    bot: Bot
    api_key: ApiKey
    permissions: Annotated[list[str], Field(examples=[["invoices:read", "invoices:write"]])]
    leash: Annotated[Leash | None, Field(description="What the bot may do by itself; null: all.")]


class WebhookEndpoint(Shape):
    """A URL that is told what happens."""

    id: EndpointId
    object: Literal["webhook_endpoint"]
    url: Annotated[str, Field(examples=["https://example.com/hooks/billhook"])]
    description: str
    event_types: Annotated[list[str], Field(examples=[["invoice.*"]])]
    dialect: Annotated[
        str, Field(examples=[""], description="Whose words it is told in; empty for our own.")
    ]
    enabled: bool
    disabled_at: Instant | None
    disabled_reason: str | None
    failing_since: Instant | None
    created_at: Instant


class NewWebhookEndpoint(WebhookEndpoint):
    """An endpoint with its signing secret, which is shown once."""

    secret: Annotated[
        str | None,
        Field(
            examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
            description="Keep it now: it is shown once. Null when a repeated request is replayed.",
        ),
    ]


class Delivery(Shape):
    """One event on its way to one endpoint."""

    id: DeliveryId
    object: Literal["delivery"]
    event_id: EventId
    event_type: Annotated[str, Field(examples=["invoice.paid"])]
    status: Literal["pending", "succeeded", "failed"]
    attempts_made: int
    next_attempt_at: Instant | None
    last_status_code: int | None
    last_error: str | None
    created_at: Instant
    delivered_at: Instant | None


class DeliveryAttempt(Shape):
    """One try."""

    at: Instant
    status_code: int | None
    duration_ms: int
    response_body: str
    error: str | None


class DeliveryWithAttempts(Delivery):
    """A delivery with everything that was tried, the latest first."""

    attempts: list[DeliveryAttempt]


class Actor(Shape):
    """Who did it."""

    kind: Literal["user", "bot", "payer", "system"]
    id: str | None
    name: str | None


class Event(Shape):
    """Something that happened; `data` is the object as the API showed it at that moment."""

    id: EventId
    object: Literal["event"]
    type: Annotated[str, Field(examples=["invoice.paid"])]
    timestamp: Instant
    livemode: bool
    merchant_id: MerchantId
    data: dict[str, Any]
    actor: Actor


class ErrorDetail(Shape):
    """What went wrong and what to do about it."""

    code: Annotated[str, Field(examples=["validation_error"])]
    message: Annotated[str, Field(examples=["line_items[0].unit_price: is required"])]
    details: Annotated[
        dict[str, Any],
        Field(
            examples=[{"fields": [{"field": "line_items[0].unit_price", "message": "is required"}]}]
        ),
    ]
    request_id: Annotated[str, Field(examples=["req_9f86d081884c7d659a2feaa0"])]


class Error(Shape):
    """Every refusal looks like this."""

    error: ErrorDetail
