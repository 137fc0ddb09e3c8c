"""Payment intents: a payment from its first try to its last."""

from typing import Any

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import attempts, charges, mandates, methods
from tests.fakes.stripe.objects.attempts import refuse_unless
from tests.fakes.stripe.objects.currencies import check_amount
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, merge_metadata, public

_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_PLAIN = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def create(world: World, params: Object, **hidden: Any) -> Object:
    """A new intent, confirmed at once where `confirm` says so. Amounts are minor units."""
    currency = check_amount(params["amount"], params["currency"])
    if params.get("capture_method", "automatic") == "manual":
        raise ApiError("This fake does not capture later.", param="capture_method")
    for name in ("off_session", "error_on_requires_action", "mandate_data", "return_url"):
        if params.get(name) and not params.get("confirm"):
            raise ApiError(
                f"You can only pass in {name} when also passing in confirm=true.", param=name
            )
    customer = params.get("customer") or None
    if customer:
        world.get("customer", customer, "customer")
    found = world.made(
        "payment_intent",
        "pi_",
        **_blank(currency, params),
        customer=customer,
        metadata={},
        **{name: params.get(name) or None for name in _PLAIN},
        _session=None,
        _return_url=None,
        _off_session=False,
        **hidden,
    )
    found["client_secret"] = f"{found['id']}_secret_{world.new_id('', 24)}"
    merge_metadata(found, params.get("metadata") or {})
    method = _given_method(world, params, customer)
    if method:
        found.update(payment_method=method["id"], status="requires_confirmation")
    world.save(found)
    world.emit("payment_intent.created", found)
    if params.get("confirm"):
        return confirm(world, found["id"], {**params, "payment_method": None})
    return found


def _blank(currency: str, params: Object) -> Object:
    types = params.get("payment_method_types")
    automatic = None
    if not types:
        given = params.get("automatic_payment_methods") or {"enabled": True}
        automatic = {"allow_redirects": given.get("allow_redirects", "always"), "enabled": True}
        types = ["card", "us_bank_account"] if currency == "usd" else ["card"]
    if "us_bank_account" in types and currency != "usd":
        raise ApiError(
            "The payment method `us_bank_account` only supports payments in usd.",
            param="payment_method_types",
        )
    return {
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": None,
        "confirmation_method": "automatic",
        "currency": currency,
        "customer_account": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "managed_payments": {"enabled": False},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": params.get("payment_method_options") or {},
        "payment_method_types": types,
        "processing": None,
        "review": None,
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None,
    }


def _given_method(world: World, params: Object, customer: str | None) -> Object | None:
    if params.get("payment_method_data"):
        return methods.create(world, params["payment_method_data"])
    given = params.get("payment_method")
    if not given:
        return None
    found = methods.resolve(world, given)
    if found["customer"] and found["customer"] != customer:
        raise ApiError(
            f"The provided PaymentMethod ({found['id']}) belongs to a customer. To use it, pass"
            " that customer.",
            code="payment_intent_unexpected_state" if customer is None else "resource_missing",
            param="payment_method",
        )
    if found["_used"] and not found["customer"]:
        raise methods.used_up()
    return found


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("payment_intent", found_id)
    if "amount" in params or "currency" in params:
        refuse_unless(found, ("requires_payment_method", "requires_confirmation"), "updated")
        amount = params.get("amount", found["amount"])
        found["currency"] = check_amount(amount, params.get("currency", found["currency"]))
        found["amount"] = amount
    for name in _PLAIN:
        if name in params:
            found[name] = params[name] or None
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    return world.save(found)


def confirm(world: World, found_id: str, params: Object) -> Object:
    """Try to take the money. A decline raises the card error that Stripe answers with."""
    found = world.get("payment_intent", found_id)
    refuse_unless(
        found, ("requires_payment_method", "requires_confirmation", "requires_action"), "confirmed"
    )
    given = _given_method(world, params, found["customer"])
    method = given or (
        world.get("payment_method", found["payment_method"]) if found["payment_method"] else None
    )
    if method is None:
        raise ApiError(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=public(found),
        )
    if method["type"] not in found["payment_method_types"]:
        raise ApiError(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )
    off_session = params.get("off_session") not in (None, "", False, "false")
    _needs_return_url(found, params, off_session)
    if params.get("setup_future_usage"):
        found["setup_future_usage"] = params["setup_future_usage"]
    found["_return_url"] = params.get("return_url")
    found["_off_session"] = off_session
    mandates.given(world, method, params)
    return attempts.attempt(
        world, found, method, strict=bool(params.get("error_on_requires_action"))
    )


def _needs_return_url(found: Object, params: Object, off_session: bool) -> None:
    automatic = found["automatic_payment_methods"]
    if off_session or params.get("return_url") or not automatic:
        return
    if automatic["allow_redirects"] == "always":
        raise ApiError(
            "This PaymentIntent accepts payment methods that redirect. Provide a `return_url`, or"
            " set automatic_payment_methods[allow_redirects] to never.",
            param="return_url",
        )


def cancel(world: World, found_id: str, params: Object, *, by_session: bool = False) -> Object:
    found = world.get("payment_intent", found_id)
    refuse_unless(found, _CANCELABLE, "canceled")
    if found["_session"] and not by_session:
        raise ApiError(
            "You cannot cancel this PaymentIntent because it was created by Checkout. Expire its"
            " Checkout Session instead.",
            code="payment_intent_unexpected_state",
        )
    if found["status"] == "processing":
        charge = world.get("charge", found["latest_charge"])
        world.store.drop_plans("debit_ends", charge["id"])
        charges.debit_failed(world, charge, "payment_intent_canceled", "The debit was canceled.")
    found.update(
        status="canceled",
        canceled_at=world.now,
        cancellation_reason=params.get("cancellation_reason"),
        next_action=None,
    )
    world.save(found)
    world.emit("payment_intent.canceled", found)
    return found
