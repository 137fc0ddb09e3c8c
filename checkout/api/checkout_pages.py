"""Checkout pages: create, list, show, change, archive."""

from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.actions import checkout_pages as actions
from checkout.api import schemas
from checkout.inputs import CheckoutPageChanges, CheckoutPageInput, CheckoutSettingsChanges
from checkout.models import CheckoutSettings as Settings
from checkout.page_representations import checkout_page, checkout_settings
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import Flag, PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound


class CheckoutPageQuery(PageQuery):
    """Which checkout pages a list shows."""

    archived: Flag = Field(default=False, description="Archived pages instead of the others.")


class CheckoutPages(ApiView):
    tag = "Checkout"

    @Endpoint(
        "List checkout pages",
        needs="checkout:read",
        query=CheckoutPageQuery,
        answers=schemas.CheckoutPage,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        query = self.query(CheckoutPageQuery)
        rows = self.merchant.checkout_pages.filter(archived_at__isnull=not query.archived)
        rows = rows.select_related("merchant", "wallet").prefetch_related("items")
        return Response(page(query, rows, checkout_page))

    @Endpoint(
        "Create a checkout page",
        needs="checkout:write",
        body=CheckoutPageInput,
        answers=schemas.CheckoutPage,
        status=201,
        refuses=(404,),
        example={"title": "Workshop ticket", "currency": "USD", "amount": "49.00"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Its `url` can be given to anybody. With one of `amount`, `payer_amount` and `items`, a
        payer begins there by name and email, and gets an invoice of their own to pay within a day;
        with none of them, the page belongs to invoices that name it in `checkout_page_id`. What a
        payer has ordered is theirs for that day, and never sold to two."""
        wanted = self.read(CheckoutPageInput)
        return self.run(lambda: actions.create_checkout_page(self.merchant, wanted), checkout_page)


class CheckoutPageDetail(ApiView):
    tag = "Checkout"

    @Endpoint("Get a checkout page", needs="checkout:read", answers=schemas.CheckoutPage)
    def get(self, request: Request, page_id: str) -> Response:
        """An archived page can still be seen."""
        rows = self.merchant.checkout_pages.select_related("merchant", "wallet")
        found = rows.filter(public_id=page_id).first()
        if found is None:
            raise NotFound(f"There is no checkout page {page_id}.")
        return Response(checkout_page(found))

    @Endpoint(
        "Change a checkout page",
        needs="checkout:write",
        body=CheckoutPageChanges,
        answers=schemas.CheckoutPage,
        refuses=(409,),
        example={"amount": "59.00", "active": True},
    )
    def patch(self, request: Request, page_id: str) -> HttpResponseBase:
        """Only what is named changes, lists as a whole: an item that is to stay is named by its
        `id`. Invoices made there keep what they say."""
        changes = self.read(CheckoutPageChanges)
        return self.run(
            lambda: actions.update_checkout_page(self.merchant, page_id, changes), checkout_page
        )

    @Endpoint("Archive a checkout page", needs="checkout:write", status=204)
    def delete(self, request: Request, page_id: str) -> HttpResponseBase:
        """Nobody finds the page any more, and new invoices are refused. Its invoices and sales
        stay, and can still be paid."""
        return self.run(
            lambda: actions.archive_checkout_page(self.merchant, page_id), lambda gone: None
        )


class CheckoutSettings(ApiView):
    tag = "Checkout"

    @Endpoint("Get the checkout settings", needs="checkout:read", answers=schemas.CheckoutSettings)
    def get(self, request: Request) -> Response:
        """What holds for all checkout pages."""
        row = Settings.objects.filter(merchant=self.merchant).first()
        return Response(checkout_settings(self.merchant, row))

    @Endpoint(
        "Change the checkout settings",
        needs="checkout:write",
        body=CheckoutSettingsChanges,
        answers=schemas.CheckoutSettings,
        example={"return_origins": ["https://shop.example.com"]},
    )
    def patch(self, request: Request) -> HttpResponseBase:
        """Only to these origins can a page's `success_url` and `cancel_url` lead; one that is
        taken off is obeyed at once."""
        changes = self.read(CheckoutSettingsChanges)
        return self.run(
            lambda: actions.update_checkout_settings(self.merchant, changes),
            lambda row: checkout_settings(self.merchant, row),
        )
