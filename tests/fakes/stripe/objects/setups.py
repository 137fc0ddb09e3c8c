"""Setup intents: saving a method for later without paying now."""

from typing import Any

from tests.fakes.stripe.cards import Card, Decline
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import mandates, methods
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, merge_metadata, public

AUTHENTICATION_FAILED = Decline(
    "setup_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again.",
)


def create(world: World, params: Object, **hidden: Any) -> Object:
    """A new set-up, confirmed at once where `confirm` says so."""
    customer = params.get("customer") or None
    if customer:
        world.get("customer", customer, "customer")
    types = params.get("payment_method_types")
    automatic = None
    if not types:
        given = params.get("automatic_payment_methods") or {"enabled": True}
        automatic = {"allow_redirects": given.get("allow_redirects", "always"), "enabled": True}
        types = ["card", "us_bank_account"]
    found = world.made(
        "setup_intent",
        "seti_",
        application=None,
        automatic_payment_methods=automatic,
        cancellation_reason=None,
        client_secret=None,
        customer=customer,
        customer_account=None,
        description=params.get("description") or None,
        excluded_payment_method_types=None,
        flow_directions=None,
        last_setup_error=None,
        latest_attempt=None,
        mandate=None,
        metadata=params.get("metadata") or {},
        next_action=None,
        on_behalf_of=None,
        payment_method=None,
        payment_method_configuration_details=None,
        payment_method_options=params.get("payment_method_options") or {},
        payment_method_types=types,
        single_use_mandate=None,
        status="requires_payment_method",
        usage=params.get("usage", "off_session"),
        _session=None,
        _return_url=None,
        **hidden,
    )
    found["client_secret"] = f"{found['id']}_secret_{world.new_id('', 24)}"
    if params.get("payment_method"):
        method = methods.resolve(world, params["payment_method"])
        found.update(payment_method=method["id"], status="requires_confirmation")
    world.save(found)
    world.emit("setup_intent.created", found)
    if params.get("confirm"):
        return confirm(world, found["id"], {**params, "payment_method": None})
    return found


def confirm(world: World, found_id: str, params: Object) -> Object:
    found = world.get("setup_intent", found_id)
    _refuse_unless(
        found, ("requires_payment_method", "requires_confirmation", "requires_action"), "confirmed"
    )
    given = params.get("payment_method") or found["payment_method"]
    if params.get("payment_method_data"):
        method = methods.create(world, params["payment_method_data"])
    elif given:
        method = methods.resolve(world, given)
    else:
        raise ApiError(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
        )
    if method["type"] not in found["payment_method_types"]:
        raise ApiError(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this SetupIntent.",
            param="payment_method",
        )
    found["_return_url"] = params.get("return_url")
    mandates.given(world, method, params)
    return attempt(world, found, method)


def attempt(world: World, found: Object, method: Object, *, authenticated: bool = False) -> Object:
    """One try with one method; a decline is raised."""
    found.update(payment_method=method["id"], next_action=None, last_setup_error=None)
    if found["customer"] and method["customer"] not in (None, found["customer"]):
        raise ApiError("The payment method belongs to another customer.", param="payment_method")
    how = methods.behaviour(method)
    if isinstance(how, Card):
        if how.authenticates and not authenticated:
            return _ask(world, found)
        if how.decline and not how.attaches:
            _failed(world, found, method, how.decline)
            raise methods.card_error(
                how.decline, setup_intent=public(found), payment_method=public(method)
            )
        method["_authenticated"] = method["_authenticated"] or authenticated
        world.save(method)
    else:
        found["mandate"] = mandates.required(world, method, found)["id"]
    if found["customer"]:
        methods.keep(world, method, found["customer"])
    found["status"] = "succeeded"
    world.save(found)
    world.emit("setup_intent.succeeded", found)
    return found


def _ask(world: World, found: Object) -> Object:
    found["status"] = "requires_action"
    found["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    if found["_return_url"]:
        found["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "return_url": found["_return_url"],
                "url": f"{world.public_url}/c/authenticate/{found['id']}",
            },
        }
    world.save(found)
    world.emit("setup_intent.requires_action", found)
    return found


def authenticate(world: World, found_id: str, approved: bool) -> Object:
    """What the payer told the bank."""
    found = world.get("setup_intent", found_id)
    _refuse_unless(found, ("requires_action",), "authenticated")
    method = world.get("payment_method", found["payment_method"])
    if approved:
        return attempt(world, found, method, authenticated=True)
    _failed(world, found, method, AUTHENTICATION_FAILED)
    return found


def _failed(world: World, found: Object, method: Object, why: Decline) -> None:
    found.update(status="requires_payment_method", payment_method=None, next_action=None)
    found["last_setup_error"] = {
        "code": why.code,
        "decline_code": why.decline_code,
        "message": why.message,
        "payment_method": public(method),
        "type": "card_error" if why.decline_code else "invalid_request_error",
    }
    world.save(found)
    world.emit("setup_intent.setup_failed", found)


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("setup_intent", found_id)
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    if "description" in params:
        found["description"] = params["description"] or None
    return world.save(found)


def cancel(world: World, found_id: str, params: Object, *, by_session: bool = False) -> Object:
    found = world.get("setup_intent", found_id)
    _refuse_unless(
        found, ("requires_payment_method", "requires_confirmation", "requires_action"), "canceled"
    )
    if found["_session"] and not by_session:
        raise ApiError(
            "You cannot cancel this SetupIntent because it was created by Checkout.",
            code="setup_intent_unexpected_state",
        )
    found.update(
        status="canceled", cancellation_reason=params.get("cancellation_reason"), next_action=None
    )
    world.save(found)
    world.emit("setup_intent.canceled", found)
    return found


def _refuse_unless(found: Object, allowed: tuple[str, ...], verb: str) -> None:
    if found["status"] not in allowed:
        raise ApiError(
            f"This SetupIntent could not be {verb} because it has a status of {found['status']}."
            f" Only a SetupIntent with one of the following statuses may be {verb}:"
            f" {', '.join(allowed)}.",
            code="setup_intent_unexpected_state",
            setup_intent=public(found),
        )
