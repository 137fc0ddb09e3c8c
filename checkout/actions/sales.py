"""The verb of a payer on a checkout page: to begin."""

from datetime import timedelta
from typing import Final

from checkout import ordering
from checkout.models import CheckoutPage, OrderedItem
from checkout.ordering import Order
from invoicing import clock, drafts, issuing
from invoicing.actions.action import action
from invoicing.errors import InvalidState
from invoicing.inputs import InvoiceInput, RecipientInput
from invoicing.models import Invoice

# Whoever goes away without paying is not asked again: the address may be a stranger's.
WINDOW: Final = timedelta(hours=24)


@action
def begin_sale(page_pk: int, order: Order) -> Invoice:
    """Issue the invoice that a payer on a checkout page is to pay, within a day.

    It takes what it orders out of stock at once: the page is locked, so of two payers who want the
    last of something the second is told that it is sold out. What counts as taken is said in
    `ordering.taking`. Locks the page, then the merchant's counter. Raises InvalidState where
    nobody can begin now, ValidationFailed for what is wrong with the order.
    """
    page = _locked(page_pk)
    at = clock.now(page.merchant)
    if not page.is_open(at):
        raise InvalidState("Nobody can begin to pay on this checkout page now.")
    ordered = ordering.bill(page, order)
    ordering.require_left(page, ordered, at)
    ends = at + WINDOW
    wanted = InvoiceInput(
        checkout_page_id=page.public_id,
        recipient=RecipientInput(name=order.payer.name, email=order.payer.email),
        currency=page.currency,
        line_items=ordered.lines,
        due_at=ends,
        expires_at=ends,
    )
    invoice, lines = drafts.draft(page.merchant, wanted)
    invoice.custom_fields = ordered.answers
    drafts.keep(invoice, lines)
    OrderedItem.objects.bulk_create(
        [
            OrderedItem(invoice=invoice, item=item, quantity=quantity)
            for item, quantity in ordered.items
        ]
    )
    issuing.issue(invoice)
    return invoice


def _locked(page_pk: int) -> CheckoutPage:
    rows = CheckoutPage.objects.select_related("merchant").select_for_update(of=("self",))
    return rows.get(pk=page_pk)
