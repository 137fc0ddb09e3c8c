"""What every answer of the API is made of: ids, amounts, instants, and objects without extras."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An object as it goes out: these fields, all of them, and no others."""

    model_config = ConfigDict(extra="forbid")


def _id(prefix: str) -> Any:
    return Field(
        pattern=f"^{prefix}_[0-9a-f]{{24}}$", examples=[f"{prefix}_9f86d081884c7d659a2feaa0"]
    )


InvoiceId = Annotated[str, _id("inv")]
LineId = Annotated[str, _id("li")]
MerchantId = Annotated[str, _id("mer")]
CustomerId = Annotated[str, _id("cus")]
CheckoutPageId = Annotated[str, _id("cp")]
WalletId = Annotated[str, _id("wal")]
BotId = Annotated[str, _id("bot")]
KeyId = Annotated[str, _id("key")]
EventId = Annotated[str, _id("evt")]
EndpointId = Annotated[str, _id("we")]
DeliveryId = Annotated[str, _id("del")]
InquiryId = Annotated[str, _id("inq")]
Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        examples=["119.00"],
        description="A decimal with exactly the currency's places.",
    ),
]
Number = Annotated[
    str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["2.5"], description="A plain decimal.")
]
Percent = Annotated[
    str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["19"], description="A rate in percent.")
]
Currency = Annotated[str, Field(examples=["USD"], description="ISO 4217, or USDC or BTC.")]
Instant = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        examples=["2026-03-02T12:00:00.000Z"],
    ),
]
Link = Annotated[
    str, Field(examples=["https://bills.example.com/i/5f4dcc3b5aa765d61d8327deb882cf99"])
]
Slug = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{32}$",
        examples=["5f4dcc3b5aa765d61d8327deb882cf99"],
        description="The payer's secret address: whoever has it may see and pay the invoice.",
    ),
]
Metadata = Annotated[
    dict[str, Any], Field(description="Your own names and values.", examples=[{"order": "A-17"}])
]
