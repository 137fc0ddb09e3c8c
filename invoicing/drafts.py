"""From what was asked for to an invoice worked out: references, defaults, lines and totals.

Used to create, to change and to preview, so that what a preview says is what a save does.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal, cast, overload
from zoneinfo import ZoneInfo

from invoicing import clock, events, leashes, money, totals
from invoicing.errors import NotFound, ValidationFailed
from invoicing.inputs import (
    DiscountInput,
    InvoiceChanges,
    InvoiceInput,
    LineItemInput,
    RecipientInput,
    TaxInput,
)
from invoicing.models import Customer, Invoice, LineItem, Merchant

_COPIED = (
    "wallet_address",
    "title",
    "message",
    "memo",
    "notes",
    "purchase_order",
    "language",
    "allow_partial",
    "metadata",
    "metadata_public",
)


def draft(merchant: Merchant, wanted: InvoiceInput) -> tuple[Invoice, list[LineItem]]:
    """An unsaved draft with its lines, worked out.

    Raises NotFound for another's customer or wallet, ValidationFailed for what does not add up,
    OffLimits for what the bot that asked in words may not have.
    """
    leashes.vet(wanted)
    at = clock.now(merchant)
    invoice = Invoice(merchant=merchant, created_at=at, updated_at=at)
    return invoice, fill(invoice, wanted)


def keep(invoice: Invoice, lines: list[LineItem]) -> None:
    """Save a new draft with its lines and tell of it, in the caller's transaction."""
    invoice.save(force_insert=True)
    LineItem.objects.bulk_create(lines)
    invoice.begin_with(lines)
    events.record("invoice.created", invoice)


def fill(invoice: Invoice, wanted: InvoiceInput) -> list[LineItem]:
    """Put what is wanted into a draft, and return its new unsaved lines."""
    merchant = invoice.merchant
    invoice.customer = None
    if wanted.customer_id is not None:
        invoice.customer = customer_of(merchant, wanted.customer_id)
    page = invoice.checkout_page = checkout_page_of(merchant, wanted.checkout_page_id)
    invoice.wallet = wallet_of(merchant, wanted.wallet_id)
    if page and page.wallet and not invoice.wallet:
        fits = wanted.currency in (None, page.wallet.currency)
        invoice.wallet = page.wallet if fits else None
    invoice.currency = _currency(invoice, wanted)
    if invoice.wallet and invoice.wallet.currency != invoice.currency:
        raise ValidationFailed(
            [
                (
                    "wallet_id",
                    f"holds {invoice.wallet.currency}, the invoice is in {invoice.currency}",
                )
            ]
        )
    for name in _COPIED:
        setattr(invoice, name, getattr(wanted, name))
    recipient = wanted.recipient
    invoice.recipient_name = recipient.name if recipient else ""
    invoice.recipient_email = recipient.email if recipient else ""
    invoice.recipient_type = recipient.type if recipient else Invoice.RecipientType.HUMAN
    if invoice.customer:
        invoice.recipient_name = invoice.recipient_name or invoice.customer.name
        invoice.recipient_email = invoice.recipient_email or invoice.customer.email
    invoice.due_at = end_of_day(wanted.due_at, merchant)
    invoice.expires_at = end_of_day(wanted.expires_at, merchant)
    if invoice.expires_at and invoice.expires_at <= clock.now(merchant):
        raise ValidationFailed([("expires_at", "must be in the future")])
    return _work_out(invoice, wanted)


def customer_of(merchant: Merchant, public_id: str) -> Customer:
    """Who is billed. Raises NotFound, ValidationFailed for one who is archived."""
    try:
        customer = merchant.customers.get(public_id=public_id)
    except Customer.DoesNotExist:
        raise NotFound(
            f"There is no customer {public_id}.", details={"field": "customer_id"}
        ) from None
    if customer.archived_at:
        raise ValidationFailed([("customer_id", "is archived; restore the customer first")])
    return customer


def wallet_of(merchant: Merchant, public_id: str | None) -> Any:
    """The wallet that is named. Raises NotFound."""
    if public_id is None:
        return None
    wallet = merchant.wallets.filter(public_id=public_id, archived_at=None).first()
    if wallet is None:
        raise NotFound(f"There is no wallet {public_id}.", details={"field": "wallet_id"})
    return wallet


