"""What a customer has left for next time: saved cards and bank accounts, and credit."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import AfterValidator, Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import clock
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound, ProviderFailed, ValidationFailed
from invoicing.fields import Input, Line, WrongField
from invoicing.models import Customer, Merchant
from payments import flows, representations
from payments.actions import methods as actions
from payments.api import money_schemas
from payments.models import MethodSetup, PaymentMethod
from payments.rails.rail import RailError
from payments.sandbox import provider, saving
from payments.sandbox.inputs import card_to_save


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
    """What to save: on a page that is opened for it, or a test card at once by its number."""

    type: Annotated[
        Literal["card", "ach", "sandbox"],
        Field(
            description="A card, or an American bank account. `sandbox` is the sandbox's own card "
            "page, with test keys only; so is `card` where a test key has no real provider."
        ),
    ] = "card"
    return_url: ReturnUrl = Field(
        default="",
        description="Where the customer is sent back to: an https address of yours. This "
        "installation's front page when left out.",
    )
    number: Annotated[Line, Field(max_length=40, examples=["4242424242424242"])] = Field(
        default="",
        description="A test card of the sandbox, saved at once. With test keys only: real card "
        "numbers never come here.",
    )
    exp_month: Annotated[int, Field(strict=True, ge=1, le=12)] | None = Field(
        default=None, description="Of the test card; 12 when left out."
    )
    exp_year: Annotated[int, Field(strict=True, ge=2000, le=2200)] | None = Field(
        default=None, description="Of the test card; some years from now when left out."
    )

    @model_validator(mode="after")
    def _all_or_none_of_the_card(self) -> Self:
        for name in ("exp_month", "exp_year"):
            if getattr(self, name) is not None and not self.number:
                raise WrongField(name, 'is for a test card: give its "number" too, or leave it out')
        if self.number and self.return_url:
            raise WrongField("return_url", 'must be left out beside "number": no page is opened')
        if self.number and self.type == "ach":
            raise WrongField("number", 'must be left out for "ach", which has a page of its own')
        return self


class CustomerMethods(ApiView):
    tag = "Customers"

    @Endpoint(
        "List saved payment methods",
        tool="list_payment_methods",
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
        answers=money_schemas.SetupOrPaymentMethod,
        status=201,
        refuses=(409, 502),
        example={"type": "card"},
    )
    def post(self, request: Request, customer_id: str) -> HttpResponseBase:
        """Opens a page at the provider, `url`, on which the customer leaves a card or account and
        agrees that it is charged later. `customer.payment_method_saved` is told when they have.

        With a test key and the `number` of a test card no page is needed: the card is saved at
        once, and the answer is the payment method.
        """
        wanted = self.read(SetupInput)
        customer_of(self.merchant, customer_id)
        if wanted.number:
            number = saveable(self.merchant, wanted)
            return self.run(
                lambda: _save_at_once(self.merchant, customer_id, number, wanted),
                representations.payment_method,
                steps=True,
            )
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


def saveable(merchant: Merchant, wanted: SetupInput) -> str:
    """The test card's number. Raises ValidationFailed for a live key and for any other card."""
    if merchant.livemode:
        raise ValidationFailed(
            [("number", "must be left out with a live key: card numbers never go to the live API")]
        )
    month, year = _expiry(merchant, wanted)
    if provider.has_expired(merchant, month, year):
        today = clock.now(merchant).astimezone(ZoneInfo(merchant.timezone))
        field = "exp_month" if year == today.year else "exp_year"
        problem = f"must not be in the past; it is {today:%m/%Y} on this merchant's clock"
        raise ValidationFailed([(field, problem)])
    try:
        return card_to_save(wanted.number)
    except ValueError as problem:
        raise ValidationFailed([("number", str(problem))]) from None


def _expiry(merchant: Merchant, wanted: SetupInput) -> provider.Expiry:
    """The test card's last month; what is left out is as on a new card."""
    month, year = provider.last_valid(merchant)
    return wanted.exp_month or month, wanted.exp_year or year


def _save_at_once(
    merchant: Merchant, customer_id: str, number: str, wanted: SetupInput
) -> PaymentMethod:
    """Plays the payer: opens the sandbox's page and leaves the card on it."""
    setup = flows.save_method(merchant, customer_id, "sandbox")
    saving.leave_card(setup.provider_reference, number, _expiry(merchant, wanted))
    saved = flows.look_at_setup(setup.pk).method
    if saved is None:
        raise ProviderFailed("The sandbox did not save this card. Ask again with the SAME key.")
    return _methods(merchant).get(pk=saved.pk)


def _begin(merchant: Merchant, customer_id: str, wanted: SetupInput) -> MethodSetup:
    try:
        setup = flows.save_method(merchant, customer_id, wanted.type, wanted.return_url)
    except RailError as error:
        raise ProviderFailed(f"The page could not be opened: {error.message}") from None
    return MethodSetup.objects.select_related("customer", "method").get(pk=setup.pk)
