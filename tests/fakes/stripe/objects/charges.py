"""Charges: one for every try at moving money, whether it worked or not."""

from typing import Any

from tests.fakes.stripe.cards import Card, Decline
from tests.fakes.stripe.objects import balance
from tests.fakes.stripe.objects.methods import behaviour
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World, merge_metadata

# A debit is known to have worked, or not, four business days later.
DEBIT_DAYS = 4
_SELLER_OK = "Payment complete."


def _new(world: World, intent: Object, method: Object, status: str, **fields: Any) -> Object:
    is_card = method["type"] == "card"
    found = world.made(
        "charge",
        "ch_" if is_card else "py_",
        amount=intent["amount"],
        amount_captured=intent["amount"] if status != "failed" else 0,
        amount_refunded=0,
        application=None,
        application_fee=None,
        application_fee_amount=None,
        balance_transaction=None,
        billing_details=method["billing_details"],
        calculated_statement_descriptor="FAKE BUSINESS" if is_card else None,
        captured=status != "failed",
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        on_behalf_of=None,
        outcome=None,
        paid=status == "succeeded",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(intent, method),
        receipt_email=intent["receipt_email"],
        receipt_number=None,
        receipt_url=None,
        refunded=False,
        review=None,
        shipping=intent["shipping"],
        source=None,
        source_transfer=None,
        statement_descriptor=intent["statement_descriptor"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        status=status,
        transfer_data=None,
        transfer_group=None,
        **fields,
    )
    if status == "succeeded":
        found["receipt_url"] = f"{world.public_url}/c/receipt/{found['id']}"
    intent["latest_charge"] = found["id"]
    return found


def _details(intent: Object, method: Object) -> Object:
    if method["type"] != "card":
        bank = method["us_bank_account"]
        return {
            "type": "us_bank_account",
            "us_bank_account": {
                "account_holder_type": bank["account_holder_type"],
                "account_type": bank["account_type"],
                "bank_name": bank["bank_name"],
                "expected_debit_date": None,
                "fingerprint": bank["fingerprint"],
                "last4": bank["last4"],
                "mandate": method["_mandate"],
                "payment_reference": None,
                "routing_number": bank["routing_number"],
            },
        }
    card = method["card"]
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return {
        "type": "card",
        "card": {
            **{name: card[name] for name in (*kept, "last4", "regulated_status", "wallet")},
            "amount_authorized": intent["amount"],
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {
                "maximum_amount_capturable": intent["amount"],
                "status": "unavailable",
            },
            "three_d_secure": None,
            "transaction_link_id": None,
        },
    }


def _outcome(kind: str, network: str, message: str, decline: Decline | None = None) -> Object:
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": message,
        "type": kind,
    }


def succeed(world: World, intent: Object, method: Object) -> Object:
    """A card was charged, and the money is on its way to the balance."""
    found = _new(world, intent, method, "succeeded")
    found["outcome"] = _outcome("authorized", "approved_by_network", _SELLER_OK)
    hidden = int(world.store.fact("null_balance_transactions", 0))
    world.save(found)
    if hidden:
        world.store.set_fact("null_balance_transactions", hidden - 1)
        world.after(60, "book_charge", found["id"])
    else:
        book_charge(world, found)
    world.emit("charge.succeeded", found)
    return found


def book_charge(world: World, found: Object) -> Object:
    """Write the balance transaction of a card's charge."""
    method = world.get("payment_method", found["payment_method"])
    how = behaviour(method)
    at_once = isinstance(how, Card) and how.bypass_pending
    own = balance.book(
        world,
        "charge",
        found["amount"],
        found["currency"],
        found["id"],
        fee=balance.card_fee(found["amount"]),
        description=found["description"],
        available_on=None if at_once else world.now + 2 * DAY,
    )
    found["balance_transaction"] = own["id"]
    return world.save(found)


def book_late(world: World, charge_id: str) -> None:
    """The balance transaction that was null at first is there now."""
    found = world.get("charge", charge_id)
    if found["balance_transaction"] is None:
        book_charge(world, found)
        previous = {"balance_transaction": None}
        world.emit("charge.updated", found, previous)


def fail(world: World, intent: Object, method: Object, decline: Decline) -> Object:
    """The bank declined; nothing moved."""
    found = _new(
        world,
        intent,
        method,
        "failed",
    )
    found["failure_code"] = decline.code
    found["failure_message"] = decline.message
    found["outcome"] = _outcome(
        "issuer_declined",
        "declined_by_network",
        f"The bank returned the decline code `{decline.decline_code or decline.code}`.",
        decline,
    )
    world.save(found)
    world.emit("charge.failed", found)
    return found


def begin_debit(world: World, intent: Object, method: Object) -> Object:
    """A bank account is being debited; the outcome is days away."""
    found = _new(world, intent, method, "pending")
    found["paid"] = False
    settles_at = balance.business_days_later(world.now, DEBIT_DAYS)
    own = balance.book(
        world,
        "payment",
        found["amount"],
        found["currency"],
        found["id"],
        fee=balance.bank_fee(found["amount"]),
        category="charge",
        description=found["description"],
        available_on=balance.business_days_later(settles_at, 1),
    )
    found["balance_transaction"] = own["id"]
    world.save(found)
    world.store.plan(settles_at, "debit_ends", found["id"])
    world.emit("charge.pending", found)
    return found


def debit_succeeded(world: World, found: Object) -> Object:
    found.update(status="succeeded", paid=True)
    found["outcome"] = _outcome("authorized", "approved_by_network", _SELLER_OK)
    found["receipt_url"] = f"{world.public_url}/c/receipt/{found['id']}"
    world.save(found)
    world.emit("charge.succeeded", found)
    return found


def debit_failed(world: World, found: Object, code: str, message: str) -> Object:
    """The bank refused the debit: what was booked as pending is taken back, fee and all."""
    own = world.get("balance_transaction", found["balance_transaction"])
    undone = balance.book(
        world,
        "payment_failure_refund",
        -own["amount"],
        own["currency"],
        found["id"],
        fee=-own["fee"],
        category="charge_failure",
        description="Payment failure refund",
        available_on=own["available_on"],
    )
    found.update(
        status="failed",
        paid=False,
        failure_balance_transaction=undone["id"],
        failure_code=code,
        failure_message=message,
    )
    world.save(found)
    world.emit("charge.failed", found)
    return found


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("charge", found_id)
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    for name in ("description", "receipt_email"):
        if name in params:
            found[name] = params[name] or None
    world.save(found)
    world.emit("charge.updated", found)
    return found
