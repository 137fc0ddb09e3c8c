"""Late fees: an issued invoice never changes, so each fee is an invoice of its own."""

from datetime import datetime
from decimal import Decimal, localcontext

from django.utils import translation
from django.utils.translation import gettext as _

from invoicing import documents, drafts, events, issuing, languages, money
from invoicing.inputs import InvoiceInput, LineItemInput, RecipientInput
from invoicing.models import Invoice
from invoicing.money import EXACT, round_half_up
from invoicing.reminder_rules import Moment, Rule


def fee_of(invoice: Invoice, rule: Rule) -> int:
    """What this rule charges on an invoice now, in its minor units; a fee bears no fees."""
    fee = rule.late_fee
    if fee is None or invoice.late_fee_of_id is not None:
        return 0
    if "percent" in fee:
        with localcontext(EXACT):
            return round_half_up(invoice.amount_due * Decimal(fee["percent"]) / 100)
    if fee["currency"] != invoice.currency:
        return 0
    return money.from_text(fee["amount"], invoice.currency)


def charge(invoice: Invoice, moment: Moment, at: datetime) -> Invoice | None:
    """Issue the late fee that a rule asks for at this moment, once; its mail is the reminder.

    Happens in the caller's transaction, under the lock of the invoice; locks the merchant's
    counter.
    """
    amount = fee_of(invoice, moment.rule) if moment.charges else 0
    if not amount or invoice.late_fees.filter(late_fee_days=moment.days).exists():
        return None
    fee, lines = drafts.draft(invoice.merchant, _asked(invoice, amount))
    fee.late_fee_of, fee.late_fee_days = invoice, moment.days
    fee.sent_at = at
    drafts.keep(fee, lines)
    issuing.issue(fee)
    events.record("invoice.sent", fee)
    return fee


def _asked(invoice: Invoice, amount: int) -> InvoiceInput:
    """To the same payer, in the same currency, untaxed: it compensates and sells nothing."""
    wallet = invoice.wallet if invoice.wallet and not invoice.wallet.archived_at else None
    with translation.override(languages.nearest(documents.document_of(invoice).language)):
        description = _("Late fee for %(number)s") % {"number": invoice.number}
    return InvoiceInput(
        customer_id=invoice.customer.public_id if invoice.customer else None,
        recipient=RecipientInput.model_construct(
            name=invoice.recipient_name,
            email=invoice.recipient_email,
            type=invoice.recipient_type,  # type: ignore[arg-type]
        ),
        wallet_id=wallet.public_id if wallet else None,
        currency=invoice.currency,
        line_items=[
            LineItemInput(
                description=description, unit_price=money.to_decimal(amount, invoice.currency)
            )
        ],
        language=invoice.language,
        purchase_order=invoice.purchase_order,
    )
