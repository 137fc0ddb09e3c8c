"""The verbs of checkout pages: create, change, archive, and what holds for all of them."""

from datetime import datetime
from typing import Any, Final

from checkout import page_writing
from checkout.inputs import CheckoutPageChanges, CheckoutPageInput, CheckoutSettingsChanges
from checkout.models import CheckoutPage, CheckoutSettings
from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.models import Merchant

# What says how much, and in what; changed together, since the one is read by the other.
_MONEY: Final = frozenset({"wallet_id", "currency", "amount", "payer_amount", "items"})


@action
def create_checkout_page(merchant: Merchant, wanted: CheckoutPageInput) -> CheckoutPage:
    """Open a checkout page. Raises NotFound for another's wallet, ValidationFailed."""
    at = clock.now(merchant)
    page = CheckoutPage(merchant=merchant, created_at=at, updated_at=at)
    page_writing.set_plain(page, wanted, set(type(wanted).model_fields))
    kept = page_writing.set_money(page, wanted)
    page.save(force_insert=True)
    page_writing.keep_items(page, kept)
    return page


@action
def update_checkout_page(
    merchant: Merchant,
    public_id: str,
    changes: CheckoutPageChanges,
    *,
    seen: datetime | None = None,
) -> CheckoutPage:
    """Change a checkout page; invoices made there stay as they are. Raises NotFound,
    InvalidState once it is archived, ValidationFailed; Conflict if it is not as `seen` any more."""
    page = _locked(merchant, public_id)
    if page.archived_at:
        raise InvalidState("This checkout page is archived, so it cannot be changed.")
    if seen is not None and seen != page.updated_at:
        raise Conflict("Somebody else has changed this checkout page meanwhile; look at it again.")
    named = set(changes.model_fields_set)
    page_writing.set_plain(page, changes, named)
    if named & _MONEY:
        wanted: dict[str, Any] = {**page_writing.money_of(page), "title": "-"}
        wanted |= {name: getattr(changes, name) for name in named & _MONEY}
        kept = page_writing.set_money(page, CheckoutPageInput.model_construct(**wanted))
        page_writing.keep_items(page, kept)
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


@action
def update_checkout_settings(
    merchant: Merchant, changes: CheckoutSettingsChanges
) -> CheckoutSettings:
    """Say where payers may be sent afterwards; only what is named changes.

    A page whose address leads elsewhere keeps it, and sends nobody there. Raises ValidationFailed.
    """
    at = clock.now(merchant)
    rows = CheckoutSettings.objects.select_for_update(of=("self",))
    row, _made = rows.get_or_create(merchant=merchant, defaults={"updated_at": at})
    if "return_origins" in changes.model_fields_set:
        row.return_origins = page_writing.exact_origins(
            changes.return_origins, "return_origins", livemode=merchant.livemode
        )
    row.updated_at = at
    row.save()
    return row


def _locked(merchant: Merchant, public_id: str) -> CheckoutPage:
    rows = CheckoutPage.objects.select_related("merchant", "wallet").filter(merchant=merchant)
    page = rows.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if page is None:
        raise NotFound(f"There is no checkout page {public_id}.")
    return page
