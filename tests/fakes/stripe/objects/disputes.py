"""Disputes: money taken back by the payer's bank, the evidence against it, and how it ends."""

from typing import Any

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import balance, mandates
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World, merge_metadata, public

_OPEN = ("needs_response", "under_review")
_INQUIRY = ("warning_needs_response", "warning_under_review")
_RETURNED_BY_BANK = ("insufficient_funds", "incorrect_account_details", "bank_cannot_process")
_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "duplicate": "12.6"}
_RESPONSE_DAYS = 9


def open_dispute(
    world: World,
    charge_id: str,
    reason: str = "fraudulent",
    *,
    inquiry: bool = False,
    amount: int | None = None,
) -> Object:
    """The payer's bank asks for its money (or, as an inquiry, only asks).

    What was debited from a bank account is gone for good: that dispute is lost as it begins.
    """
    charge = world.get("charge", charge_id)
    if charge["status"] != "succeeded":
        raise ApiError(f"A charge that is {charge['status']} cannot be disputed.")
    is_card = charge["payment_method_details"]["type"] == "card"
    found = world.made(
        "dispute",
        "du_",
        amount=charge["amount"] - charge["amount_refunded"] if amount is None else amount,
        balance_transactions=[],
        charge=charge_id,
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        evidence_details={
            "due_by": world.now + _RESPONSE_DAYS * DAY if is_card else None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=_details(charge, reason, inquiry),
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge["disputed"] = True
    world.save(charge)
    world.save(found)
    if not is_card:
        found["status"] = "lost"
        world.save(found)
    world.emit("charge.dispute.created", found)
    if not inquiry:
        withdraw(world, found["id"])
    if is_card:
        world.store.plan(found["evidence_details"]["due_by"], "dispute_due", found["id"])
    else:
        # A customer's dispute takes their permission back; a bank that lacked funds does not.
        if reason not in _RETURNED_BY_BANK:
            mandates.revoke(world, world.get("payment_method", charge["payment_method"]))
        found = world.get("dispute", found["id"])
        world.emit("charge.dispute.closed", found)
    return found


def _details(charge: Object, reason: str, inquiry: bool) -> Object:
    details = charge["payment_method_details"]
    if details["type"] != "card":
        return {"type": "us_bank_account", "us_bank_account": {"return_code": "R01"}}
    return {
        "type": "card",
        "card": {
            "brand": details["card"]["brand"],
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": details["card"]["network"],
            "network_reason_code": _NETWORK_CODES.get(reason, "10.4"),
        },
    }


def withdraw(world: World, dispute_id: str) -> Object:
    """Take the disputed money and the fee out of the balance; an inquiry becomes a chargeback."""
    found = world.get("dispute", dispute_id)
    if _withdrawn(found):
        raise ApiError("The funds of this dispute are withdrawn already.")
    kind = "charge" if found["payment_method_details"]["type"] == "card" else "payment"
    own = balance.book(
        world,
        "adjustment",
        -found["amount"],
        found["currency"],
        dispute_id,
        fee=balance.DISPUTE_FEE,
        fee_description="Dispute fee",
        category="dispute",
        description=f"Chargeback withdrawal for {kind} {found['charge']}",
    )
    found["balance_transactions"].append(public(own))
    found["is_charge_refundable"] = False
    if found["status"] in _INQUIRY:
        found["status"] = "needs_response"
        found["payment_method_details"]["card"]["case_type"] = "chargeback"
    world.save(found)
    world.emit("charge.dispute.funds_withdrawn", found)
    return found


def reinstate(world: World, dispute_id: str) -> Object:
    """Give the disputed money back; the fee stays paid."""
    found = world.get("dispute", dispute_id)
    if not _withdrawn(found):
        raise ApiError("The funds of this dispute are not withdrawn.")
    own = balance.book(
        world,
        "adjustment",
        found["amount"],
        found["currency"],
        dispute_id,
        category="dispute_reversal",
        description=f"Chargeback reversal for {found['charge']}",
    )
    found["balance_transactions"].append(public(own))
    world.save(found)
    world.emit("charge.dispute.funds_reinstated", found)
    return found


def _withdrawn(found: Object) -> bool:
    return sum(each["amount"] for each in found["balance_transactions"]) < 0


def update(world: World, dispute_id: str, params: Object) -> Object:
    """Take evidence; submitted at once unless `submit` says otherwise.

    The texts winning_evidence, losing_evidence and escalate_inquiry_evidence decide the case, as
    Stripe's testing page has it.
    """
    found = world.get("dispute", dispute_id)
    if found["status"] not in (*_OPEN, *_INQUIRY):
        raise ApiError("This dispute is already closed.")
    evidence = params.get("evidence") or {}
    for name, value in evidence.items():
        if name in _FILES and value:
            world.get("file", value, f"evidence[{name}]")
        found["evidence"][name] = value or None
    details = found["evidence_details"]
    details["has_evidence"] = any(found["evidence"][name] for name in _EVIDENCE)
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    submit = bool(evidence) if "submit" not in params else params["submit"]
    if submit:
        if details["past_due"]:
            raise ApiError("The deadline for evidence has passed.")
        if details["submission_count"]:
            raise ApiError("Evidence was submitted for this dispute already.")
        details["submission_count"] = 1
        inquiry = found["status"] in _INQUIRY
        found["status"] = "warning_under_review" if inquiry else "under_review"
    world.save(found)
    world.emit("charge.dispute.updated", found)
    if submit:
        _judge(world, found)
    return found


_FILES = frozenset(
    [
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    ]
)


def _judge(world: World, found: Object) -> None:
    text = found["evidence"]["uncategorized_text"]
    if text == "winning_evidence":
        won_or_warning = "warning_closed" if found["status"] in _INQUIRY else "won"
        end(world, found["id"], won_or_warning)
    elif text == "losing_evidence":
        end(world, found["id"], "lost")
    elif text == "escalate_inquiry_evidence" and found["status"] in _INQUIRY:
        withdraw(world, found["id"])


def close(world: World, dispute_id: str) -> Object:
    """The merchant gives in."""
    found = world.get("dispute", dispute_id)
    if found["status"] not in ("needs_response", "warning_needs_response"):
        raise ApiError(f"A dispute that is {found['status']} cannot be closed.")
    return end(world, dispute_id, "lost")


def end(world: World, dispute_id: str, status: str) -> Object:
    """The bank decides: won, lost or warning_closed."""
    found = world.get("dispute", dispute_id)
    if found["status"] not in (*_OPEN, *_INQUIRY):
        raise ApiError(f"This dispute is already {found['status']}.")
    world.store.drop_plans("dispute_due", dispute_id)
    if status == "won" and _withdrawn(found):
        found = reinstate(world, dispute_id)
    found["status"] = status
    if status == "warning_closed":
        charge = world.get("charge", found["charge"])
        charge["disputed"] = False
        world.save(charge)
    world.save(found)
    world.emit("charge.dispute.closed", found)
    return found


def fall_due(world: World, dispute_id: str) -> None:
    """Nobody answered in time."""
    found = world.get("dispute", dispute_id)
    found["evidence_details"]["past_due"] = True
    world.save(found)
    if found["status"] == "needs_response":
        end(world, dispute_id, "lost")
    elif found["status"] == "warning_needs_response":
        end(world, dispute_id, "warning_closed")


def warn(world: World, charge_id: str) -> Object:
    """The issuer thinks that a charge may be fraud."""
    charge = world.get("charge", charge_id)
    found: dict[str, Any] = world.made(
        "radar.early_fraud_warning",
        "issfr_",
        actionable=True,
        charge=charge_id,
        fraud_type="made_with_stolen_card",
        payment_intent=charge["payment_intent"],
    )
    world.save(found)
    world.emit("radar.early_fraud_warning.created", found)
    return found
