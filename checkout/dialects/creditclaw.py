"""CreditClaw: the whole wire format, but for how its objects look (creditclaw_shapes).

What its document says nothing of (sales, checkout pages, the shape of an error) is here as its
author would have it.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, NoReturn

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_safe
from pydantic import AfterValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.actions.checkout_pages import create_checkout_page
from checkout.dialects.creditclaw_shapes import (
    USD,
    checkout_page,
    created,
    listed,
    sale,
    sent,
)
from checkout.dialects.dialect import Dialect, DialectNothing, DialectView, Refusal
from checkout.inputs import CheckoutPageInput
from checkout.sales import sales_of
from invoicing import clock, inputs
from invoicing.actions.invoices import create_invoice
from invoicing.api import paths
from invoicing.api.endpoint import Endpoint
from invoicing.api.renderer import ExactJsonRenderer
from invoicing.errors import NotConfigured, ValidationFailed
from invoicing.fields import (
    Amount,
    Email,
    Instant,
    Line,
    Name,
    PositiveAmount,
    Quantity,
    RequiredName,
    Text,
    UnitPrice,
)
from invoicing.mailing import send_draft_now
from invoicing.models.invoice import InvoiceQuerySet
from invoicing.representations import public_url
from payments.models import Wallet
from payments.wallets import wallet_of_bot

__all__ = ["paths", "urlpatterns"]

DUE_AFTER: Final = timedelta(days=30)
DEFAULT_LIMIT, MAX_LIMIT = 100, 500
# Its statuses, and which invoices each of them is.
OPEN: Final = Q(status__in=["open", "paying"])
FILTERS: Final = {
    "draft": Q(status="draft"),
    "sent": OPEN & Q(viewed_at=None),
    "viewed": OPEN & Q(viewed_at__isnull=False),
    "paid": Q(status="paid"),
    "cancelled": Q(status__in=["void", "expired", "uncollectible"]),
}


def _cents(amount: Decimal) -> Decimal:
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError("must have at most 2 decimal places")
    return amount


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= MAX_LIMIT):
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


Id = Annotated[Line, Field(min_length=1, max_length=40)]
Limit = Annotated[str, AfterValidator(_limit)]


class LineItemBody(inputs.Input):
    """One line as it is sent."""

    description: Annotated[str, Field(min_length=1, max_length=500)]
    quantity: Quantity
    unit_price_usd: UnitPrice


class InvoiceBody(inputs.Input):
    """An invoice as it is created."""

    checkout_page_id: Id
    recipient_name: Name = ""
    recipient_email: Email = ""
    recipient_type: Literal["human", "bot", "agent"] = "human"
    line_items: Annotated[list[LineItemBody], Field(min_length=1, max_length=inputs.MAX_LINES)]
    tax_usd: Annotated[Amount, AfterValidator(_cents)] = Decimal(0)
    due_date: Instant | None = None
    notes: Text = ""


class PageBody(inputs.Input):
    """A checkout page as it is created."""

    title: RequiredName
    description: Text = ""
    amount_usd: Annotated[PositiveAmount, AfterValidator(_cents)] | None = None


class ListQuery(inputs.Input):
    """Which rows a list shows."""

    checkout_page_id: Annotated[Line, Field(max_length=40)] = ""
    limit: Limit = str(DEFAULT_LIMIT)


class InvoiceQuery(ListQuery):
    """Which invoices a list shows."""

    status: Literal["draft", "sent", "viewed", "paid", "cancelled"] | None = None


# The doors


class Creditclaw(Dialect):
    """How CreditClaw answers: numbers as numbers, and an error by its code."""

    system = "creditclaw"
    renderer_classes = [ExactJsonRenderer]
    # What it calls our refusals at this door: our code, and its status and code.
    words: ClassVar[Mapping[str, tuple[int, str]]] = {}

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """A code, a sentence, and which fields are wrong."""
        status, code = self.words.get(refusal.code, (refusal.status, refusal.code))
        said: dict[str, Any] = {"error": code, "message": _named(refusal.message)}
        if fields := refusal.details.get("fields"):
            said["details"] = [
                {name: _named(text) for name, text in field.items()} for field in fields
            ]
        return status, {**said, "request_id": refusal.request_id}


def _named(text: str) -> str:
    return re.sub(r"\bunit_price\b", "unit_price_usd", text)


class Nothing(Creditclaw, DialectNothing):
    """What this system does not have."""


class BotView(Creditclaw, DialectView):
    """A door for bots."""

    def own_wallet(self) -> Wallet | None:
        """Where what this bot sells goes; None without an active wallet."""
        return wallet_of_bot(self.caller.bot, USD)

    def wallet(self) -> Wallet:
        """The same. Raises NotConfigured, which is told as wallet_not_found."""
        found = self.own_wallet()
        if found is None:
            raise NotConfigured(
                "This bot has no active wallet in USD: open one with POST /v1/wallets.",
                code="wallet_not_found",
            )
        return found

    def invoices(self) -> InvoiceQuerySet:
        """The invoices of the bot's owner that can be told in dollars."""
        rows = self.merchant.invoices.filter(currency=USD)
        return rows.select_related("checkout_page").prefetch_related("lines")


