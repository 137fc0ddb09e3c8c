"""Gwop: the whole wire format, and the doors for merchants and payers.

Amounts are whole micro-units of USDC. A merchant knows an invoice by its uuid; a payer by
`inv_` and its slug, which is all that authorises them.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

from django.db.models import Q
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from pydantic import AfterValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.api.public import PublicCheckout, PublicUsdc, issued
from checkout.api.x402 import PublicX402
from checkout.bots import agent_protocol as protocol
from checkout.dialects.dialect import (
    ISSUED_AT_ONCE,
    Dialect,
    DialectNothing,
    DialectView,
    PublicDialectView,
    Refusal,
)
from invoicing import clock, inputs, money
from invoicing.actions.invoices import issue_invoice, void_invoice
from invoicing.api import paths
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.errors import NotFound, ValidationFailed
from invoicing.fields import COMPOSED, Metadata, many_lines
from invoicing.models import Invoice, Merchant
from invoicing.models.invoice import InvoiceQuerySet
from invoicing.representations import instant, public_url
from payments.quoting import USDC

__all__ = ["paths", "urlpatterns"]

# Merchants have no uuid of their own: theirs is made of their public id, always the same.
MERCHANTS: Final = UUID("3f0d5ad4-6c1b-4e0e-9d43-5f7f3a2c8e11")
UNITS: Final = money.asset(USDC).decimals
DEFAULT_SECONDS, LEAST_SECONDS, MOST_SECONDS = 900, 60, 30 * 86_400
UNNAMED: Final = "Payment"
STATUS: Final = {
    "open": "OPEN",
    "paying": "PAYING",
    "paid": "PAID",
    "void": "CANCELED",
    "uncollectible": "CANCELED",
    "expired": "EXPIRED",
}
WORDS: Final = protocol.Words(
    payer="/v1/invoices/inv_{slug}",
    spelled=str.upper,
    flows={
        protocol.CHECKOUT: "invoice_checkout",
        protocol.USDC: "invoice_gwop_wallet",
        protocol.X402: "invoice_x402",
    },
)
# A receipt goes to whom the invoice names; paying takes no address for one.
RECEIPTS: Final = {
    "mode": "hard_optional",
    "optional_receipt_email": False,
    "prompt_when_available": False,
    "do_not_block_on_absent": True,
}


class InvoiceBody(inputs.Input):
    """An invoice as it is created."""

    amount_usdc: Annotated[int, Field(strict=True, ge=1, le=money.MAX_MINOR)]
    description: Annotated[str, Field(max_length=500), COMPOSED, AfterValidator(many_lines)] = ""
    metadata: Metadata = {}
    metadata_public: bool = Field(default=False, strict=True)
    expires_in_seconds: Annotated[int, Field(strict=True, ge=LEAST_SECONDS, le=MOST_SECONDS)] = (
        DEFAULT_SECONDS
    )

    def wanted(self, merchant: Merchant) -> inputs.InvoiceInput:
        """The same, as the action takes it."""
        ends = clock.now(merchant) + timedelta(seconds=self.expires_in_seconds)
        line = inputs.LineItemInput(
            description=self.description or UNNAMED,
            unit_price=money.to_decimal(self.amount_usdc, USDC),
            quantity=Decimal(1),
        )
        return inputs.InvoiceInput(
            currency=USDC,
            line_items=[line],
            due_at=ends,
            expires_at=ends,
            metadata=self.metadata,
            metadata_public=self.metadata_public,
        )


class InvoiceQuery(PageQuery):
    """Which invoices a list shows."""

    status: Literal["OPEN", "PAYING", "PAID", "EXPIRED", "CANCELED"] | None = None


# How things look


def status_of(row: Invoice) -> str:
    """An invoice's status, expired from the very moment that its time is over."""
    if row.status == "open" and protocol.window_has_closed(row):
        return "EXPIRED"
    return STATUS[row.status]


def agent_protocol(row: Invoice) -> dict[str, Any]:
    """What a payer's agent does next, by the addresses of this dialect."""
    said = protocol.agent_protocol(row, WORDS) or {}
    if said.get("next_action") is None:
        said.pop("next_action", None)
    return {**said, "receipt_policy": RECEIPTS}


def payer_sees(row: Invoice) -> dict[str, Any]:
    """An invoice as its payer may see it."""
    shown = {
        "public_invoice_id": f"inv_{row.slug}",
        "merchant_id": str(uuid5(MERCHANTS, row.merchant.public_id)),
        "amount_usdc": row.total,
        "currency": USDC,
        "status": status_of(row),
        "description": "\n".join(line.description for line in row.lines.all()),
        "metadata": row.metadata,
        "metadata_public": row.metadata_public,
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at),
        "paid_at": instant(row.paid_at),
        "payment_url": public_url(f"/i/{row.slug}"),
        "agent_protocol": agent_protocol(row),
    }
    if not row.metadata_public:
        del shown["metadata"]
    return shown


