"""The verbs of checkout pages: create, change, archive."""

from decimal import Decimal
from typing import Final

from checkout.inputs import CheckoutPageChanges, CheckoutPageInput
from checkout.models import CheckoutPage
from invoicing import clock, drafts, money
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.models import Merchant

_PLAIN: Final = ("title", "description", "item_description", "active")


@action
def create_checkout_page(merchant: Merchant, wanted: CheckoutPageInput) -> CheckoutPage:
    """Open a checkout page. Raises NotFound for another's wallet, ValidationFailed."""
    at = clock.now(merchant)
    page = CheckoutPage(merchant=merchant, created_at=at, updated_at=at)
    for name in _PLAIN:
        setattr(page, name, getattr(wanted, name))
    _set_money(page, wanted.wallet_id, wanted.currency, wanted.amount)
    page.save(force_insert=True)
    return page


@action
def update_checkout_page(
    merchant: Merchant, public_id: str, changes: CheckoutPageChanges
) -> CheckoutPage:
    """Change a checkout page; invoices made there stay as they are. Raises NotFound,
    InvalidState once it is archived, ValidationFailed."""
    page = _locked(merchant, public_id)
    if page.archived_at:
        raise InvalidState("This checkout page is archived, so it cannot be changed.")
    named = changes.model_fields_set
    for name in named.intersection(_PLAIN):
        setattr(page, name, getattr(changes, name))
    if named & {"wallet_id", "currency", "amount"}:
        wallet_id = page.wallet.public_id if page.wallet else None
        amount = None if page.amount is None else money.to_decimal(page.amount, page.currency)
        _set_money(
            page,
            changes.wallet_id if "wallet_id" in named else wallet_id,
            changes.currency if "currency" in named else page.currency,
            changes.amount if "amount" in named else amount,
        )
    page.updated_at = clock.now(merchant)
    page.save()
    return page


@action
def archive_checkout_page(merchant: Merchant, public_id: str) -> CheckoutPage:
    """Close a checkout page for good; its invoices and sales stay. Again, nothing happens."""
    page = _locked(merchant, public_id)
    if page.archived_at is None:
        page.archived_at = page.updated_at = clock.now(merchant)
        page.active = False
        page.save()
    return page


def _set_money(
    page: CheckoutPage, wallet_id: str | None, currency: str | None, amount: Decimal | None
) -> None:
    page.wallet = drafts.wallet_of(page.merchant, wallet_id)
    held = page.wallet.currency if page.wallet else None
    page.currency = currency or held or page.merchant.currency
    if held and held != page.currency:
        raise ValidationFailed(
            [("wallet_id", f"holds {held}, the checkout page is in {page.currency}")]
        )
    page.amount = None
    if amount is not None:
        try:
            page.amount = money.to_minor(amount, money.asset(page.currency).decimals)
        except ValueError as problem:
            raise ValidationFailed([("amount", str(problem))]) from None


def _locked(merchant: Merchant, public_id: str) -> CheckoutPage:
    rows = CheckoutPage.objects.select_related("merchant", "wallet").filter(merchant=merchant)
    page = rows.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if page is None:
        raise NotFound(f"There is no checkout page {public_id}.")
    return page
