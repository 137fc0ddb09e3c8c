"""The control API: `POST /_control/…` with JSON, for what a test may do that no merchant can.

It is for this machine alone, as the whole fake is. A payment may be named by its `charge`, its
`payment_intent` or its `session`.

    clock                     seconds, days: move on; all that comes due is done
    pay                       session; card or account; amount, currency, email, name, authenticate
    authenticate              intent, approve
    debits/succeed, fail      a payment; code
    debits/return             a payment that succeeded; reason
    disputes/open             a payment; reason, amount, inquiry
    disputes/warn             a payment: an early fraud warning
    disputes/win, lose, close_warning, withdraw, reinstate      dispute
    refunds/succeed, fail, require_action                       refund; reason
    payouts/create            status (paid, in_transit, failed), currency, code
    payouts/pay, fail         payout; code
    methods/update            payment_method and its new last4, exp_month, exp_year; or blocked
    null_balance_transaction  times: card charges without one for a minute
    faults                    do, method, path, times, skip, seconds; or clear
    delivery                  drop, seed, duplicate, hold, account, stale; or reset
    events/flush              send what is due
    events/release            send what was held; shuffle by a seed
    events/deliver            events, or all that never arrived: send again
    state                     every object by kind; kinds
    totals                    sums of the balance transactions by currency and type
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.fakes.stripe.cards import ROUTING_NUMBER
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import (
    attempts,
    balance,
    debits,
    disputes,
    methods,
    paying,
    refunds,
    setups,
)
from tests.fakes.stripe.objects.currencies import check_amount
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import public

if TYPE_CHECKING:
    from tests.fakes.stripe.app import Answer, Application, Request

Verb = Callable[["Application", Object], Any]


def answer(app: "Application", request: "Request") -> "Answer":
    """Carry out one verb; a wrong one says what is wrong with it."""
    name = request.path.removeprefix("/_control/")
    try:
        given = json.loads(request.body) if request.body else {}
        if name in _SENDING:
            found = _SENDING[name](app, given)
        elif name in _VERBS:
            with app.lock:
                app.tick()
                found = _done(app, _VERBS[name], given)
        else:
            raise ApiError(f"no such control: {name}", status=404)
    except ApiError as error:
        return _json(error.status, {"error": error.error})
    except (KeyError, TypeError, ValueError) as error:
        return _json(400, {"error": {"message": f"{type(error).__name__}: {error}"}})
    app.delivery.wake()
    return _json(200, found)


def _done(app: "Application", verb: Verb, given: Object) -> Any:
    """In one transaction; a decline is an outcome, and stays."""
    with app.world.store.transaction():
        try:
            found = verb(app, given)
        except ApiError as error:
            if not error.keep:
                raise
            found = {"error": error.error}
    return public(found) if isinstance(found, dict) else found


def _json(status: int, found: Any) -> "Answer":
    return status, {"Content-Type": "application/json"}, json.dumps(found, indent=1).encode()


# Time and money


def advance(app: "Application", given: Object) -> Object:
    """Move the clock on by `seconds`, or by `days`; all that comes due is done."""
    store = app.world.store
    seconds = int(given.get("seconds", 0)) + int(given.get("days", 0)) * 86_400
    store.set_fact("offset", int(store.fact("offset", 0)) + seconds)
    return {"now": app.world.now}


def advance_and_run(app: "Application", given: Object) -> Object:
    with app.lock:
        with app.world.store.transaction():
            found = advance(app, given)
        done = app.tick()
    return {**found, "done": done}


def _debit(app: "Application", given: Object) -> str:
    """The charge that a request names by itself, by its intent or by its session."""
    world = app.world
    if "charge" in given:
        return str(given["charge"])
    intent = given.get("payment_intent")
    if intent is None:
        intent = world.get("checkout.session", given["session"])["payment_intent"]
    charge = world.get("payment_intent", intent)["latest_charge"]
    return str(charge)


def return_debit(app: "Application", given: Object) -> Object:
    """A debit that had succeeded comes back, as a dispute that is lost from the start."""
    charge = _debit(app, given)
    return disputes.open_dispute(app.world, charge, given.get("reason", "insufficient_funds"))


def open_dispute(app: "Application", given: Object) -> Object:
    return disputes.open_dispute(
        app.world,
        _debit(app, given),
        given.get("reason", "fraudulent"),
        inquiry=bool(given.get("inquiry", False)),
        amount=given.get("amount"),
    )


def pay(app: "Application", given: Object) -> Object:
    """Pay a session as a payer on its page would; `amount` and `currency` replace its own.

    A card that asks for authentication is approved, unless `authenticate` is false.
    """
    world = app.world
    session = world.get("checkout.session", given["session"])
    if "amount" in given or "currency" in given:
        amount = given.get("amount", session["amount_total"])
        session["currency"] = check_amount(amount, given.get("currency", session["currency"]))
        session["amount_total"] = session["amount_subtotal"] = amount
        if session["currency"] != "usd":
            session["payment_method_types"] = ["card"]
        world.save(session)
    name = given.get("name", "Jenny Rosen")
    details = {"email": given.get("email", "jenny@payer.example"), "name": name}
    if given.get("account"):
        number = {"account_number": given["account"], "routing_number": ROUTING_NUMBER}
        method = paying.method_of(world, None, number, name)
    else:
        card = given.get("card", "4242424242424242")
        method = paying.method_of(world, new_card(card), None, name)
    session = paying.submit(world, session["id"], method, details)
    intent = session["setup_intent"] or session["payment_intent"]
    if session["status"] == "open" and given.get("authenticate") is not None:
        authenticate(app, {"intent": intent, "approve": given["authenticate"]})
    elif session["status"] == "open":
        authenticate(app, {"intent": intent, "approve": True})
    return world.get("checkout.session", session["id"])


def new_card(number: str) -> Object:
    return {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}


def authenticate(app: "Application", given: Object) -> Object:
    """Approve or refuse at the bank, for the intent that asks for it."""
    world, intent = app.world, given["intent"]
    module = setups if intent.startswith("seti_") else attempts
    found = module.authenticate(world, intent, bool(given.get("approve", True)))
    if found["_session"]:
        paying.settle(world, found["_session"])
    return found


def payout(app: "Application", given: Object) -> Object:
    """Pay out all that is available; on its way, or arrived at once, or failed."""
    found = balance.pay_out(app.world, given.get("currency", "usd"))
    status = given.get("status", "paid")
    if status == "paid":
        return balance.arrive(app.world, found["id"])
    if status == "failed":
        return balance.fail(app.world, found["id"], given.get("code", "account_closed"))
    return found


def null_balance_transaction(app: "Application", given: Object) -> Object:
    """The next `times` card charges have no balance transaction for a minute."""
    app.world.store.set_fact("null_balance_transactions", int(given.get("times", 1)))
    return {}


def state(app: "Application", given: Object) -> Object:
    """Every object, by kind; `kinds` leaves out the others."""
    found: dict[str, Any] = {"now": app.world.now}
    for each in app.world.store.everything():
        if "kinds" not in given or each["object"] in given["kinds"]:
            found.setdefault(each["object"], []).append(public(each))
    return found


def totals(app: "Application", given: Object) -> Object:
    """What the account earned and paid, by currency and type of balance transaction."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for each in app.world.store.select("balance_transaction"):
        sums = found.setdefault(each["currency"], {}).setdefault(
            each["type"], {"amount": 0, "fee": 0, "net": 0, "count": 0}
        )
        for name in ("amount", "fee", "net"):
            sums[name] += each[name]
        sums["count"] += 1
    return found


