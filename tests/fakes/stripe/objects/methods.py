"""Payment methods: cards and bank accounts, made from test numbers, attached and detached."""

from datetime import UTC, datetime
from typing import Any

from tests.fakes.stripe.cards import (
    ACCOUNTS,
    CARDS,
    INCORRECT_NUMBER,
    ROUTING_NUMBER,
    TOKENS,
    BankAccount,
    Card,
    Decline,
    luhn,
)
from tests.fakes.stripe.errors import ApiError, missing
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, merge_metadata

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def card_error(decline: Decline, **extra: Any) -> ApiError:
    """Stripe's answer to a decline: 402, and what had happened by then stays."""
    extra.setdefault("param", _PARAMS.get(decline.code))
    return ApiError(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        keep=True,
        **extra,
    )


_PARAMS = {"incorrect_number": "number", "incorrect_cvc": "cvc", "expired_card": "exp_month"}


def behaviour(method: Object) -> Card | BankAccount:
    """How charges to this method go."""
    number = method["_number"]
    return CARDS.get(number) or ACCOUNTS.get(number) or Card(number)


def create(world: World, params: Object) -> Object:
    """A new method from a test number. Raises the card error of a number that cannot be."""
    kind = params.get("type")
    if kind not in ("card", "us_bank_account"):
        raise ApiError(
            "This fake knows payment methods of type card and us_bank_account.", param="type"
        )
    details = params.get(kind) or {}
    if kind == "card":
        found = _card(world, details)
    else:
        found = _bank_account(world, details, params.get("billing_details") or {})
    _bill(found, params.get("billing_details") or {})
    found["allow_redisplay"] = params.get("allow_redisplay", "unspecified")
    found["metadata"] = params.get("metadata") or {}
    return world.save(found)


def resolve(world: World, given: str, param: str = "payment_method") -> Object:
    """A method by its id, or a fresh one for a ready-made name such as pm_card_visa."""
    if given not in TOKENS:
        return world.get("payment_method", given, param)
    number = TOKENS[given]
    if number in CARDS:
        found = _card(world, {"number": number, "exp_month": 12, "exp_year": _year(world) + 4})
    else:
        found = _bank_account(
            world, {"account_number": number, "routing_number": ROUTING_NUMBER}, {"name": "Jenny"}
        )
        _bill(found, {"name": "Jenny Rosen", "email": "jenny@payer.example"})
    return world.save(found)


def _year(world: World) -> int:
    return datetime.fromtimestamp(world.now, UTC).year


