"""Ada's business and Cleo's invoices, as browser tests meet them, made by the real actions."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from invoicing import clock
from invoicing.actions.customers import create_customer
from invoicing.actions.invoices import create_invoice, finalize_invoice, void_invoice
from invoicing.actions.merchants import move_clock, open_account, update_merchant
from invoicing.inputs import CustomerInput, InvoiceInput, MerchantChanges
from invoicing.models import Customer, Invoice, Merchant, User
from payments import flows
from payments.actions.pay import mark_paid
from payments.inputs import MarkPaidInput
from payments.models import Payment
from payments.sandbox import provider

VISA, DECLINED, SILENT = "4242424242424242", "4000000000009995", "4000000000005126"
PASSWORD = "hedgerow-and-hazel"
_people = count(1)


def given_a_user(name: str = "Ada Lovelace") -> User:
    """Somebody with a confirmed address, who can sign in with PASSWORD."""
    first = name.split()[0].lower()
    user = User.objects.create_user(f"{first}{next(_people)}@example.com", PASSWORD, name=name)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


def given_a_merchant(user: User | None = None, **changes: Any) -> Merchant:
    """The test twin of a new account of Ada's."""
    user = user or given_a_user()
    account = open_account(user, "Hedgerow Studio")
    merchant = account.merchants.get(livemode=False)
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
    return update_merchant(merchant, MerchantChanges.model_validate(described))


def given_a_customer(merchant: Merchant, **changes: Any) -> Customer:
    """Cleo."""
    described = {
        "name": "Cleo Payer",
        "email": "cleo@example.com",
        "address": {
            "line1": "Lindenstrasse 4",
            "city": "Berlin",
            "postal_code": "10969",
            "country": "DE",
        },
        **changes,
    }
    return create_customer(merchant, CustomerInput.model_validate(described))


def given_a_draft(merchant: Merchant, **changes: Any) -> Invoice:
    """Two lines with a discount and a tax: 1 425.60 in all."""
    customer = changes.pop("customer", None) or given_a_customer(merchant)
    described = {
        "customer_id": customer.public_id,
        "currency": "USD",
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
    return create_invoice(merchant, InvoiceInput.model_validate(described))


def given_an_open_invoice(merchant: Merchant | None = None, **changes: Any) -> Invoice:
    """An issued invoice that nobody has paid."""
    merchant = merchant or given_a_merchant()
    return finalize_invoice(merchant, given_a_draft(merchant, **changes).public_id)


def given_an_overdue_invoice(merchant: Merchant) -> Invoice:
    """Its due date is four days past on the merchant's clock."""
    due = clock.now(merchant) + timedelta(days=2)
    invoice = given_an_open_invoice(merchant, due_at=due)
    move_clock(merchant, clock.now(merchant) + timedelta(days=6, hours=1))
    return again(invoice)


def given_an_expired_window(merchant: Merchant) -> Invoice:
    """The time to pay is over."""
    ends = clock.now(merchant) + timedelta(days=1)
    invoice = given_an_open_invoice(merchant, expires_at=ends)
    move_clock(merchant, ends + timedelta(hours=1))
    return again(invoice)


def pay_by_card(invoice: Invoice, number: str = VISA, amount: int | None = None) -> Payment:
    """Pay as Cleo would on the sandbox's page, and let Billhook hear of it."""
    payment = flows.start(invoice.pk, "sandbox", amount)
    provider.submit_card(payment.provider_reference, number)
    return flows.check(payment.pk)


def given_a_paid_invoice(merchant: Merchant | None = None, **changes: Any) -> Invoice:
    """Paid in full by card."""
    invoice = given_an_open_invoice(merchant, **changes)
    pay_by_card(invoice)
    return again(invoice)


def given_a_partly_paid_invoice(merchant: Merchant) -> Invoice:
    """500.00 of it came by bank transfer."""
    invoice = given_an_open_invoice(merchant, allow_partial=True)
    declared = MarkPaidInput(amount=Decimal("500.00"), method="bank_transfer")
    mark_paid(merchant, invoice.public_id, declared)
    return again(invoice)


def given_an_invoice_being_paid(merchant: Merchant) -> Invoice:
    """The bank has not answered yet."""
    invoice = given_an_open_invoice(merchant)
    pay_by_card(invoice, SILENT)
    return again(invoice)


def given_a_void_invoice(merchant: Merchant) -> Invoice:
    """Withdrawn."""
    return void_invoice(merchant, given_an_open_invoice(merchant).public_id)


def again(invoice: Invoice) -> Invoice:
    """The invoice as it stands in the database now."""
    return Invoice.objects.select_related("merchant", "customer").get(pk=invoice.pk)