# Faults and deliveries


def faults(app: "Application", given: Object) -> Any:
    """Add a fault, or several as `faults`; `clear` forgets those that wait."""
    if given.get("clear"):
        app.faults.clear()
    for each in given.get("faults", [given] if "do" in given else []):
        app.faults.add(**{name: value for name, value in each.items() if name != "clear"})
    return app.faults.pending()


def delivery(app: "Application", given: Object) -> Object:
    """Say how events are delivered: drop, seed, duplicate, hold, account, stale; or `reset`."""
    if given.pop("reset", False):
        app.delivery.reset_script()
    return app.delivery.set_script(**given)


def release(app: "Application", given: Object) -> Object:
    """Stop holding, and send what was held; in an order shuffled by the seed `shuffle`."""
    with app.lock:
        app.delivery.set_script(hold=False)
    return {"sent": app.delivery.release(shuffle=given.get("shuffle"))}


_VERBS: dict[str, Verb] = {
    "debits/succeed": lambda app, given: debits.succeed(app.world, _debit(app, given)),
    "debits/fail": lambda app, given: debits.fail(
        app.world, _debit(app, given), given.get("code", "insufficient_funds")
    ),
    "debits/return": return_debit,
    "disputes/open": open_dispute,
    "disputes/win": lambda app, given: disputes.end(app.world, given["dispute"], "won"),
    "disputes/lose": lambda app, given: disputes.end(app.world, given["dispute"], "lost"),
    "disputes/close_warning": lambda app, given: disputes.end(
        app.world, given["dispute"], "warning_closed"
    ),
    "disputes/withdraw": lambda app, given: disputes.withdraw(app.world, given["dispute"]),
    "disputes/reinstate": lambda app, given: disputes.reinstate(app.world, given["dispute"]),
    "disputes/warn": lambda app, given: disputes.warn(app.world, _debit(app, given)),
    "refunds/succeed": lambda app, given: refunds.succeed(app.world, given["refund"]),
    "refunds/fail": lambda app, given: refunds.fail(
        app.world, given["refund"], given.get("reason", "lost_or_stolen_card")
    ),
    "refunds/require_action": lambda app, given: refunds.require_action(app.world, given["refund"]),
    "methods/update": lambda app, given: methods.automatically_update(
        app.world, given.pop("payment_method"), given
    ),
    "payouts/create": payout,
    "payouts/pay": lambda app, given: balance.arrive(app.world, given["payout"]),
    "payouts/fail": lambda app, given: balance.fail(
        app.world, given["payout"], given.get("code", "account_closed")
    ),
    "pay": pay,
    "authenticate": authenticate,
    "null_balance_transaction": null_balance_transaction,
    "state": state,
    "totals": totals,
    "faults": faults,
    "delivery": delivery,
}
# These send requests, or move the clock, and take the lock for as long as they need it.
_SENDING: dict[str, Verb] = {
    "clock": advance_and_run,
    "events/release": release,
    "events/flush": lambda app, given: {"sent": app.delivery.pump()},
    "events/deliver": lambda app, given: {"sent": app.delivery.again(given.get("events"))},
}
