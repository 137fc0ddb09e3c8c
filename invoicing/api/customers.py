"""Customers: whom a merchant bills more than once."""

from typing import Annotated

from django.db.models import Q
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations
from invoicing.actions import customers as actions
from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import CreatedQuery, Flag, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Line
from invoicing.inputs import CustomerChanges, CustomerInput
from invoicing.models import Customer

EXAMPLE = {
    "name": "Cleo Marsh",
    "email": "cleo@example.com",
    "address": {"line1": "3 Mill Lane", "city": "York", "postal_code": "YO1 7HU", "country": "GB"},
}


class CustomerQuery(CreatedQuery):
    """Which customers a list shows."""

    q: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="Text to find in name or email."
    )
    email: Annotated[Line, Field(max_length=254)] = Field(
        default="", description="The whole email address, in any case."
    )
    archived: Flag = Field(default=False, description="`true` lists archived customers instead.")


class Customers(ApiView):
    tag = "Customers"

    @Endpoint(
        "List customers",
        needs="customers:read",
        query=CustomerQuery,
        answers=schemas.Customer,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        query = self.query(CustomerQuery)
        rows = Customer.objects.filter(
            merchant=self.merchant, archived_at__isnull=not query.archived
        ).select_related("merchant")
        rows = rows.prefetch_related(*representations.customer_loads)
        if query.email:
            rows = rows.filter(email__iexact=query.email)
        if query.q:
            rows = rows.filter(Q(name__icontains=query.q) | Q(email__icontains=query.q))
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.customer))

    @Endpoint(
        "Create a customer",
        needs="customers:write",
        body=CustomerInput,
        answers=schemas.Customer,
        status=201,
        example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Puts a customer on file. Two may share an email address."""
        wanted = self.read(CustomerInput)
        return self.run(
            lambda: actions.create_customer(self.merchant, wanted), representations.customer
        )


class CustomerDetail(ApiView):
    tag = "Customers"

    @Endpoint("Get a customer", needs="customers:read", answers=schemas.Customer)
    def get(self, request: Request, customer_id: str) -> Response:
        """An archived customer can still be seen."""
        found = Customer.objects.filter(merchant=self.merchant, public_id=customer_id)
        customer = found.select_related("merchant").first()
        if customer is None:
            raise NotFound(f"There is no customer {customer_id}.")
        return Response(representations.customer(customer))

    @Endpoint(
        "Change a customer",
        tool="update_customer",
        needs="customers:write",
        body=CustomerChanges,
        answers=schemas.Customer,
        example={"email": "accounts@example.com"},
    )
    def patch(self, request: Request, customer_id: str) -> HttpResponseBase:
        """Only what is named changes; `address`, `tax_ids` and `metadata` are replaced as a whole.
        Issued invoices keep what they said."""
        changes = self.read(CustomerChanges)
        return self.run(
            lambda: actions.update_customer(self.merchant, customer_id, changes),
            representations.customer,
        )

    @Endpoint("Delete a customer", needs="customers:write", status=204, refuses=(409,))
    def delete(self, request: Request, customer_id: str) -> HttpResponseBase:
        """A customer who was billed is archived instead: invoices keep them, new ones are refused,
        and `restore` takes them back. Refused while a recurring charge of theirs goes on."""
        return self.run(
            lambda: actions.delete_customer(self.merchant, customer_id), lambda customer: None
        )


class Restore(ApiView):
    tag = "Customers"

    @Endpoint("Restore a customer", needs="customers:write", answers=schemas.Customer)
    def post(self, request: Request, customer_id: str) -> HttpResponseBase:
        """Takes an archived customer back."""
        return self.run(
            lambda: actions.restore_customer(self.merchant, customer_id), representations.customer
        )
