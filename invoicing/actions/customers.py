"""The verbs of a customer: create, change, delete."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import ProtectedError

from invoicing import clock, events, reminding
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.inputs import CustomerChanges, CustomerInput
from invoicing.models import Customer, Merchant
from invoicing.reminder_inputs import stored

# Filled by the rooms above when Django starts: why a customer cannot go now, in words; "" if
# nothing of theirs speaks against it.
obstacles: list[Callable[[Customer], str]] = []

_PLAIN = ("name", "email", "phone", "tax_exempt", "language", "metadata")


@action
def create_customer(merchant: Merchant, wanted: CustomerInput) -> Customer:
    """Put a customer on file."""
    at = clock.now(merchant)
    customer = Customer(merchant=merchant, created_at=at, updated_at=at)
    _fill(customer, wanted, set(CustomerInput.model_fields))
    customer.save(force_insert=True)
    events.record("customer.created", customer)
    return customer


@action
def update_customer(
    merchant: Merchant, public_id: str, changes: CustomerChanges, *, seen: datetime | None = None
) -> Customer:
    """Change what is named. Drafts follow where they name the customer; issued invoices do not.

    `seen` is the `updated_at` of the customer that the changes were made to: Conflict if somebody
    else has made others since.
    """
    customer = locked_customer(merchant, public_id)
    if seen is not None and seen != customer.updated_at:
        raise Conflict(
            "Somebody else has changed this customer since you opened it; open it again to see how."
        )
    before = customer.name, customer.email
    _fill(customer, changes, set(changes.model_fields_set))
    customer.updated_at = clock.now(merchant)
    customer.save()
    drafts = customer.invoices.filter(status="draft")
    drafts.filter(recipient_name=before[0]).update(recipient_name=customer.name)
    drafts.filter(recipient_email=before[1]).update(recipient_email=customer.email)
    events.record("customer.updated", customer)
    return customer


@action
def delete_customer(merchant: Merchant, public_id: str) -> Customer | None:
    """Remove a customer to whom nothing refers; archive any other, and return it.

    Raises InvalidState while something goes on that bills them.
    """
    customer = locked_customer(merchant, public_id)
    for why_not in obstacles:
        if reason := why_not(customer):
            raise InvalidState(reason)
    try:
        with transaction.atomic():
            events.record("customer.deleted", customer)
            customer.delete()
    except ProtectedError:
        customer.archived_at = customer.archived_at or clock.now(merchant)
        reminding.rules_have_changed(customer, clock.now(merchant))
        customer.save(update_fields=["archived_at", "reminders_changed_at"])
        events.record("customer.deleted", customer)
        return customer
    return None


@action
def restore_customer(merchant: Merchant, public_id: str) -> Customer:
    """Take an archived customer back."""
    customer = locked_customer(merchant, public_id)
    customer.archived_at = None
    reminding.rules_have_changed(customer, clock.now(merchant))
    customer.save(update_fields=["archived_at", "reminders_changed_at"])
    events.record("customer.updated", customer)
    return customer


def locked_customer(merchant: Merchant, public_id: str) -> Customer:
    """This merchant's customer, locked. Raises NotFound."""
    customer = (
        Customer.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(merchant=merchant, public_id=public_id)
        .first()
    )
    if customer is None:
        raise NotFound(f"There is no customer {public_id}.")
    return customer


def _fill(customer: Customer, wanted: CustomerInput, names: set[str]) -> None:
    for name in _PLAIN:
        if name in names:
            setattr(customer, name, getattr(wanted, name))
    if "currency" in names:
        customer.currency = wanted.currency or ""
    if "address" in names:
        customer.address = wanted.address.model_dump()
    if "tax_ids" in names:
        customer.tax_ids = [tax_id.model_dump() for tax_id in wanted.tax_ids]
    if "reminders" in names:
        _choose_reminders(customer, wanted)


def _choose_reminders(customer: Customer, wanted: CustomerInput) -> None:
    """Other rules than the merchant's, or those again; that also lifts the payer's own stop."""
    currency = customer.currency or customer.merchant.currency
    rules = stored(wanted.reminders.rules, currency, "reminders.rules")
    chosen: dict[str, object] = {"mode": wanted.reminders.mode, "rules": rules}
    if chosen == {"mode": "inherit", "rules": []}:
        chosen = {}
    if wanted.reminders.mode != "off":
        customer.reminders_stopped_at = None
    if chosen != customer.reminders:
        customer.reminders = chosen
        if customer.pk:
            reminding.rules_have_changed(customer, clock.now(customer.merchant))
