"""The verbs of an account and its merchants: open, describe, number."""

import hashlib
from typing import Any

from invoicing import clock, reminding
from invoicing.actions.action import action
from invoicing.errors import Conflict
from invoicing.inputs import MerchantChanges, NumberingInput
from invoicing.models import Account, Logo, Membership, Merchant, NumberSeries, User


@action
def open_account(
    user: User, name: str, *, currency: str = "USD", first: bool = False, **details: Any
) -> Account:
    """Open an account: a live merchant, its test twin, and the user as owner.

    Raises Conflict for a `first` account of somebody who is in a team already. Locks the user.
    """
    User.objects.select_for_update().get(pk=user.pk)
    if first and user.memberships.exists():
        raise Conflict("You have an account already.")
    at = clock.wall()
    account = Account.objects.create(name=name, created_at=at)
    for livemode in (True, False):
        merchant = Merchant.objects.create(
            account=account,
            livemode=livemode,
            name=name,
            currency=currency,
            created_at=at,
            **details,
        )
        NumberSeries.objects.create(merchant=merchant, prefix="INV-" if livemode else "TEST-")
        NumberSeries.objects.create(
            merchant=merchant,
            kind=NumberSeries.Kind.CREDIT_NOTE,
            prefix="CN-" if livemode else "TEST-CN-",
        )
    Membership.objects.create(account=account, user=user, role=Membership.Role.OWNER, created_at=at)
    return account


@action
def update_merchant(merchant: Merchant, changes: MerchantChanges) -> Merchant:
    """Change what is named; documents already issued keep what they said."""
    row = Merchant.objects.select_for_update().get(pk=merchant.pk)
    for name in changes.model_fields_set:
        value = getattr(changes, name)
        if name == "address":
            value = value.model_dump()
        elif name == "tax_ids":
            value = [tax_id.model_dump() for tax_id in value]
        setattr(row, name, value)
    if row.timezone != merchant.timezone and row.reminders:
        reminding.rules_have_changed(row, clock.now(row))
    row.save()
    return row


@action
def set_numbering(
    merchant: Merchant,
    wanted: NumberingInput,
    kind: NumberSeries.Kind = NumberSeries.Kind.INVOICE,
) -> NumberSeries:
    """Choose how the next numbers of one kind of document are printed; the count goes on."""
    series = NumberSeries.objects.select_for_update().get(merchant=merchant, kind=kind)
    series.prefix = wanted.prefix
    series.padding = wanted.padding
    series.save()
    return series


@action
def set_logo(merchant: Merchant, data_uri: str) -> Merchant:
    """Show this logo from now on: a raster image, already re-encoded, or none with "".

    Documents already issued keep theirs.
    """
    row = Merchant.objects.select_for_update().get(pk=merchant.pk)
    row.logo = None
    if data_uri:
        digest = hashlib.sha256(data_uri.encode()).hexdigest()
        row.logo, _ = Logo.objects.get_or_create(
            merchant=row, digest=digest, defaults={"data_uri": data_uri}
        )
    row.save(update_fields=["logo"])
    return row