def checkout_page_of(merchant: Merchant, public_id: str | None) -> Any:
    """The checkout page that is named. Raises NotFound, ValidationFailed for an archived one."""
    if public_id is None:
        return None
    pages = merchant.checkout_pages.select_related("wallet")
    page = pages.filter(public_id=public_id).first()
    if page is None:
        raise NotFound(
            f"There is no checkout page {public_id}.", details={"field": "checkout_page_id"}
        )
    if page.archived_at:
        raise ValidationFailed([("checkout_page_id", "is archived")])
    return page


def _currency(invoice: Invoice, wanted: InvoiceInput) -> str:
    if wanted.currency:
        return wanted.currency
    if invoice.wallet:
        return str(invoice.wallet.currency)
    if invoice.checkout_page:
        return str(invoice.checkout_page.currency)
    if invoice.customer and invoice.customer.currency:
        return invoice.customer.currency
    return invoice.merchant.currency


def end_of_day(value: datetime | date | None, merchant: Merchant) -> datetime | None:
    """A bare date means the end of that day where the merchant is."""
    if value is None or isinstance(value, datetime):
        return value
    local = datetime.combine(value, time(23, 59, 59), ZoneInfo(merchant.timezone))
    return local.astimezone(UTC)


def _work_out(invoice: Invoice, wanted: InvoiceInput) -> list[LineItem]:
    decimals = money.asset(invoice.currency).decimals
    document_taxes = wanted.own_taxes() or []
    inclusive = wanted.tax_behavior == "inclusive"
    discount = _discount(wanted.discount, decimals, "discount")
    tax_amount = _minor(wanted.tax_amount, decimals, "tax_amount")
    asked = [
        _line(item, decimals, document_taxes, inclusive, position)
        for position, item in enumerate(wanted.line_items)
    ]
    try:
        worked_out = totals.compute(asked, decimals, discount, tax_amount)
    except totals.DoesNotAddUp as problem:
        raise ValidationFailed([(problem.field, str(problem))]) from None
    invoice.discount_percent = discount.percent if discount else None
    invoice.discount_amount = discount.amount if discount else None
    invoice.tax_amount = tax_amount
    invoice.subtotal = worked_out.subtotal
    invoice.discount = worked_out.discount
    invoice.tax = worked_out.tax
    invoice.total = worked_out.total
    invoice.taxes = [
        {
            **_tax_json(tax.tax),
            "inclusive": tax.inclusive,
            "base": tax.base,
            "amount": tax.amount,
        }
        for tax in worked_out.taxes
    ]
    return [
        LineItem(
            invoice=invoice,
            position=position,
            description=item.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_percent=line.discount.percent if line.discount else None,
            discount_amount=line.discount.amount if line.discount else None,
            taxes=[_tax_json(tax) for tax in line.taxes],
            tax_inclusive=line.tax_inclusive,
            discount=result.discount,
            amount=result.amount,
        )
        for position, (item, line, result) in enumerate(
            zip(wanted.line_items, asked, worked_out.lines, strict=True)
        )
    ]


def _line(
    item: LineItemInput,
    decimals: int,
    document_taxes: Sequence[TaxInput],
    document_inclusive: bool,
    position: int,
) -> totals.Line:
    own = item.own_taxes()
    taxes = document_taxes if own is None else own
    inclusive = (
        document_inclusive if item.tax_behavior is None else item.tax_behavior == "inclusive"
    )
    return totals.Line(
        quantity=item.quantity,
        unit_price=item.unit_price,
        discount=_discount(item.discount, decimals, f"line_items[{position}].discount"),
        taxes=tuple(totals.Tax(tax.rate, tax.name, tax.category) for tax in taxes),
        tax_inclusive=inclusive,
    )


def _discount(wanted: DiscountInput | None, decimals: int, name: str) -> totals.Discount | None:
    if wanted is None:
        return None
    if wanted.percent is not None:
        return totals.Discount(percent=wanted.percent)
    return totals.Discount(amount=_minor(wanted.amount or Decimal(0), decimals, f"{name}.amount"))


