"""What Stripe is asked for: the parameters of each request, from our own rows.

A request that is repeated under its key must be the same to the letter, so nothing here depends
on when it is asked.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.conf import settings
from stripe.params import (
    CustomerCreateParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    RefundCreateParams,
)
from stripe.params.checkout import SessionCreateParams, SessionListParams

from invoicing import clock
from invoicing.representations import public_url
from payments.models import MethodSetup, Payment, PaymentMethod, ProviderCustomer, Refund

TYPES: Final[dict[str, Literal["card", "us_bank_account"]]] = {
    "card": "card",
    "ach": "us_bank_account",
}
# Keys are forgotten after a day; a page that outlived its key could be opened twice.
PAGE_LIFE: Final = timedelta(hours=23)
INTENT: Final = ["latest_charge.balance_transaction", "payment_method"]
SESSION: Final = [f"payment_intent.{name}" for name in INTENT]
_REASONS: Final[dict[str, Literal["duplicate", "fraudulent", "requested_by_customer"]]] = {
    "duplicate": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "requested_by_customer",
}


def session(payment: Payment) -> SessionCreateParams:
    """A hosted page for all of a payment's amount."""
    invoice = payment.invoice
    back = public_url(f"/i/{invoice.slug}")
    wanted: SessionCreateParams = {
        "mode": "payment",
        "payment_method_types": [TYPES[payment.rail]],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": payment.currency.lower(),
                    "unit_amount": payment.amount,
                    "product_data": {"name": title(payment)},
                },
            }
        ],
        "client_reference_id": payment.public_id,
        "metadata": metadata(payment),
        "payment_intent_data": {"metadata": metadata(payment), "description": title(payment)},
        "success_url": f"{back}/return?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": back,
        "expires_at": int((asked(payment) + PAGE_LIFE).timestamp()),
    }
    if payment.keeps_method and invoice.customer_id:
        wanted["customer"] = known_as(invoice.customer_id)
        wanted["payment_intent_data"]["setup_future_usage"] = "off_session"
    elif invoice.recipient_email:
        wanted["customer_email"] = invoice.recipient_email
    return wanted


def charge(payment: Payment) -> PaymentIntentCreateParams:
    """A charge of a saved method while its owner is away."""
    method = payment.charged
    return {
        "amount": payment.amount,
        "currency": payment.currency.lower(),
        "customer": provider_customer(method),
        "payment_method": method.provider_reference,
        "payment_method_types": [TYPES[payment.rail]],
        "confirm": True,
        "off_session": True,
        "description": title(payment),
        "metadata": metadata(payment),
        "expand": INTENT,
    }


def refund(row: Refund) -> RefundCreateParams:
    """Some or all of a payment, back to where it came from."""
    wanted: RefundCreateParams = {
        "payment_intent": money(row),
        "amount": row.amount,
        "metadata": {**instance(), "refund_id": row.public_id},
    }
    if row.reason in _REASONS:
        wanted["reason"] = _REASONS[row.reason]
    return wanted


def customer(known: ProviderCustomer) -> CustomerCreateParams:
    """A customer of ours."""
    person = known.customer
    wanted: CustomerCreateParams = {
        "name": person.name,
        "metadata": {**instance(), "customer_id": person.public_id},
    }
    if person.email:
        wanted["email"] = person.email
    return wanted


def setup(row: MethodSetup, known: ProviderCustomer) -> SessionCreateParams:
    """A hosted page on which a card or an account is saved."""
    # An address of the merchant's own, or a path of ours.
    elsewhere = "://" in row.return_path
    back = row.return_path if elsewhere else public_url(row.return_path or "/")
    said = {**instance(), "setup_id": row.public_id}
    return {
        "mode": "setup",
        "payment_method_types": [TYPES[row.rail]],
        "customer": known.reference,
        "client_reference_id": row.public_id,
        "metadata": said,
        "setup_intent_data": {"metadata": said},
        "success_url": back,
        "cancel_url": back,
    }


def sessions_around(payment: Payment) -> SessionListParams:
    """The pages that Stripe has opened when it can have heard of a payment."""
    return {"created": _around(payment), "limit": 100}


def charges_around(payment: Payment) -> PaymentIntentListParams:
    """The charges of a saved method that Stripe has made when it can have heard of this one."""
    customer = provider_customer(payment.charged)
    return {"customer": customer, "created": _around(payment), "limit": 100}


def title(payment: Payment) -> str:
    """What the payer reads on the page and on their statement."""
    seller = payment.invoice.seller_snapshot.get("name", "")
    return f"{payment.invoice} · {seller}" if seller else str(payment.invoice)


def instance() -> dict[str, str]:
    """What tells our objects from those of others who use the same account."""
    return {"billhook": settings.PUBLIC_URL[:200]}


def metadata(payment: Payment) -> dict[str, str]:
    """By what an object is found again whose name was never heard."""
    return {
        **instance(),
        "payment_id": payment.public_id,
        "invoice_id": payment.invoice.public_id,
        "merchant_id": payment.merchant.public_id,
    }


def provider_customer(method: PaymentMethod) -> str:
    """Stripe's name for the customer who saved a method."""
    return known_as(method.customer_id)


def known_as(customer_pk: int) -> str:
    """Stripe's name for a customer of ours; empty before it has one."""
    rows = ProviderCustomer.objects.filter(customer=customer_pk, provider="stripe")
    return rows.values_list("reference", flat=True).first() or ""


def money(row: Refund) -> str:
    """Stripe's name for the money that goes back."""
    came = row.came
    return came.money_reference if isinstance(came, Payment) else came.provider_reference


def asked(payment: Payment) -> datetime:
    """When Stripe was first asked, by the wall clock."""
    return payment.asked_at or clock.wall()


def _around(payment: Payment) -> Any:
    """Hours, in the form that each list has a type of its own for."""
    first, last = asked(payment) - timedelta(minutes=10), asked(payment) + timedelta(hours=24)
    return {"gte": int(first.timestamp()), "lte": int(last.timestamp())}
