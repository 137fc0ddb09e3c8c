"""How a bank debit ends, days after it began."""

from tests.fakes.stripe.cards import ACCOUNTS, BankAccount
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import attempts, charges, disputes, mandates, paying
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World


def end(world: World, charge_id: str) -> None:
    """The day has come: the debit ends as its test account says."""
    charge = world.get("charge", charge_id)
    method = world.get("payment_method", charge["payment_method"])
    how = ACCOUNTS.get(method["_number"], BankAccount(method["_number"]))
    if charge["status"] != "pending" or how.ends == "processing":
        return
    if how.ends == "failed":
        fail(world, charge_id, how.code or "no_account", how.message)
        return
    succeed(world, charge_id)
    if how.ends == "disputed":
        disputes.open_dispute(world, charge_id, how.code or "insufficient_funds")


def succeed(world: World, charge_id: str) -> Object:
    """The payer's bank paid."""
    charge = _pending(world, charge_id)
    charges.debit_succeeded(world, charge)
    return _tell(world, charge)


def fail(
    world: World, charge_id: str, code: str = "insufficient_funds", message: str = ""
) -> Object:
    """The payer's bank did not pay."""
    charge = _pending(world, charge_id)
    text = message or f"The debit failed: {code.replace('_', ' ')}."
    charges.debit_failed(world, charge, code, text)
    method = world.get("payment_method", charge["payment_method"])
    how = ACCOUNTS.get(method["_number"])
    if code == "debit_not_authorized" or (how and how.blocks):
        mandates.revoke(world, method)
    return _tell(world, charge)


def _pending(world: World, charge_id: str) -> Object:
    charge = world.get("charge", charge_id)
    if charge["status"] != "pending":
        raise ApiError(f"This debit is {charge['status']}, not pending.")
    world.store.drop_plans("debit_ends", charge_id)
    return charge


def _tell(world: World, charge: Object) -> Object:
    intent = world.get("payment_intent", charge["payment_intent"])
    attempts.debit_ended(world, intent, charge)
    if intent["_session"]:
        paying.debit_ended(world, intent["_session"], charge["status"] == "succeeded")
    return charge
