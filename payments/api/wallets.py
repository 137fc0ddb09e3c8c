"""Wallets and what has moved in them."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import CurrencyCode
from payments import representations
from payments.actions import wallets as actions
from payments.api import schemas
from payments.inputs import WalletChanges, WalletInput
from payments.models import LedgerEntry, LedgerPosting, Wallet


class WalletQuery(PageQuery):
    """Which wallets a list shows."""

    currency: CurrencyCode | None = Field(default=None, description="The currency's code.")


class Wallets(ApiView):
    tag = "Money"

    @Endpoint(
        "List wallets", needs="wallets:read", query=WalletQuery, answers=schemas.Wallet, page=True
    )
    def get(self, request: Request) -> Response:
        """Newest first, with what stands in each part of them."""
        query = self.query(WalletQuery)
        rows = _wallets(self)
        if query.currency:
            rows = rows.filter(currency=query.currency)
        return Response(page(query, rows, representations.wallet))

    @Endpoint(
        "Create a wallet",
        needs="wallets:write",
        body=WalletInput,
        answers=schemas.Wallet,
        status=201,
        example={"name": "Euro sales", "currency": "EUR"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """The first wallet of a currency receives by default. Without any, one is opened when the
        first money comes."""
        wanted = self.read(WalletInput)
        return self.run(
            lambda: actions.create_wallet(self.merchant, wanted), representations.wallet
        )


class WalletDetail(ApiView):
    tag = "Money"

    @Endpoint("Get a wallet", needs="wallets:read", answers=schemas.Wallet)
    def get(self, request: Request, wallet_id: str) -> Response:
        """What stands in each part of it."""
        return Response(representations.wallet(_wallet(self, wallet_id)))

    @Endpoint(
        "Change a wallet",
        needs="wallets:write",
        body=WalletChanges,
        answers=schemas.Wallet,
        example={"name": "Euro sales", "is_default": True},
    )
    def patch(self, request: Request, wallet_id: str) -> HttpResponseBase:
        """Its name, or that it receives by default; another wallet then no longer does."""
        changes = self.read(WalletChanges)
        return self.run(
            lambda: actions.update_wallet(self.merchant, wallet_id, changes),
            representations.wallet,
        )


class WalletEntries(ApiView):
    tag = "Money"

    @Endpoint(
        "List a wallet's entries",
        needs="wallets:read",
        query=PageQuery,
        answers=schemas.WalletEntry,
        page=True,
    )
    def get(self, request: Request, wallet_id: str) -> Response:
        """Every movement, newest first: gross, fees and net of each payment, and when its money
        became available."""
        query = self.query(PageQuery)
        wallet = _wallet(self, wallet_id)
        here = Q(source__wallet=wallet) | Q(destination__wallet=wallet)
        rows = (
            LedgerEntry.objects.filter(merchant=self.merchant, posted=True)
            .filter(Exists(LedgerPosting.objects.filter(here, entry=OuterRef("pk"))))
            .select_related("payment__invoice")
            .prefetch_related("postings__source", "postings__destination")
        )
        return Response(page(query, rows, lambda row: representations.wallet_entry(row, wallet)))


def _wallets(view: ApiView) -> QuerySet[Wallet]:
    return view.merchant.wallets.select_related("merchant").prefetch_related("accounts")


def _wallet(view: ApiView, wallet_id: str) -> Wallet:
    wallet = _wallets(view).filter(public_id=wallet_id).first()
    if wallet is None:
        raise NotFound(f"There is no wallet {wallet_id}.")
    return wallet
