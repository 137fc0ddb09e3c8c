"""What each verb that moves money would move, said before it is done.

So that a bot's wish is known when it comes again, and held against what the bot may do.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from invoicing.errors import BillhookError, NotFound
from invoicing.intents import Move
from invoicing.models import Invoice, Merchant
from payments import giving_back, recurring, refunding, scheduling
from payments.inputs import (
    ChargeInput,
    CreditNoteInput,
    MarkPaidInput,
    RefundInput,
    in_minor_units,
)
from payments.recurring_inputs import RecurringInput, Rhythm

FAILED: Final = frozenset({"failed", "canceled"})


def payee_of(invoice: Invoice) -> str:
    """Whose money an invoice's is: its customer, or itself where that is nobody on file."""
    return invoice.customer.public_id if invoice.customer else invoice.public_id


def charging(merchant: Merchant, wanted: ChargeInput, *, again: bool = False) -> Move:
    """A charge that makes its own invoice."""
    customer = merchant.customers.filter(public_id=wanted.customer_id).first()
    wallet = merchant.wallets.filter(public_id=wanted.wallet_id).first()
    own = wallet.currency if wallet else customer and customer.currency
    currency = wanted.currency or own or merchant.currency
    amount = in_minor_units(wanted.amount, currency) or 0
    return Move(
        kind="charge",
        payee=wanted.customer_id,
        about=wanted.customer_id,
        currency=currency,
        amount=amount,
        asked=_each(amount, wanted.recurring) if wanted.recurring else str(amount),
        purpose=wanted.description,
        look=f"/v1/invoices?customer={wanted.customer_id}",
        allow_duplicate=again,
        advice=_charge_its_invoice,
    )


def charging_invoice(invoice: Invoice, *, again: bool = False) -> Move:
    """A charge of all that an invoice asks for. One that failed may be tried again."""
    return Move(
        kind="charge",
        payee=payee_of(invoice),
        about=invoice.public_id,
        currency=invoice.currency,
        amount=invoice.amount_due,
        asked="",
        look=f"/v1/invoices/{invoice.public_id}/payments",
        allow_duplicate=again,
        dropped=lambda told: told["payment"]["status"] in FAILED,
    )


def scheduled(merchant: Merchant, wanted: RecurringInput, *, again: bool = False) -> Move:
    """A schedule of charges: what each period asks for."""
    row = scheduling.plan(merchant, wanted)
    amount = recurring.amount_of(row)
    return Move(
        kind="charge",
        payee=wanted.customer_id,
        about=wanted.customer_id,
        currency=row.currency,
        amount=amount,
        asked=_each(amount, wanted),
        purpose=row.description,
        look=f"/v1/recurring_charges?customer_id={wanted.customer_id}",
        allow_duplicate=again,
    )


def refunding_invoice(invoice: Invoice, wanted: RefundInput, *, again: bool = False) -> Move:
    """Money back for an invoice. A refund that failed may be asked for again."""
    most = refunding.refundable_now(invoice)
    asked = in_minor_units(wanted.amount, invoice.currency)
    # Where there is one payment, it is named or not: the same money is meant.
    several = len([row for row in invoice.payments.all() if row.received]) > 1
    return Move(
        kind="refund",
        payee=payee_of(invoice),
        about=(several and wanted.payment_id) or invoice.public_id,
        currency=invoice.currency,
        amount=most if asked is None else asked,
        asked="" if asked is None else str(asked),
        look=f"/v1/invoices/{invoice.public_id}/refunds",
        allow_duplicate=again,
        dropped=_all_failed,
    )


def refunding_overpayment(
    merchant: Merchant, payment_id: str, wanted: RefundInput, *, again: bool = False
) -> Move:
    """An overpayment's surplus back. Raises NotFound."""
    rows = merchant.payments.select_related("invoice__customer")
    payment = rows.filter(public_id=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment {payment_id}.")
    asked = in_minor_units(wanted.amount, payment.currency)
    return Move(
        kind="refund",
        payee=payee_of(payment.invoice),
        about=f"{payment.public_id} overpaid",
        currency=payment.currency,
        amount=payment.surplus - payment.surplus_returned if asked is None else asked,
        asked="" if asked is None else str(asked),
        look=f"/v1/refunds?payment_id={payment.public_id}",
        allow_duplicate=again,
        dropped=_failed,
    )


def refunding_deposit(merchant: Merchant, deposit_id: str, *, again: bool = False) -> Move:
    """Unmatched money back, all of it. Raises NotFound."""
    deposit = merchant.deposits.filter(public_id=deposit_id).first()
    if deposit is None:
        raise NotFound(f"There is no deposit {deposit_id}.")
    return Move(
        kind="refund",
        payee=deposit.public_id,
        about=deposit.public_id,
        currency=deposit.currency,
        amount=deposit.amount,
        asked="",
        look=f"/v1/deposits/{deposit_id}",
        allow_duplicate=again,
        dropped=_failed,
    )


def crediting(invoice: Invoice, wanted: CreditNoteInput, *, again: bool = False) -> Move:
    """A credit note, as far as it gives money back; what it forgives is as good as paid."""
    amount = forgiven = 0
    try:
        note = giving_back.draft(invoice, wanted)
        amount, forgiven = giving_back.to_refund(note), note.off_due
    except BillhookError:
        pass  # issuing it says why it cannot be
    return Move(
        kind="refund",
        payee=payee_of(invoice),
        about=f"{invoice.public_id} credited",
        currency=invoice.currency,
        amount=amount,
        asked=_figures(wanted.model_dump(include={"amount", "line_items"}, exclude_none=True)),
        look=f"/v1/credit_notes?invoice_id={invoice.public_id}",
        allow_duplicate=again,
        beside="settle" if forgiven else "",
    )


def settling(invoice: Invoice, wanted: MarkPaidInput, *, again: bool = False) -> Move:
    """Money that is said to have come from elsewhere."""
    asked = in_minor_units(wanted.amount, invoice.currency)
    return Move(
        kind="settle",
        payee=payee_of(invoice),
        about=invoice.public_id,
        currency=invoice.currency,
        amount=invoice.amount_due if asked is None else asked,
        asked="" if asked is None else str(asked),
        purpose=f"{wanted.reference} {wanted.tx_hash}".strip(),
        # Who asks again may call it something else; a transaction is what it is.
        apart=wanted.tx_hash,
        look=f"/v1/invoices/{invoice.public_id}/payments",
        allow_duplicate=again,
    )


def _each(amount: int, rhythm: Rhythm) -> str:
    """How much, how often: by whichever endpoint it is asked for."""
    return f"{amount} {rhythm.interval_count} {rhythm.interval}"


def _figures(said: Any) -> str:
    """What was said, the same for 6, 6.0 and 6.00."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return str(value.normalize())
        if isinstance(value, Mapping):
            return {name: plain(one) for name, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return json.dumps(plain(said), sort_keys=True) if said else ""


def _charge_its_invoice(told: Mapping[str, Any]) -> str:
    # The first may have been asked for as a schedule, or in another system's words.
    payment, invoice = told.get("payment"), told.get("invoice")
    if not (isinstance(payment, dict) and invoice and _failed(payment)):
        return ""
    return (
        "It failed, and its invoice is open: to try again, "
        f"POST /v1/invoices/{invoice['id']}/charge."
    )


def _failed(told: Mapping[str, Any]) -> bool:
    return told["status"] in FAILED


def _all_failed(told: Mapping[str, Any]) -> bool:
    return all(_failed(row) for row in told["refunds"])
