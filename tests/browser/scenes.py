"""The invoices that a payer may find behind a link: one for each thing the page can say."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from invoicing import clock
from invoicing.actions.invoices import void_invoice, write_off_invoice
from invoicing.actions.merchants import update_merchant
from invoicing.inputs import MerchantChanges, read
from invoicing.models import Invoice, Merchant
from payments.actions.pay import mark_paid
from payments.inputs import MarkPaidInput
from tests import factories


def given_a_studio(**changes: Any) -> Merchant:
    """Ada's test twin with all its particulars filled in."""
    described = {
        "legal_name": "Hedgerow Studio Ltd",
        "email": "billing@hedgerow.example",
        "address": {
            "line1": "12 Coppice Lane",
            "city": "Lewes",
            "postal_code": "BN7 1AA",
            "country": "GB",
        },
        "tax_ids": [{"type": "gb_vat", "value": "GB123456789"}],
        "footer": "Registered in England 01234567.",
        **changes,
    }
    merchant = factories.given_a_merchant(name="Hedgerow Studio")
    return update_merchant(merchant, read(MerchantChanges, described))


def given_an_open_invoice(merchant: Merchant, **changes: Any) -> Invoice:
    """Two lines, discounts and a tax: 1 412.64 in all, for Cleo in Berlin."""
    language = changes.pop("customer_language", "")
    cleo = factories.given_a_customer(
        merchant,
        language=language,
        address={
            "line1": "Lindenstrasse 4",
            "city": "Berlin",
            "postal_code": "10969",
            "country": "DE",
        },
    )
    described = {
        "customer_id": cleo.public_id,
        "title": "Website, autumn",
        "message": "Thank you for a lovely project, Cleo.",
        "memo": "As agreed in our call of 3 November.",
        "line_items": [
            {"description": "Design of the website", "quantity": "12.5", "unit_price": "96"},
            {
                "description": "Photographs, licensed for five years",
                "quantity": "3",
                "unit_price": "40",
                "discount": {"percent": "10"},
            },
        ],
        "discount": {"percent": "10"},
        "tax_rate": "20",
        **changes,
    }
    return factories.given_an_open_invoice(merchant, **described)


def given_an_overdue_invoice(merchant: Merchant) -> Invoice:
    """Its due date was four days ago on the merchant's clock."""
    due = clock.now(merchant) + timedelta(days=2)
    invoice = given_an_open_invoice(merchant, due_at=due)
    factories.let_pass(merchant, "6 01:00:00")
    return factories.again(invoice)


def given_an_invoice_out_of_time(merchant: Merchant) -> Invoice:
    """The time to pay it is over."""
    ends = clock.now(merchant) + timedelta(days=1)
    invoice = given_an_open_invoice(merchant, expires_at=ends)
    factories.let_pass(merchant, "1 01:00:00")
    return factories.again(invoice)


def given_a_paid_invoice(merchant: Merchant) -> Invoice:
    """Paid in full by card."""
    invoice = given_an_open_invoice(merchant)
    factories.pay(invoice)
    return factories.again(invoice)


def given_a_partly_paid_invoice(merchant: Merchant) -> Invoice:
    """500.00 of it came by bank transfer."""
    invoice = given_an_open_invoice(merchant, allow_partial=True)
    declared = MarkPaidInput(amount=Decimal("500.00"), method="bank_transfer")
    mark_paid(merchant, invoice.public_id, declared)
    return factories.again(invoice)


def given_an_invoice_being_paid(merchant: Merchant) -> Invoice:
    """The bank has not answered yet."""
    invoice = given_an_open_invoice(merchant)
    factories.pay(invoice, factories.SILENT_THEN_PAID)
    return factories.again(invoice)


def given_a_void_invoice(merchant: Merchant) -> Invoice:
    """Withdrawn."""
    return void_invoice(merchant, given_an_open_invoice(merchant).public_id)


def given_a_written_off_invoice(merchant: Merchant) -> Invoice:
    """Nobody expects the money any more."""
    return write_off_invoice(merchant, given_an_open_invoice(merchant).public_id)


# What the page's heading says of each.
SCENES = {
    "open": (given_an_open_invoice, "$1,412.64"),
    "overdue": (given_an_overdue_invoice, "$1,412.64"),
    "partly paid": (given_a_partly_paid_invoice, "$912.64"),
    "being paid": (given_an_invoice_being_paid, "Your payment is on its way"),
    "paid": (given_a_paid_invoice, "Paid, thank you"),
    "void": (given_a_void_invoice, "This invoice was withdrawn"),
    "out of time": (given_an_invoice_out_of_time, "$1,412.64"),
    "written off": (given_a_written_off_invoice, "This invoice is closed"),
}
