"""What a payer does on the page of a Checkout session, and what comes of it."""

from typing import Any

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import attempts, customers, intents, mandates, methods, setups
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World


def submit(world: World, found_id: str, method: Object, details: Object) -> Object:
    """Pay, or save, with a new method. A decline is raised and the session stays open.

    Answers the session: still open, too, where the payer has to approve at the bank first.
    """
    found = world.get("checkout.session", found_id)
    if found["status"] != "open":
        raise ApiError(f"This Checkout Session is {found['status']}.")
    if method["type"] not in found["payment_method_types"]:
        raise ApiError(f"This Checkout Session does not take {method['type']}.")
    found["_details"] = details
    if method["type"] == "us_bank_account":
        mandates.accept(world, method)
    if found["mode"] == "setup":
        setup = world.get("setup_intent", found["setup_intent"])
        _customer(world, found)
        world.save(found)
        setup["customer"] = found["customer"]
        setup["_return_url"] = found["url"]
        setups.attempt(world, setup, method)
        return settle(world, found_id)
    intent = _intent(world, found)
    world.save(found)
    intent["_return_url"] = found["url"]
    attempts.attempt(world, intent, method)
    return settle(world, found_id)


def _intent(world: World, found: Object) -> Object:
    if found["payment_intent"]:
        return world.get("payment_intent", found["payment_intent"])
    given = found["_payment"]
    _customer(world, found)
    kept = ("description", "receipt_email", "setup_future_usage", "shipping", "transfer_group")
    names = (*kept, "statement_descriptor", "statement_descriptor_suffix")
    intent = intents.create(
        world,
        {
            "amount": found["amount_total"],
            "currency": found["currency"],
            "customer": found["customer"],
            "metadata": given.get("metadata") or {},
            "payment_method_types": found["payment_method_types"],
            **{name: given[name] for name in names if name in given},
        },
    )
    intent["_session"] = found["id"]
    world.save(intent)
    found["payment_intent"] = intent["id"]
    return intent


def _customer(world: World, found: Object) -> None:
    """Make a customer if the session shall, or give the one it has the email they lack."""
    details = found["_details"]
    given = {name: details[name] for name in ("email", "name") if details.get(name)}
    if not found["customer"]:
        if found["_customer_creation"] == "always":
            found["customer"] = customers.create(world, given)["id"]
    elif not world.get("customer", found["customer"])["email"] and "email" in given:
        customers.update(world, found["customer"], {"email": given["email"]})


def settle(world: World, found_id: str) -> Object:
    """Complete the session if its intent has got that far."""
    found = world.get("checkout.session", found_id)
    kind, name = ("setup_intent",) * 2 if found["mode"] == "setup" else ("payment_intent",) * 2
    intent = world.get(kind, found[name])
    if found["status"] != "open" or intent["status"] not in ("succeeded", "processing"):
        return found
    world.store.drop_plans("session_expires", found_id)
    found["customer_details"] = _customer_details(world, found)
    found.update(status="complete", url=None)
    if found["mode"] == "payment":
        found["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    world.save(found)
    world.emit("checkout.session.completed", found)
    return found


def _customer_details(world: World, found: Object) -> Object:
    details: dict[str, Any] = found.get("_details") or {}
    owner = world.store.get(found["customer"]) if found["customer"] else None
    return {
        "address": {
            **dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "country": "US",
        },
        "business_name": None,
        "email": details.get("email") or found["customer_email"] or (owner and owner["email"]),
        "individual_name": None,
        "name": details.get("name") or (owner and owner["name"]),
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def debit_ended(world: World, found_id: str, succeeded: bool) -> None:
    """The bank has answered, days after the session was completed."""
    found = world.get("checkout.session", found_id)
    if succeeded:
        found["payment_status"] = "paid"
        world.save(found)
    outcome = "succeeded" if succeeded else "failed"
    world.emit(f"checkout.session.async_payment_{outcome}", found)


def method_of(world: World, card: Object | None, account: Object | None, name: str) -> Object:
    """The payment method that a payer typed."""
    if card:
        kind, billing = {"type": "card", "card": card}, {"name": name}
    else:
        kind, billing = {"type": "us_bank_account", "us_bank_account": account}, {"name": name}
    return methods.create(world, {**kind, "billing_details": billing})
