"""Requests that many tests of the fake begin with."""

from typing import Any

import stripe


def session(client: stripe.StripeClient, amount: int = 2000, **given: Any) -> Any:
    """An open session over one line."""
    line = {
        "price_data": {
            "currency": given.pop("currency", "usd"),
            "unit_amount": amount,
            "product_data": {"name": "Consulting"},
        }
    }
    asked: Any = {
        "mode": "payment",
        "success_url": "http://127.0.0.1/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1/back",
        "line_items": [line],
        **given,
    }
    return client.v1.checkout.sessions.create(asked)


def charge(
    client: stripe.StripeClient, customer: str, method: str = "pm_card_visa", **given: Any
) -> Any:
    """A payment without the payer, with a method saved before."""
    saved = client.v1.payment_methods.attach(method, {"customer": customer})
    asked: Any = {
        "amount": 2000,
        "currency": "usd",
        "customer": customer,
        "payment_method": saved.id,
        "off_session": True,
        "confirm": True,
        "expand": ["latest_charge.balance_transaction"],
        **given,
    }
    return client.v1.payment_intents.create(asked)


def event_types(client: stripe.StripeClient) -> list[str]:
    """What happened, the oldest first."""
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]
