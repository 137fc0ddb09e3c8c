"""Wallgent: the whole wire format, but for how its objects look (wallgent_shapes)."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final, Literal

from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.api.public import issued
from checkout.dialects.dialect import Dialect as BaseDialect
from checkout.dialects.dialect import (
    DialectNothing,
    DialectView,
    PublicDialectView,
    Refusal,
    renamed,
)
from checkout.dialects.wallgent_shapes import (
    STATUS,
    address,
    charged,
    checkout,
    invoice,
    payer_sees,
    refunded,
)
from invoicing import inputs
from invoicing import representations as native
from invoicing.actions import invoices as actions
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find, load
from invoicing.api.pagination import PageQuery, page
from invoicing.fields import (
    NO_FIELD,
    Instant,
    Line,
    Metadata,
    PositiveAmount,
    Quantity,
    Text,
    UnitPrice,
)
from payments import flows, moves, recurring_flow
from payments.actions.receiving import request_usdc
from payments.api.charges import Charges
from payments.api.invoices import start
from payments.api.refunds import whole
from payments.inputs import ChainAddress, ChainName, ChargeInput, PaymentInput, RefundInput
from payments.models import Refund
from payments.receiving import chosen_network
from payments.recurring_inputs import Interval
from payments.usdc_representations import usdc_request

# Our fields, and what they are called here; and our statuses, in the middle of a sentence.
_CAMEL = (
    "wallet_id",
    "customer_id",
    "line_items",
    "unit_price",
    "payment_method_id",
    "end_at",
    "allow_duplicate",
)
NAMES: Final = {name: to_camel(name) for name in _CAMEL} | {"due_at": "dueDate"}
SAID: Final = STATUS | {
    "paying": "FINALIZED with a payment on its way",
    "expired": "VOIDED, because its time to be paid is over",
}


class Camel(inputs.Input):
    """An input whose fields are named in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


Id = Annotated[Line, Field(min_length=1, max_length=40)]


class LineItemBody(Camel):
    """One line: description, quantity (1 when left out) and unitPrice."""

    description: Annotated[str, Field(min_length=1, max_length=500)]
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice


class InvoiceBody(Camel):
    """An invoice as it is created."""

    wallet_id: Id
    customer_id: Id
    line_items: Annotated[list[LineItemBody], Field(min_length=1, max_length=inputs.MAX_LINES)]
    memo: Text = ""
    due_date: Instant | None = None
    metadata: Metadata = {}

    def wanted(self) -> inputs.InvoiceInput:
        """The same, as the action takes it."""
        said = self.model_dump()
        said["due_at"] = said.pop("due_date")
        return inputs.read(inputs.InvoiceInput, said)


class RecurringBody(Camel):
    """How often a charge comes again, and until when."""

    interval: Interval
    end_at: Instant | None = None


class ChargeBody(Camel):
    """A charge of a saved method."""

    wallet_id: Id
    customer_id: Id
    amount: PositiveAmount
    description: Annotated[Line, Field(min_length=1, max_length=500)]
    payment_method_id: Annotated[Line, Field(max_length=40)] = ""
    recurring: RecurringBody | None = None
    # Ours: see intents.Repeatable.
    allow_duplicate: Annotated[bool, Field(strict=True)] = False

    def wanted(self) -> ChargeInput:
        """The same, as the flow takes it."""
        said = self.model_dump(exclude_unset=True, exclude={"allow_duplicate"})
        return inputs.read(ChargeInput, said)


class RefundBody(Camel):
    """Where USDC goes back to; other money goes back the way it came, and needs no body."""

    address: ChainAddress = ""
    chain: ChainName = ""

    def wanted(self) -> RefundInput:
        """The same, as the flow takes it."""
        return inputs.read(RefundInput, self.model_dump())


class InvoiceQuery(PageQuery):
    """Which invoices a list shows."""

    model_config = ConfigDict(alias_generator=to_camel)

    wallet_id: Annotated[Line, Field(max_length=40)] = ""
    customer_id: Annotated[Line, Field(max_length=40)] = ""
    status: Literal["DRAFT", "FINALIZED", "PAID", "VOIDED", "UNCOLLECTIBLE"] | None = None


class Dialect(BaseDialect):
    """How Wallgent refuses."""

    system = "wallgent"

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """In the native API's shape and with its codes, in the names and statuses of this one."""
        message, details = renamed(refusal.message, NAMES), dict(refusal.details)
        status = details.pop("status", "")
        message = message.replace(
            f"This invoice is {status}", f"This invoice is {SAID.get(status, status)}"
        )
        if "fields" in details:
            details["fields"] = [_field(**row) for row in details["fields"]]
            message = _sentence(**details["fields"][0])
        if "field" in details:
            details["field"] = renamed(details["field"], NAMES)
        error = {"code": refusal.code, "message": message, "details": details}
        return refusal.status, {"error": {**error, "requestId": refusal.request_id}}


def _field(field: str, message: str) -> dict[str, str]:
    """What is wrong with a field; one that is none keeps the name that it was sent under."""
    if message == NO_FIELD:
        return {"field": field, "message": message}
    return {"field": renamed(field, NAMES), "message": renamed(message, NAMES)}