@overload
def _minor(amount: Decimal, decimals: int, name: str) -> int: ...
@overload
def _minor(amount: None, decimals: int, name: str) -> None: ...
def _minor(amount: Decimal | None, decimals: int, name: str) -> int | None:
    try:
        return None if amount is None else money.to_minor(amount, decimals)
    except ValueError as problem:
        raise ValidationFailed([(name, str(problem))]) from None


def _tax_json(tax: totals.Tax) -> dict[str, str]:
    return {"name": tax.name, "rate": money.plain(tax.rate), "category": tax.category}


_TAX_FIELDS = {"tax_rate", "taxes", "tax_behavior", "tax_amount"}


def merged(invoice: Invoice, changes: InvoiceChanges) -> InvoiceInput:
    """A draft as it would be asked for afresh, with the named changes laid over it.

    Taxes named for the document hold for all of its present lines, in place of those before.
    """
    named = {name: getattr(changes, name) for name in changes.model_fields_set}
    if "customer_id" in named:
        # Another customer is another recipient, unless one is named as well.
        named.setdefault("recipient", None)
    if "line_items" in named and named["line_items"] is None:
        raise ValidationFailed([("line_items", "must have at least 1 item")])
    if "customer_id" in named:
        # Another customer's invoice must not go to whoever the draft was for before.
        named.setdefault("recipient", None)
    wanted = as_input(invoice, keep_taxes=not (_TAX_FIELDS & named.keys()))
    defaults = {name: info.default for name, info in InvoiceInput.model_fields.items()}
    return wanted.model_copy(
        update={name: defaults[name] if value is None else value for name, value in named.items()}
    )


def as_input(invoice: Invoice, *, keep_taxes: bool = True) -> InvoiceInput:
    """The request that would make this invoice again: to change it, or to make another like it."""
    currency = invoice.currency
    lines = [
        LineItemInput.model_construct(
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=_asked(line.discount_percent, line.discount_amount, currency),
            tax_rate=None,
            taxes=[TaxInput.model_construct(**_tax(tax)) for tax in line.taxes]
            if keep_taxes
            else None,
            tax_behavior=("inclusive" if line.tax_inclusive else "exclusive")
            if keep_taxes
            else None,
        )
        for line in invoice.lines.all()
    ]
    return InvoiceInput.model_construct(
        customer_id=invoice.customer.public_id if invoice.customer else None,
        wallet_id=invoice.wallet.public_id if invoice.wallet else None,
        checkout_page_id=invoice.checkout_page.public_id if invoice.checkout_page else None,
        recipient=RecipientInput.model_construct(
            name=invoice.recipient_name,
            email=invoice.recipient_email,
            type=cast(Literal["human", "bot", "agent"], invoice.recipient_type),
        ),
        currency=currency,
        line_items=lines,
        discount=_asked(invoice.discount_percent, invoice.discount_amount, currency),
        tax_rate=None,
        taxes=None,
        tax_behavior=None,
        tax_amount=_asked_tax(invoice) if keep_taxes else None,
        due_at=invoice.due_at,
        expires_at=invoice.expires_at,
        **{name: getattr(invoice, name) for name in _COPIED},
    )


def like(invoice: Invoice) -> InvoiceInput:
    """What would make this invoice again today: without its dates, and without a customer or a
    checkout page that is archived and billed no more."""
    changes: dict[str, Any] = {"due_at": None, "expires_at": None}
    if invoice.customer and invoice.customer.archived_at:
        changes["customer_id"] = None
    if invoice.checkout_page and invoice.checkout_page.archived_at:
        changes["checkout_page_id"] = None
    return as_input(invoice).model_copy(update=changes)


def _asked_tax(invoice: Invoice) -> Decimal | None:
    amount = invoice.tax_amount
    return None if amount is None else money.to_decimal(amount, invoice.currency)


def _asked(percent: Decimal | None, amount: int | None, currency: str) -> DiscountInput | None:
    if percent is None and amount is None:
        return None
    return DiscountInput.model_construct(
        percent=percent, amount=None if amount is None else money.to_decimal(amount, currency)
    )


def _tax(stored: dict[str, str]) -> dict[str, Any]:
    return {**stored, "rate": Decimal(stored["rate"])}
