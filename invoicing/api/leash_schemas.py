"""The shapes of a bot's leash, and of what it waits for, as the API answers them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from invoicing.api.shapes import Amount, BotId, Currency, CustomerId, Instant, Shape


class SpendingLimit(Shape):
    """How much of one currency a bot may move by one kind of verb; null holds nothing back."""

    kind: Literal["charge", "refund", "settle"]
    currency: Currency
    per_action: Amount | None
    per_day: Amount | None
    per_payee: Annotated[Amount | None, Field(description="In a day, for one customer.")]
    approval_above: Annotated[
        Amount | None, Field(description="What is more than this waits for a person.")
    ]
    used_today: Annotated[
        Amount, Field(description="What has moved or waits, since the merchant's midnight.")
    ]


class Leash(Shape):
    """What a bot may do by itself."""

    object: Literal["leash"]
    bot_id: BotId
    tools: Annotated[list[str], Field(examples=[["create_invoice", "refund_invoice"]])]
    customers: list[CustomerId]
    limits: list[SpendingLimit]


class Result(Shape):
    """The answer that a request would have had at once."""

    status: Annotated[int, Field(examples=[200])]
    body: Annotated[dict[str, Any] | None, Field(description="Null where the answer had no body.")]


class Approval(Shape):
    """What a bot asks a person for."""

    id: Annotated[str, Field(examples=["apr_9f86d081884c7d659a2feaa0"])]
    object: Literal["approval"]
    status: Literal["pending_approval", "approved", "done", "declined", "expired"]
    livemode: bool
    bot_id: BotId
    tool: Annotated[str, Field(examples=["refund_invoice"])]
    kind: Literal["charge", "refund", "settle"]
    payee: Annotated[str, Field(description="The customer, or what stands for somebody else.")]
    currency: Currency
    amount: Amount
    purpose: str
    url: Annotated[
        str, Field(description="Where to ask for it.", examples=["/v1/approvals/apr_9f86d0818"])
    ]
    created_at: Instant
    expires_at: Instant
    decided_at: Instant | None
    note: Annotated[str, Field(description="Why it was declined.")]
    result: Result | None


# Said by each endpoint that moves money.
WAITS: Final = {202: Approval}