def _sentence(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message


class Wallgent(Dialect, DialectView):
    """A door for bots."""


class Public(Dialect, PublicDialectView):
    """A door for payers."""


class Nothing(Dialect, DialectNothing):
    """What this system does not have."""


class Invoices(Wallgent):
    @Endpoint("List invoices", needs="invoices:read", query=InvoiceQuery)
    def get(self, request: Request) -> Response:
        """Newest first, a page at a time."""
        query = self.query(InvoiceQuery)
        exact = {"wallet__public_id": query.wallet_id, "customer__public_id": query.customer_id}
        rows = self.merchant.invoices.filter(**{name: id for name, id in exact.items() if id})
        if query.status:
            ours = [name for name, theirs in STATUS.items() if theirs == query.status]
            rows = rows.filter(status__in=ours)
        found = page(query, rows.whole(), lambda row: invoice(native.invoice(row)))
        return Response(
            {
                "data": found["data"],
                "hasMore": found["has_more"],
                "nextCursor": found["next_cursor"],
            }
        )

    @Endpoint("Create an invoice", needs="invoices:write", body=InvoiceBody, status=201)
    def post(self, request: Request) -> HttpResponseBase:
        """A draft."""
        wanted = self.read(InvoiceBody).wanted()
        return self.run(
            lambda: actions.create_invoice(self.merchant, wanted),
            lambda row: invoice(native.invoice(row)),
        )


class InvoiceDetail(Wallgent):
    @Endpoint("Get an invoice", needs="invoices:read")
    def get(self, request: Request, reference: str) -> Response:
        """By its id, its uuid or its number."""
        return Response(invoice(native.invoice(load(self.merchant, reference))))


class Finalize(Wallgent):
    @Endpoint("Finalize a draft", needs="invoices:write")
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """From DRAFT to FINALIZED: it gets its slug."""
        return self.run(
            lambda: actions.finalize_invoice(self.merchant, reference),
            lambda row: invoice(native.invoice(row)),
        )


class Checkout(Wallgent):
    @Endpoint("Start a payment", needs="payments:write")
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Where the payer pays all that is due."""
        row = find(self.merchant, reference)
        return self.run(lambda: start(row, PaymentInput()), checkout, steps=True)


class Charge(Wallgent, Charges):
    @Endpoint("Charge a customer", needs="payments:write", body=ChargeBody, status=201)
    def post(self, request: Request) -> HttpResponseBase:
        """A saved method, at once; with `recurring` again and again."""
        said = self.read(ChargeBody)
        wanted = said.wanted()
        move = partial(moves.charging, self.merchant, wanted, again=said.allow_duplicate)
        if wanted.recurring is not None:
            return self.run(
                lambda: recurring_flow.charge(self.merchant, wanted),
                lambda row: charged(self.started(row)),
                steps=True,
                moves=move,
            )
        return self.run(
            lambda: flows.charge(self.merchant, wanted),
            lambda done: charged(self.told(done[0].public_id, done[1])),
            steps=True,
            moves=move,
        )


class Void(Wallgent):
    @Endpoint("Void an invoice", needs="invoices:write")
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """One that is FINALIZED and has not been paid."""
        return self.run(
            lambda: actions.void_invoice(self.merchant, reference),
            lambda row: invoice(native.invoice(row)),
        )


class InvoiceRefund(Wallgent):
    @Endpoint("Refund an invoice", needs="payments:write", body=RefundBody)
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """All that can go back, the way it came; the invoice stays PAID."""
        wanted = self.read(RefundBody).wanted()
        row = find(self.merchant, reference)

        def told(rows: list[Refund]) -> dict[str, Any]:
            return {
                **invoice(native.invoice(load(self.merchant, reference))),
                "refunds": [refunded(row) for row in whole(self.merchant, rows)],
            }

        return self.run(
            lambda: flows.refund(self.merchant, reference, wanted),
            told,
            steps=True,
            moves=lambda: moves.refunding_invoice(row, wanted),
        )


class Pay(Public):
    @Endpoint("Get an invoice by its slug")
    def get(self, request: Request, slug: str) -> Response:
        """What its payer may see."""
        return Response(payer_sees(issued(slug)))


class PayCheckout(Public):
    @Endpoint("Get a checkout URL as the payer")
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Where all that is due is paid."""
        row = issued(slug)
        return self.run_as_payer(row, lambda: start(row, PaymentInput()), checkout, steps=True)


class PayUsdc(Public):
    @Endpoint("Get a USDC payment address")
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """The same every time; the amount is what is still due."""
        row = issued(slug)
        network = chosen_network(row.merchant, "")
        return self.run_as_payer(
            row,
            lambda: request_usdc(row.pk),
            lambda asked: address(usdc_request(asked, network)),
        )


urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/invoices", Invoices.as_view()),
    path("v1/invoices/charge", Charge.as_view()),
    path("v1/invoices/pay/<str:slug>", Pay.as_view()),
    path("v1/invoices/pay/<str:slug>/checkout", PayCheckout.as_view()),
    path("v1/invoices/pay/<str:slug>/usdc", PayUsdc.as_view()),
    path("v1/invoices/<str:reference>", InvoiceDetail.as_view()),
    path("v1/invoices/<str:reference>/finalize", Finalize.as_view()),
    path("v1/invoices/<str:reference>/checkout", Checkout.as_view()),
    path("v1/invoices/<str:reference>/void", Void.as_view()),
    path("v1/invoices/<str:reference>/refund", InvoiceRefund.as_view()),
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
