"""What a customer has left for next time: saved cards and bank accounts, and credit."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import AfterValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound, ProviderFailed
from invoicing.fields import Input, Line
from invoicing.models import Customer, Merchant
from payments import flows, representations
from payments.actions import methods as actions
from payments.api import money_schemas
from payments.models import MethodSetup, PaymentMethod
from payments.rails.rail import RailError


def _address(text: str) -> str:
    """An https address without a user's name in it; http only on this very machine."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError("must be an address such as https://example.com/thanks") from None
    here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or here):
        raise ValueError("must be an address such as https://example.com/thanks")
    return text


ReturnUrl = Annotated[Line, Field(max_length=500), AfterValidator(_address)]


class SetupInput(Input):
    """What to save."""

    type: Annotated[
        Literal["card", "ach"], Field(description="A card, or an American bank account.")
    ] = "card"
    return_url: ReturnUrl = Field(
        default="",
        description="Where the customer is sent back to: an https address of yours. This "
        "installation's front page when left out.",
    )


class CustomerMethods(ApiView):
    tag = "Customers"

    @Endpoint(
        "List saved payment methods",
        needs="customers:read",
        query=PageQuery,
        answers=money_schemas.PaymentMethod,
        page=True,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Newest first, removed ones too."""
        query = self.query(PageQuery)
        rows = _methods(self.merchant).filter(customer=customer_of(self.merchant, customer_id))
        return Response(page(query, rows, representations.payment_method))

    @Endpoint(
        "Save a payment method",
        needs="payments:write",
        body=SetupInput,
        answers=money_schemas.MethodSetup,
        status=201,
        refuses=(409, 502),
        example={"type": "card"},
    )
    def post(self, request: Request, customer_id: str) -> HttpResponseBase:
        """Opens a page at the provider, `url`, on which the customer leaves a card or account and
        agrees that it is charged later. `customer.payment_method_saved` is told when they have."""
        wanted = self.read(SetupInput)
        customer_of(self.merchant, customer_id)
        return self.run(
            lambda: _begin(self.merchant, customer_id, wanted),
            representations.method_setup,
            steps=True,
        )


class MethodDefault(ApiView):
    tag = "Customers"

    @Endpoint(
        "Make a payment method the default",
        needs="payments:write",
        answers=money_schemas.PaymentMethod,
        refuses=(409,),
    )
    def post(self, request: Request, customer_id: str, method_id: str) -> HttpResponseBase:
        """It is charged wherever no method is named."""
        return self.run(
            lambda: actions.choose_default(self.merchant, customer_id, method_id),
            representations.payment_method,
        )


class MethodDetail(ApiView):
    tag = "Customers"

    @Endpoint(
        "Get a saved payment method", needs="customers:read", answers=money_schemas.PaymentMethod
    )
    def get(self, request: Request, customer_id: str, method_id: str) -> Response:
        """How it stands; what identifies the card or account is kept by the provider alone."""
        rows = _methods(self.merchant).filter(customer__public_id=customer_id)
        method = rows.filter(public_id=method_id).first()
        if method is None:
            raise NotFound(f"There is no payment method {method_id}.")
        return Response(representations.payment_method(method))

    @Endpoint(
        "Remove a saved payment method",
        needs="payments:write",
        answers=money_schemas.PaymentMethod,
    )
    def delete(self, request: Request, customer_id: str, method_id: str) -> HttpResponseBase:
        """It is never charged again, and the provider forgets it."""
        return self.run(
            lambda: flows.remove_method(self.merchant, customer_id, method_id),
            representations.payment_method,
            steps=True,
        )


class SetupDetail(ApiView):
    tag = "Customers"

    @Endpoint(
        "Get a visit to save a payment method",
        needs="customers:read",
        answers=money_schemas.MethodSetup,
    )
    def get(self, request: Request, setup_id: str) -> Response:
        """Whether the customer has been there, and what they saved."""
        rows = MethodSetup.objects.select_related("customer", "method")
        setup = rows.filter(merchant=self.merchant, public_id=setup_id).first()
        if setup is None:
            raise NotFound(f"There is no setup {setup_id}.")
        return Response(representations.method_setup(setup))


class CustomerCredit(ApiView):
    tag = "Customers"

    @Endpoint("Get a customer's credit", needs="customers:read", answers=money_schemas.Credits)
    def get(self, request: Request, customer_id: str) -> Response:
        """What they overpaid or got credited: it pays their next invoices of that currency."""
        customer = customer_of(self.merchant, customer_id)
        return Response({"object": "list", "data": representations.customer_credit(customer)})


def customer_of(merchant: Merchant, customer_id: str) -> Customer:
    """This merchant's customer. Raises NotFound."""
    customer = merchant.customers.filter(public_id=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return customer


def _methods(merchant: Merchant) -> QuerySet[PaymentMethod]:
    return merchant.payment_methods.select_related("merchant", "customer")


def _begin(merchant: Merchant, customer_id: str, wanted: SetupInput) -> MethodSetup:
    try:
        setup = flows.save_method(merchant, customer_id, wanted.type, wanted.return_url)
    except RailError as error:
        raise ProviderFailed(f"The page could not be opened: {error.message}") from None
    return MethodSetup.objects.select_related("customer", "method").get(pk=setup.pk)
