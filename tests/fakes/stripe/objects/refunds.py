"""Refunds: money going back, at once or days later, and sometimes coming back again."""

from typing import Any

from tests.fakes.stripe.cards import Card
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import balance
from tests.fakes.stripe.objects.methods import behaviour
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World, merge_metadata

_WINDOW_DAYS = 180


def create(world: World, params: Object) -> Object:
    """Give back `amount` minor units of a charge, or all that is left of it."""
    charge = _charge(world, params)
    amount = _amount(charge, params)
    is_card = charge["payment_method_details"]["type"] == "card"
    if not is_card and world.now - charge["created"] > _WINDOW_DAYS * DAY:
        raise ApiError(f"This payment is older than {_WINDOW_DAYS} days and cannot be refunded.")
    how = behaviour(world.get("payment_method", charge["payment_method"]))
    later = how.refund if isinstance(how, Card) else "pending"
    found = world.made(
        "refund",
        "re_" if is_card else "pyr_",
        amount=amount,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        customer=None,
        customer_account=None,
        destination_details=_destination(is_card),
        metadata=params.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        receipt_number=None,
        source_transfer_reversal=None,
        status="pending" if later == "pending" else "succeeded",
        transfer_reversal=None,
    )
    del found["livemode"]
    if found["status"] == "pending":
        found["pending_reason"] = "processing"
    own = balance.book(
        world,
        "refund" if is_card else "payment_refund",
        -amount,
        charge["currency"],
        found["id"],
        category="refund",
        description="REFUND FOR CHARGE" if is_card else "REFUND FOR PAYMENT",
    )
    found["balance_transaction"] = own["id"]
    world.save(found)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.save(charge)
    if later == "pending":
        days = DAY if is_card else balance.business_days_later(world.now, 4) - world.now
        world.after(days, "refund_succeeds", found["id"])
    elif later == "failed_later":
        world.after(DAY, "refund_fails", found["id"])
    world.emit("refund.created", found)
    world.emit("charge.refunded", charge, {"amount_refunded": charge["amount_refunded"] - amount})
    return found


def _charge(world: World, params: Object) -> Object:
    if params.get("charge"):
        found = world.get("charge", params["charge"], "charge")
    elif params.get("payment_intent"):
        intent = world.get("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        found = world.get("charge", intent["latest_charge"])
    else:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            code="parameter_missing",
        )
    if found["status"] != "succeeded":
        raise ApiError(f"Charge {found['id']} is {found['status']} and cannot be refunded.")
    held = world.store.select("dispute", "charge = ?", (found["id"],))
    if any(not d["is_charge_refundable"] and d["status"] != "won" for d in held):
        raise ApiError(
            f"Charge {found['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    return found


def _amount(charge: Object, params: Object) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount: int = params.get("amount", left)
    if amount < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise ApiError(
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge"
            f" (${left / 100:.2f})",
            param="amount",
        )
    return amount


def _destination(is_card: bool) -> Object:
    if is_card:
        reference = {"reference": None, "reference_status": "pending"}
        return {
            "type": "card",
            "card": {**reference, "reference_type": "acquirer_reference_number", "type": "refund"},
        }
    return {
        "type": "us_bank_transfer",
        "us_bank_transfer": {"reference": None, "reference_status": None},
    }


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("refund", found_id)
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    world.save(found)
    _changed(world, found)
    return found


def succeed(world: World, found_id: str) -> Object:
    """A pending refund reached the payer."""
    found = world.get("refund", found_id)
    if found["status"] not in ("pending", "requires_action"):
        raise ApiError(f"A refund that is {found['status']} cannot succeed.")
    world.store.drop_plans("refund_succeeds", found_id)
    before = found["status"]
    found["status"] = "succeeded"
    found.pop("pending_reason", None)
    world.save(found)
    _changed(world, found, before)
    return found


def require_action(world: World, found_id: str) -> Object:
    """The payer has to say where the money shall go."""
    found = world.get("refund", found_id)
    if found["status"] != "pending":
        raise ApiError(f"A refund that is {found['status']} cannot require action.")
    world.store.drop_plans("refund_succeeds", found_id)
    found["status"] = "requires_action"
    found.pop("pending_reason", None)
    world.save(found)
    _changed(world, found, "pending")
    return found


def fail(world: World, found_id: str, reason: str = "lost_or_stolen_card") -> Object:
    """A refund came back, even one that had succeeded."""
    found = world.get("refund", found_id)
    if found["status"] not in ("pending", "succeeded", "requires_action"):
        raise ApiError(f"A refund that is {found['status']} cannot fail.")
    before = found["status"]
    _undo(world, found, "failed")
    found["failure_reason"] = reason
    world.save(found)
    world.emit("refund.failed", found, {"status": before})
    _changed(world, found, before)
    return found


def cancel(world: World, found_id: str) -> Object:
    found = world.get("refund", found_id)
    if found["status"] != "requires_action":
        raise ApiError(
            f"A refund that is {found['status']} cannot be canceled; only one that requires action"
            " can."
        )
    _undo(world, found, "canceled")
    world.save(found)
    _changed(world, found, "requires_action")
    return found


def _undo(world: World, found: Object, status: str) -> None:
    for what in ("refund_succeeds", "refund_fails"):
        world.store.drop_plans(what, found["id"])
    own = balance.book(
        world,
        "refund_failure",
        found["amount"],
        found["currency"],
        found["id"],
        category="refund_failure",
        description="REFUND FAILURE",
    )
    changes: dict[str, Any] = {"status": status, "failure_balance_transaction": own["id"]}
    found.update(changes)
    found.pop("pending_reason", None)
    charge = world.get("charge", found["charge"])
    charge["amount_refunded"] -= found["amount"]
    charge["refunded"] = False
    world.save(charge)


def _changed(world: World, found: Object, before: str | None = None) -> None:
    previous = {"status": before} if before else {}
    world.emit("refund.updated", found, previous)
    world.emit("charge.refund.updated", found, previous)