def _base(world: World, kind: str) -> Object:
    return world.made(
        "payment_method",
        "pm_",
        allow_redisplay="unspecified",
        billing_details={
            "address": dict.fromkeys(_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        customer=None,
        customer_account=None,
        metadata={},
        type=kind,
        _used=False,
        _authenticated=False,
        _mandate=None,
    )


def _card(world: World, given: Object) -> Object:
    if "token" in given:
        token = given["token"].replace("tok_", "pm_card_")
        if token not in TOKENS:
            raise missing("token", given["token"], "card[token]")
        given = {"number": TOKENS[token], "exp_month": 12, "exp_year": _year(world) + 4}
    number = given.get("number", "").replace(" ", "")
    _check_card(world, given, number)
    known = CARDS.get(number) or Card(number)
    found = _base(world, "card")
    found["card"] = {
        "brand": known.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass" if given.get("cvc") else None,
        },
        "country": known.country,
        "display_brand": known.brand,
        "exp_month": given["exp_month"],
        "exp_year": given["exp_year"],
        "fingerprint": _fingerprint(number),
        "funding": known.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [known.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    found["_number"] = number
    return found


def _check_card(world: World, given: Object, number: str) -> None:
    """Raise for what no bank has to be asked about."""
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise ApiError(
                f"Missing required param: card[{name}].",
                code="parameter_missing",
                param=f"card[{name}]",
            )
    if not number.isdigit() or not luhn(number):
        raise card_error(INCORRECT_NUMBER)
    month, year = given["exp_month"], given["exp_year"]
    if not 1 <= month <= 12:
        raise card_error(
            Decline("invalid_expiry_month", "Your card's expiration month is invalid."),
            param="exp_month",
        )
    today = datetime.fromtimestamp(world.now, UTC)
    if (year, month) < (today.year, today.month):
        raise card_error(
            Decline("invalid_expiry_year", "Your card's expiration year is invalid."),
            param="exp_year",
        )
    cvc = given.get("cvc")
    if cvc is not None and not (cvc.isdigit() and len(cvc) in (3, 4)):
        raise card_error(
            Decline("invalid_cvc", "Your card's security code is invalid."), param="cvc"
        )


def _bank_account(world: World, given: Object, billing: Object) -> Object:
    number, routing = given.get("account_number", ""), given.get("routing_number", "")
    for name in ("account_number", "routing_number"):
        if not given.get(name):
            raise ApiError(
                f"Missing required param: us_bank_account[{name}].",
                code="parameter_missing",
                param=f"us_bank_account[{name}]",
            )
    if routing != ROUTING_NUMBER:
        raise ApiError(
            "You must use a test routing number when making requests in test mode.",
            code="routing_number_invalid",
            param="us_bank_account[routing_number]",
        )
    if number not in ACCOUNTS:
        raise ApiError(
            "You must use a test bank account number in test mode. Try 000123456789.",
            code="account_number_invalid",
            param="us_bank_account[account_number]",
        )
    found = _base(world, "us_bank_account")
    found["us_bank_account"] = {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(number),
        "last4": number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": routing,
        "status_details": {},
    }
    found["_number"] = number
    return found


def _fingerprint(number: str) -> str:
    return "Fp" + number[::-1][:14].rjust(14, "x")


def _bill(found: Object, given: Object) -> None:
    details = found["billing_details"]
    for name in ("email", "name", "phone", "tax_id"):
        if name in given:
            details[name] = given[name] or None
    for name, value in (given.get("address") or {}).items():
        details["address"][name] = value or None


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("payment_method", found_id)
    if found["customer"] is None:
        raise ApiError(
            "You must save this PaymentMethod to a customer before you can update it.",
            code="payment_method_unactivated",
        )
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    _bill(found, params.get("billing_details") or {})
    for name in ("exp_month", "exp_year"):
        if name in (params.get("card") or {}):
            found["card"][name] = params["card"][name]
    if "allow_redisplay" in params:
        found["allow_redisplay"] = params["allow_redisplay"]
    world.save(found)
    world.emit("payment_method.updated", found)
    return found


def attach(world: World, given: str, params: Object) -> Object:
    """Save a method with a customer; cards that decline refuse, as a saved card is checked."""
    customer = params.get("customer")
    if not customer:
        raise ApiError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    world.get("customer", customer, "customer")
    found = resolve(world, given)
    if found["customer"] == customer:
        return found
    if found["customer"]:
        raise ApiError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    if found["_used"]:
        raise used_up()
    how = behaviour(found)
    if isinstance(how, Card) and how.decline and not how.attaches:
        raise card_error(how.decline)
    return keep(world, found, customer)


def keep(world: World, found: Object, customer: str) -> Object:
    """Attach without asking; what a payment or set-up does in passing."""
    if found["customer"] == customer:
        return found
    found["customer"] = customer
    world.save(found)
    world.emit("payment_method.attached", found)
    return found


def used_up() -> ApiError:
    return ApiError(
        "This PaymentMethod was previously used without being attached to a Customer or was"
        " detached from a Customer, and may not be used again.",
        code="payment_method_unexpected_state",
        param="payment_method",
    )


def detach(world: World, found_id: str) -> Object:
    """Forget a method; it can never be used again."""
    found = world.get("payment_method", found_id)
    customer = found["customer"]
    if customer is None:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
            code="payment_method_unexpected_state",
        )
    found.update(customer=None, _used=True)
    world.save(found)
    owner = world.store.get(customer)
    settings = owner["invoice_settings"] if owner else {}
    if owner and settings["default_payment_method"] == found_id:
        settings["default_payment_method"] = None
        world.save(owner)
    world.emit("payment_method.detached", found, {"customer": customer})
    return found


def automatically_update(world: World, found_id: str, changes: Object) -> Object:
    """The network sent a new number or expiry for a saved card."""
    found = world.get("payment_method", found_id)
    kind = found["type"]
    before = {name: found[kind].get(name) for name in changes if name != "blocked"}
    if changes.pop("blocked", None):
        before = {"status_details": dict(found[kind]["status_details"])}
        found[kind]["status_details"] = {
            "blocked": {"network_code": "R29", "reason": "debit_not_authorized"}
        }
    found[kind].update(changes)
    world.save(found)
    world.emit("payment_method.automatically_updated", found, {kind: before})
    return found