def invoice(row: Invoice) -> dict[str, Any]:
    """An invoice as its merchant sees it."""
    return {"id": str(row.uuid), **payer_sees(row), "metadata": row.metadata}


# The doors


class Gwop(Dialect):
    """How Gwop refuses."""

    system = "gwop"

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """A code, a sentence, what it is about, and the request's id."""
        error = {"code": refusal.code, "message": refusal.message}
        details = dict(refusal.details)
        if "status" in details:
            details["status"] = STATUS.get(details["status"], details["status"])
        return refusal.status, {
            "error": {**error, "details": details, "requestId": refusal.request_id}
        }


class Nothing(Gwop, DialectNothing):
    """What this system does not have."""


class MerchantView(Gwop, DialectView):
    """A door for merchants' bots."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Take a UUID alone as Idempotency-Key, in whichever case: it is the same UUID."""
        super().initial(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key")
        if key is not None and request.method == "POST" and not _is_uuid4(key):
            raise ValidationFailed([("Idempotency-Key", "must be a UUID of version 4")])
        if key is not None:
            request.META["HTTP_IDEMPOTENCY_KEY"] = key.lower()
            request._request.__dict__.pop("headers", None)

    def invoices(self) -> InvoiceQuerySet:
        """The merchant's issued invoices in USDC."""
        rows = self.merchant.invoices.filter(currency=USDC).exclude(status="draft")
        return rows.prefetch_related("lines")

    def invoice(self, reference: UUID) -> Invoice:
        """One of them. Raises NotFound."""
        row = self.invoices().filter(uuid=reference).first()
        if row is None:
            raise NotFound(f"There is no invoice {reference}.")
        return row


class Invoices(MerchantView):
    @Endpoint("List invoices", needs="invoices:read", query=InvoiceQuery)
    def get(self, request: Request) -> Response:
        """Newest first, a page at a time."""
        query = self.query(InvoiceQuery)
        rows, closed = self.invoices(), Q(expires_at__lte=clock.now(self.merchant))
        if query.status == "EXPIRED":
            rows = rows.filter(Q(status="expired") | Q(status="open") & closed)
        elif query.status:
            rows = rows.filter(
                status__in=[ours for ours, theirs in STATUS.items() if theirs == query.status]
            ).exclude(Q(status="open") & closed)
        return Response(page(query, rows, invoice))

    @Endpoint(
        "Create an invoice",
        needs="invoices:write",
        body=InvoiceBody,
        status=201,
        stands_for=ISSUED_AT_ONCE,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """It is issued at once, and can be paid until its time is over."""
        wanted = self.read(InvoiceBody).wanted(self.merchant)
        return self.run(lambda: issue_invoice(self.merchant, wanted), invoice)


class InvoiceDetail(MerchantView):
    @Endpoint("Get an invoice", needs="invoices:read")
    def get(self, request: Request, reference: UUID) -> Response:
        """By its uuid."""
        return Response(invoice(self.invoice(reference)))


class Cancel(MerchantView):
    @Endpoint("Cancel an invoice", needs="invoices:write", stands_for=("void_invoice",))
    def post(self, request: Request, reference: UUID) -> HttpResponseBase:
        """Nobody can pay it any more. Refused while a payment is on its way."""
        self.invoice(reference)
        return self.run(lambda: void_invoice(self.merchant, str(reference)), invoice)


class PayerInvoice(Gwop, PublicDialectView):
    @Endpoint("See an invoice as its payer")
    def get(self, request: Request, slug: str) -> Response:
        """What the completion check asks for."""
        row = issued(slug)
        if row.currency != USDC:
            raise NotFound("There is no such invoice.")
        return Response(payer_sees(row))


class PayerCheckout(Gwop, PublicCheckout):
    """A page to pay on; the same as the native one."""


class PayerUsdc(Gwop, PublicUsdc):
    """Where to send USDC; the same as the native one."""


class PayerX402(Gwop, PublicX402):
    """Paying by HTTP 402; the same as the native one, but for how it refuses."""

    def _refused(
        self, status: int, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> Response:
        request_id = getattr(self.request, "request_id", "")
        status, body = self.refused(Refusal(status, code, message, details or {}, request_id))
        return Response(body, status=status)


def _is_uuid4(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower() and UUID(text).version == 4
    except ValueError:
        return False


PAYER: Final = "v1/invoices/inv_<payer_slug:slug>"
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/invoices", Invoices.as_view()),
    path("v1/invoices/<uuid:reference>", InvoiceDetail.as_view()),
    path("v1/invoices/<uuid:reference>/cancel", Cancel.as_view()),
    path(PAYER, PayerInvoice.as_view()),
    path(f"{PAYER}/checkout", PayerCheckout.as_view()),
    path(f"{PAYER}/usdc", PayerUsdc.as_view()),
    path(f"{PAYER}/x402", PayerX402.as_view()),
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
