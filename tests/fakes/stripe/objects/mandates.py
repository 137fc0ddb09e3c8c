"""Mandates: the payer's leave to debit a bank account."""

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World


def given(world: World, method: Object, params: Object) -> None:
    """Write the mandate that a request's `mandate_data` or `mandate` gives, if it gives one."""
    if method["type"] != "us_bank_account":
        return
    if params.get("mandate"):
        found = world.get("mandate", params["mandate"], "mandate")
        if found["payment_method"] != method["id"] or found["status"] != "active":
            raise ApiError(
                "The mandate is not active for this PaymentMethod.",
                code="payment_intent_mandate_invalid",
                param="mandate",
            )
    elif params.get("mandate_data"):
        accept(world, method)


def accept(world: World, method: Object) -> Object:
    """The payer agreed to debits from this account."""
    found = world.made(
        "mandate",
        "mandate_",
        customer_acceptance={
            "accepted_at": world.now,
            "online": {"ip_address": "127.0.0.1", "user_agent": "fake"},
            "type": "online",
        },
        multi_use={},
        payment_method=method["id"],
        payment_method_details={
            "type": "us_bank_account",
            "us_bank_account": {"collection_method": "paper"},
        },
        status="active",
        type="multi_use",
    )
    del found["created"]
    found["_created"] = world.now
    world.save(found)
    method["_mandate"] = found["id"]
    world.save(method)
    return found


def required(world: World, method: Object, intent: Object) -> Object:
    """The active mandate of a bank account; raises where there is none."""
    found = world.store.get(method["_mandate"]) if method["_mandate"] else None
    if found is None or found["status"] != "active":
        raise ApiError(
            "This bank account cannot be debited without a mandate. Provide `mandate_data`, or use"
            " a PaymentMethod that was set up with one.",
            code="payment_intent_mandate_invalid",
            param="payment_method",
        )
    return found


def revoke(world: World, method: Object) -> None:
    """A debit was returned as unauthorised: the mandate no longer counts."""
    if not method["_mandate"]:
        return
    found = world.get("mandate", method["_mandate"])
    if found["status"] == "active":
        found["status"] = "inactive"
        world.save(found)
        world.emit("mandate.updated", found, {"status": "active"})