class Invoices(BotView):
    @Endpoint("List invoices", needs="invoices:read", query=InvoiceQuery)
    def get(self, request: Request) -> Response:
        """Newest first; nothing without an active wallet."""
        query = self.query(InvoiceQuery)
        if self.own_wallet() is None:
            return Response({"invoices": []})
        rows = self.invoices()
        if query.status:
            rows = rows.filter(FILTERS[query.status])
        if query.checkout_page_id:
            rows = rows.filter(checkout_page__public_id=query.checkout_page_id)
        found = rows.order_by("-pk")[: int(query.limit)]
        return Response({"invoices": [listed(row) for row in found]})


class CreateInvoice(BotView):
    words = {"not_found": (404, "checkout_page_not_found")}

    @Endpoint("Create an invoice", needs="invoices:write", body=InvoiceBody, status=201)
    def post(self, request: Request) -> HttpResponseBase:
        """A draft, which is sent by itself."""
        wallet = self.wallet()
        body = self.read(InvoiceBody)
        page = self.merchant.checkout_pages.filter(public_id=body.checkout_page_id)
        own = page.filter(wallet__currency=USD).exists()
        wanted = inputs.read(
            inputs.InvoiceInput,
            {
                "checkout_page_id": body.checkout_page_id,
                "wallet_id": None if own else wallet.public_id,
                "recipient": {
                    "name": body.recipient_name,
                    "email": body.recipient_email,
                    "type": body.recipient_type,
                },
                "currency": USD,
                "line_items": [
                    {
                        "description": line.description,
                        "quantity": line.quantity,
                        "unit_price": line.unit_price_usd,
                    }
                    for line in body.line_items
                ],
                "tax_amount": body.tax_usd or None,
                "due_at": body.due_date or clock.now(self.merchant) + DUE_AFTER,
                "notes": body.notes,
            },
        )
        return self.run(lambda: create_invoice(self.merchant, wanted), created)


class SendInvoice(BotView):
    words = {
        "invalid_state": (400, "only_draft_invoices_can_be_sent"),
        "internal_error": (500, "send_failed"),
    }

    @Endpoint("Send an invoice", needs="invoices:write")
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Issues a draft, and tries its mail before it answers."""
        self.wallet()
        return self.run(
            lambda: send_draft_now(self.merchant, reference),
            lambda done: sent(*done),
            steps=True,
        )


class SendNothing(BotView):
    words = {"validation_error": (400, "missing_invoice_id")}

    @Endpoint("Send an invoice", needs="invoices:write")
    def post(self, request: Request) -> NoReturn:
        """Refused: the address lacks the invoice's id."""
        self.wallet()
        raise ValidationFailed([("id", "is required: …/invoices/{id}/send")])


class CheckoutPages(BotView):
    @Endpoint("List checkout pages", needs="checkout:read", query=ListQuery)
    def get(self, request: Request) -> Response:
        """Newest first; nothing without an active wallet."""
        query = self.query(ListQuery)
        if self.own_wallet() is None:
            return Response({"checkout_pages": []})
        rows = self.merchant.checkout_pages.filter(currency=USD, archived_at=None)
        if query.checkout_page_id:
            rows = rows.filter(public_id=query.checkout_page_id)
        found = rows.order_by("-pk")[: int(query.limit)]
        return Response({"checkout_pages": [checkout_page(row) for row in found]})


class CreateCheckoutPage(BotView):
    @Endpoint("Create a checkout page", needs="checkout:write", body=PageBody, status=201)
    def post(self, request: Request) -> HttpResponseBase:
        """What is paid there goes to the bot's wallet."""
        wallet = self.wallet()
        body = self.read(PageBody)
        wanted = CheckoutPageInput(
            title=body.title,
            description=body.description,
            currency=USD,
            amount=body.amount_usd,
            wallet_id=wallet.public_id,
        )
        return self.run(lambda: create_checkout_page(self.merchant, wanted), checkout_page)


class Sales(BotView):
    @Endpoint("List sales", needs="checkout:read", query=ListQuery)
    def get(self, request: Request) -> Response:
        """Newest first; nothing without an active wallet."""
        query = self.query(ListQuery)
        if self.own_wallet() is None:
            return Response({"sales": []})
        rows = sales_of(self.merchant, query.checkout_page_id).filter(currency=USD)
        found = rows.order_by("-pk")[: int(query.limit)]
        return Response({"sales": [sale(row) for row in found]})


@require_safe
def pay(request: HttpRequest, page_id: str) -> HttpResponse:
    """Lead a payer on to the page itself, which decides what the link opens."""
    query = request.GET.urlencode()
    return HttpResponseRedirect(public_url(f"/pay/{page_id}{'?' if query else ''}{query}"))


BOT: Final = "api/v1/bot"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{BOT}/invoices", Invoices.as_view()),
    path(f"{BOT}/invoices/create", CreateInvoice.as_view()),
    path(f"{BOT}/invoices/send", SendNothing.as_view()),
    path(f"{BOT}/invoices//send", SendNothing.as_view()),
    path(f"{BOT}/invoices/<id:reference>/send", SendInvoice.as_view()),
    path(f"{BOT}/checkout-pages", CheckoutPages.as_view()),
    path(f"{BOT}/checkout-pages/create", CreateCheckoutPage.as_view()),
    path(f"{BOT}/sales", Sales.as_view()),
    path("pay/<slug:page_id>", pay),
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
