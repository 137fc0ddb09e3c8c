"""Wayout: the whole wire format. One endpoint, which drafts and issues in one go."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from rest_framework.request import Request

from checkout.api.public import issued
from checkout.dialects.dialect import (
    ISSUED_AT_ONCE,
    Dialect,
    DialectNothing,
    DialectView,
    PublicDialectView,
    Refusal,
)
from invoicing import clock, inputs
from invoicing.actions.invoices import issue_invoice
from invoicing.api.authentication import KeyAuthentication
from invoicing.api.endpoint import Endpoint
from invoicing.drafts import end_of_day
from invoicing.errors import ValidationFailed
from invoicing.fields import (
    CurrencyCode,
    Email,
    Instant,
    Line,
    Name,
    PositiveAmount,
    Text,
    WrongField,
)
from invoicing.models import Invoice, Merchant
from invoicing.representations import instant, public_url
from payments.inputs import in_minor_units
from payments.offered import takes_usdc
from payments.quoting import USDC

# What its "Automate Payments" scope stands for: whoever may draft and issue invoices.
SCOPE: Final = "invoices:write"
PAGE: Final = "pay-invoice"


# What comes in


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number such as 25.00, without quotes")
    return value


def _fiat(code: str) -> str:
    if len(code) != 3:
        raise ValueError("must be the three letters of a fiat currency such as USD")
    return code


class InvoiceBody(inputs.Input):
    """An invoice as it is asked for; null is as good as nothing."""

    amount: Annotated[PositiveAmount, BeforeValidator(_number)]
    fiat_currency: Annotated[CurrencyCode, AfterValidator(_fiat)]
    wallet_address: Annotated[Line, Field(max_length=200)] | None = None
    coin_symbol: Annotated[Line, Field(max_length=20)] | None = None
    memo: Text | None = None
    due_at: Instant | None = None
    invoice_message: Text | None = None
    invoice_title: Name | None = None
    client_email: Email | None = None
    client_name: Name | None = None

    @model_validator(mode="after")
    def _a_coin_with_a_rail(self) -> Self:
        address = self.wallet_address
        if address is not None and len(address) < 5:
            raise WrongField("wallet_address", "must have at least 5 characters")
        if address is not None and self.coin_symbol is None:
            raise WrongField("coin_symbol", "is required beside a wallet_address")
        if self.coin_symbol is not None and self.coin_symbol.upper() != USDC:
            raise WrongField(
                "coin_symbol", f"must be {USDC}: it is the only coin that can be taken here"
            )
        return self

    def wanted(self) -> inputs.InvoiceInput:
        """The same, as the action takes it."""
        said: dict[str, Any] = {
            "currency": self.fiat_currency,
            "line_items": [
                {"description": self.invoice_title or "Payment", "unit_price": self.amount}
            ],
            "recipient": {"name": self.client_name or "", "email": self.client_email or ""},
            "wallet_address": self.wallet_address or "",
            "title": self.invoice_title or "",
            "message": self.invoice_message or "",
            "memo": self.memo or "",
            "due_at": self.due_at,
        }
        return inputs.read(inputs.InvoiceInput, said)


class TokenQuery(inputs.Input):
    """Which invoice a payer is sent to."""

    share_token: Annotated[Line, Field(min_length=1, max_length=40)]


# What goes out


def told(row: Invoice) -> dict[str, Any]:
    """The invoice, as far as this system tells of it."""
    return {
        "success": True,
        "invoice": {
            "id": row.pk,
            "share_token": row.slug,
            "created_at": instant(row.created_at),
            "pay_url": public_url(f"/compat/wayout/{PAGE}?share_token={row.slug}"),
        },
    }


def _named(field: str) -> str:
    """Its own name for one of our fields: the only line is its amount."""
    return "amount" if field.startswith("line_items") else field


class Words(Dialect):
    """How Wayout refuses."""

    system = "wayout"

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """With a sentence, which names every field that is wrong."""
        message = refusal.message.replace("Bearer bh_", "bh_")
        if fields := refusal.details.get("fields"):
            message = "; ".join(
                f"{_named(row['field'])}: {row['message']}" if row["field"] else row["message"]
                for row in fields
            )
        if refusal.details.get("permission") == SCOPE:
            message += " It is what Automate Payments stands for here."
        return refusal.status, {"success": False, "error": message}


class RawKey(KeyAuthentication):
    """`Authorization: bh_…`, the bare key; with Bearer before it as well."""

    def shown(self, parts: list[bytes]) -> bytes | None:
        """The header's only word, or what follows Bearer."""
        bare = len(parts) == 1 and parts[0].lower() != b"bearer"
        return parts[0] if bare else super().shown(parts)


class Nothing(Words, DialectNothing):
    """What this system does not have."""


class Invoices(Words, DialectView):
    authentication_classes = [RawKey]

    @Endpoint("Create an invoice", needs=SCOPE, body=InvoiceBody, stands_for=ISSUED_AT_ONCE)
    def post(self, request: Request) -> HttpResponseBase:
        """Issued at once, so that its page opens."""
        wanted = _possible(self.merchant, self.read(InvoiceBody))
        return self.run(lambda: issue_invoice(self.merchant, wanted), told)


class PayPage(Words, PublicDialectView):
    @Endpoint("Go to the page of an invoice", query=TokenQuery)
    def get(self, request: Request) -> HttpResponseBase:
        """The hosted invoice, wherever the payer came from."""
        row = issued(self.query(TokenQuery).share_token)
        return HttpResponseRedirect(public_url(f"/i/{row.slug}"))


def _possible(merchant: Merchant, body: InvoiceBody) -> inputs.InvoiceInput:
    """What is asked for, if this merchant can keep to it. Raises ValidationFailed."""
    in_minor_units(body.amount, body.fiat_currency)  # nobody is asked for a rounded amount
    wanted = body.wanted()
    due_at = end_of_day(body.due_at, merchant)
    if due_at is not None and due_at <= clock.now(merchant):
        raise ValidationFailed([("due_at", "must be in the future")])
    if body.coin_symbol and not takes_usdc(merchant, body.fiat_currency, wanted.wallet_address):
        why = f"{USDC} cannot pay {body.fiat_currency} here: no chain, address or rate is set up"
        raise ValidationFailed([("coin_symbol", why)])
    return wanted


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/invoice", Invoices.as_view()),
    path(PAGE, PayPage.as_view()),
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
