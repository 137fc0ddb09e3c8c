"""One try at a payment: the bank asked, the money taken or declined, the method kept."""

from tests.fakes.stripe.cards import AUTHENTICATION_REQUIRED, BankAccount, Card, Decline
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import charges, disputes, mandates, methods
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, public

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again.",
)


def attempt(
    world: World,
    found: Object,
    method: Object,
    *,
    strict: bool = False,
    authenticated: bool = False,
) -> Object:
    """One try with one method; what comes of it is saved, and a decline raised."""
    found.update(
        payment_method=method["id"], next_action=None, last_payment_error=None, processing=None
    )
    if not method["customer"] and method["type"] == "card":
        method["_used"] = True
        world.save(method)
    how = behaviour_of(method)
    if isinstance(how, BankAccount):
        return _debit(world, found, method)
    if not authenticated and _must_authenticate(how, found, method):
        if found["_off_session"] or strict:
            return decline(world, found, method, AUTHENTICATION_REQUIRED)
        return _ask(world, found)
    if how.decline:
        return decline(world, found, method, how.decline)
    return _succeed(world, found, method, authenticated)


def behaviour_of(method: Object) -> Card | BankAccount:
    return methods.behaviour(method)


def _must_authenticate(how: Card, found: Object, method: Object) -> bool:
    if how.authenticates == "unless_set_up" and found["_off_session"]:
        return not method["_authenticated"]
    return bool(how.authenticates)


def _ask(world: World, found: Object) -> Object:
    """The payer has to approve at the bank."""
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
    world.emit("payment_intent.requires_action", found)
    return found


def authenticate(world: World, found_id: str, approved: bool) -> Object:
    """What the payer told the bank. Refusing leaves the intent open for another method."""
    found = world.get("payment_intent", found_id)
    refuse_unless(found, ("requires_action",), "authenticated")
    method = world.get("payment_method", found["payment_method"])
    if approved:
        return attempt(world, found, method, authenticated=True)
    found.update(status="requires_payment_method", next_action=None, payment_method=None)
    found["last_payment_error"] = _last_error(AUTHENTICATION_FAILED, method, None)
    world.save(found)
    world.emit("payment_intent.payment_failed", found)
    return found


def _succeed(world: World, found: Object, method: Object, authenticated: bool) -> Object:
    charge = charges.succeed(world, found, method)
    found.update(status="succeeded", amount_received=found["amount"], next_action=None)
    world.save(found)
    save_method(world, found, method, authenticated)
    world.emit("payment_intent.succeeded", found)
    how = behaviour_of(method)
    if isinstance(how, Card) and how.dispute:
        disputes.open_dispute(world, charge["id"], how.dispute, inquiry=how.inquiry)
    if isinstance(how, Card) and how.fraud_warning:
        disputes.warn(world, charge["id"])
    return world.get("payment_intent", found["id"])


def save_method(world: World, found: Object, method: Object, authenticated: bool) -> None:
    """Keep the method for later payments, if the intent said so."""
    if found["setup_future_usage"] and found["customer"]:
        method["_used"] = False
        if authenticated and found["setup_future_usage"] == "off_session":
            method["_authenticated"] = True
        world.save(method)
        methods.keep(world, method, found["customer"])


def _debit(world: World, found: Object, method: Object) -> Object:
    mandates.required(world, method, found)
    blocked = method["us_bank_account"]["status_details"].get("blocked")
    if blocked:
        return decline(
            world,
            found,
            method,
            Decline("debit_not_authorized", "This bank account is blocked for debits."),
        )
    charges.begin_debit(world, found, method)
    found.update(status="processing")
    found["processing"] = None
    world.save(found)
    save_method(world, found, method, False)
    world.emit("payment_intent.processing", found)
    return found


def decline(world: World, found: Object, method: Object, why: Decline) -> Object:
    """A failed charge, an intent that waits for another method, and Stripe's 402."""
    charge = charges.fail(world, found, method, why)
    found.update(status="requires_payment_method", payment_method=None, next_action=None)
    found["last_payment_error"] = _last_error(why, method, charge["id"])
    world.save(found)
    world.emit("payment_intent.payment_failed", found)
    raise methods.card_error(
        why,
        charge=charge["id"],
        payment_intent=public(found),
        payment_method=public(method),
    )


def _last_error(why: Decline, method: Object, charge: str | None) -> Object:
    found: Object = {"code": why.code, "message": why.message, "type": "card_error"}
    if charge is None:
        found["type"] = "invalid_request_error"
    found["doc_url"] = "https://stripe.com/docs/error-codes/" + why.code.replace("_", "-")
    extra = {
        "advice_code": why.advice_code,
        "charge": charge,
        "decline_code": why.decline_code,
    }
    found.update({name: value for name, value in extra.items() if value is not None})
    found["payment_method"] = public(method)
    return found


def debit_ended(world: World, found: Object, charge: Object) -> Object:
    """The bank has answered; the intent follows its charge."""
    if charge["status"] == "succeeded":
        found.update(status="succeeded", amount_received=found["amount"])
        world.save(found)
        world.emit("payment_intent.succeeded", found)
        return found
    method = world.get("payment_method", charge["payment_method"])
    why = Decline(charge["failure_code"], charge["failure_message"])
    found.update(status="requires_payment_method", payment_method=None)
    found["last_payment_error"] = {
        **_last_error(why, method, charge["id"]),
        "type": "invalid_request_error",
    }
    world.save(found)
    world.emit("payment_intent.payment_failed", found)
    return found


def refuse_unless(found: Object, allowed: tuple[str, ...], verb: str) -> None:
    """Raise Stripe's error for an intent that is past what is asked of it."""
    if found["status"] in allowed:
        return
    raise ApiError(
        f"This PaymentIntent could not be {verb} because it has a status of {found['status']}."
        f" Only a PaymentIntent with one of the following statuses may be {verb}:"
        f" {', '.join(allowed)}.",
        code="payment_intent_unexpected_state",
        payment_intent=public(found),
    )
