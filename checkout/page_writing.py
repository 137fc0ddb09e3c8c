"""Putting what is wanted into a checkout page, in the caller's transaction and under its lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from checkout.inputs import CheckoutItemInput, CheckoutPageInput, PayerAmountInput
from checkout.models import CheckoutItem, CheckoutPage, CheckoutSettings
from checkout.origins import exact_origin, origin_of
from invoicing import drafts, money
from invoicing.errors import ValidationFailed
from invoicing.models import Merchant

_PLAIN: Final = ("title", "description", "item_description", "active", "max_uses", "rails")
_ADDRESSES: Final = ("success_url", "cancel_url")
_ITEM: Final = ("name", "description", "tax_rate", "max_per_order", "stock")


def origins_of(merchant: Merchant) -> list[str]:
    """Where a merchant's payers may be sent afterwards."""
    row = CheckoutSettings.objects.filter(merchant=merchant).first()
    return list(row.return_origins) if row else []


def exact_origins(texts: Iterable[str], name: str, *, livemode: bool) -> list[str]:
    """Origins as they are kept, each once. Raises ValidationFailed naming those that are none."""
    found, problems = [], []
    for place, text in enumerate(texts):
        try:
            found.append(exact_origin(text, livemode=livemode))
        except ValueError as problem:
            problems.append((f"{name}[{place}]", str(problem)))
    if problems:
        raise ValidationFailed(problems)
    return list(dict.fromkeys(found))


def set_plain(page: CheckoutPage, wanted: CheckoutPageInput, named: set[str]) -> None:
    """Everything but the money. Raises ValidationFailed for an address that leads elsewhere."""
    merchant = page.merchant
    for name in named.intersection(_PLAIN):
        setattr(page, name, getattr(wanted, name))
    if "expires_at" in named:
        page.expires_at = drafts.end_of_day(wanted.expires_at, merchant)
    if "custom_fields" in named:
        page.custom_fields = [field.model_dump() for field in wanted.custom_fields]
    if "embed_origins" in named:
        page.embed_origins = exact_origins(
            wanted.embed_origins, "embed_origins", livemode=merchant.livemode
        )
    addresses = {name: getattr(wanted, name) for name in _ADDRESSES if name in named}
    registered = origins_of(merchant) if any(addresses.values()) else []
    for name, address in addresses.items():
        if address:
            _require_registered(name, address, registered, livemode=merchant.livemode)
        setattr(page, name, address)


def _require_registered(name: str, address: str, registered: list[str], *, livemode: bool) -> None:
    try:
        origin = origin_of(address, livemode=livemode)
    except ValueError as problem:
        raise ValidationFailed([(name, str(problem))]) from None
    if origin not in registered:
        said = f"leads to {origin}, which is not one of your registered return origins"
        raise ValidationFailed([(name, said)])


# How much


@dataclass(frozen=True, slots=True)
class Kept:
    """An item as it is to be kept: the row if there is one, and what it becomes."""

    row: CheckoutItem | None
    values: dict[str, Any]


def money_of(page: CheckoutPage) -> dict[str, Any]:
    """How much a page asks for now, as it would be asked for afresh."""

    def decimal(amount: int | None) -> Decimal | None:
        return None if amount is None else money.to_decimal(amount, page.currency)

    least = decimal(page.amount_least)
    items = [
        CheckoutItemInput.model_construct(
            id=row.public_id,
            unit_price=money.to_decimal(row.unit_price, page.currency),
            **{name: getattr(row, name) for name in _ITEM},
        )
        for row in page.on_sale
    ]
    chosen = None
    if least is not None:
        chosen = PayerAmountInput.model_construct(
            least=least,
            most=decimal(page.amount_most),
            suggested=[money.to_decimal(one, page.currency) for one in page.suggested_amounts],
        )
    return {
        "wallet_id": page.wallet.public_id if page.wallet else None,
        "currency": page.currency,
        "amount": decimal(page.amount),
        "payer_amount": chosen,
        "items": items,
    }


def set_money(page: CheckoutPage, wanted: CheckoutPageInput) -> list[Kept]:
    """What it asks for, in which currency, and for which wallet; its items, not saved yet.

    Raises NotFound for another's wallet, ValidationFailed for what does not fit together.
    """
    ways = [name for name in ("amount", "payer_amount", "items") if getattr(wanted, name)]
    if len(ways) > 1:
        said = f"goes without {ways[0]}: a page asks for one of amount, payer_amount and items"
        raise ValidationFailed([(ways[1], said)])
    page.wallet = drafts.wallet_of(page.merchant, wanted.wallet_id)
    held = page.wallet.currency if page.wallet else None
    page.currency = wanted.currency or held or page.merchant.currency
    if held and held != page.currency:
        raise ValidationFailed(
            [("wallet_id", f"holds {held}, the checkout page is in {page.currency}")]
        )
    chosen = wanted.payer_amount
    page.amount = _minor(page, wanted.amount, "amount")
    page.amount_least = _minor(page, chosen.least if chosen else None, "payer_amount.least")
    page.amount_most = _minor(page, chosen.most if chosen else None, "payer_amount.most")
    page.suggested_amounts = [
        _minor(page, amount, f"payer_amount.suggested[{place}]")
        for place, amount in enumerate(chosen.suggested if chosen else [])
    ]
    return _items(page, wanted.items)


def _items(page: CheckoutPage, wanted: list[CheckoutItemInput]) -> list[Kept]:
    known = {row.public_id: row for row in page.on_sale}
    kept = []
    for place, item in enumerate(wanted):
        row = known.pop(item.id, None) if item.id else None
        if item.id and row is None:
            raise ValidationFailed([(f"items[{place}].id", "is no item of this page, or twice")])
        values = {name: getattr(item, name) for name in _ITEM} | {"position": place}
        values["unit_price"] = _minor(page, item.unit_price, f"items[{place}].unit_price")
        kept.append(Kept(row, values))
    return kept


def keep_items(page: CheckoutPage, kept: list[Kept]) -> None:
    """Save a page's items; one that is not among them any more stays only for its sales."""
    staying = [one.row.pk for one in kept if one.row]
    if page.on_sale:
        page.items.filter(removed=False).exclude(pk__in=staying).update(removed=True)
    for one in kept:
        row = one.row or CheckoutItem(page=page)
        for name, value in one.values.items():
            setattr(row, name, value)
        row.save()
    # What was loaded of them before is out of date.
    page.__dict__.pop("_prefetched_objects_cache", None)


def _minor(page: CheckoutPage, amount: Decimal | None, name: str) -> int | None:
    try:
        return (
            None if amount is None else money.to_minor(amount, money.asset(page.currency).decimals)
        )
    except ValueError as problem:
        raise ValidationFailed([(name, str(problem))]) from None
