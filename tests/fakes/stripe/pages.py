"""The hosted pages: paying or saving a method, approving at the bank, and receipts.

Plain forms, rendered here; no script.
"""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from tests.fakes.stripe import pages_html as html
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import attempts, paying, setups
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World

if TYPE_CHECKING:
    from tests.fakes.stripe.app import Answer, Application, Request

_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def answer(app: "Application", request: "Request") -> "Answer":
    """One page, or what sending its form did. The caller holds the lock."""
    parts = request.path.strip("/").split("/")
    if parts == ["c", "style.css"]:
        return 200, {"Content-Type": "text/css; charset=utf-8"}, html.STYLE.encode()
    try:
        if len(parts) == 3 and parts[1] in _PAGES:
            return _PAGES[parts[1]](app.world, parts[2], request)
        return _page(404, html.message("Not found", "There is no such page."))
    except ApiError as error:
        return _page(error.status, html.message("This cannot be done", str(error)))


def _page(status: int, text: str) -> "Answer":
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return status, headers, text.encode()


def _see(url: str) -> "Answer":
    return 303, {"Location": url, "Content-Type": "text/plain", "Cache-Control": "no-store"}, b""


def _fields(request: "Request") -> dict[str, str]:
    given = request.body.decode() if request.method == "POST" else request.query
    return {name: value.strip() for name, value in parse_qsl(given, keep_blank_values=True)}


# Paying


def _pay(world: World, session_id: str, request: "Request") -> "Answer":
    session = world.get("checkout.session", session_id)
    fields = _fields(request)
    if session["status"] != "open":
        return _over(session)
    if request.method == "GET":
        return _page(
            200,
            html.checkout(
                session, _shown(world, session, fields), _why(world, session), world.business
            ),
        )
    error: str | None = None
    kept = True
    try:
        with world.store.transaction():
            try:
                _submit(world, session, fields)
            except ApiError as refusal:
                kept, error = refusal.keep, str(refusal)
                if not kept:
                    raise
    except ApiError as refusal:
        error = str(refusal)
    session = world.get("checkout.session", session_id)
    if error:
        return _page(
            402, html.checkout(session, _shown(world, session, fields), error, world.business)
        )
    if session["status"] == "complete":
        return _see(_success(session))
    intent = session["setup_intent"] or session["payment_intent"]
    return _see(f"{world.public_url}/c/authenticate/{intent}")


def _shown(world: World, session: Object, fields: dict[str, str]) -> dict[str, str]:
    """What the form holds: what was typed, the secret parts left out."""
    owner = world.store.get(session["customer"]) if session["customer"] else None
    known = session["customer_email"] or (owner and owner["email"])
    shown = {name: fields.get(name, "") for name in ("email", "name", "method", "expiry")}
    if known:
        shown.update(email=known, email_known="yes")
    if shown["method"] not in session["payment_method_types"]:
        shown["method"] = session["payment_method_types"][0]
    return shown


def _why(world: World, session: Object) -> str | None:
    """What the last try ended in, after coming back from the bank."""
    if session["setup_intent"]:
        failed = world.get("setup_intent", session["setup_intent"])["last_setup_error"]
    elif session["payment_intent"]:
        failed = world.get("payment_intent", session["payment_intent"])["last_payment_error"]
    else:
        return None
    return failed["message"] if failed else None


def _submit(world: World, session: Object, fields: dict[str, str]) -> None:
    name = fields.get("name", "")
    shown = _shown(world, session, fields)
    details = {"email": shown["email"], "name": name}
    if "@" not in details["email"]:
        raise ApiError("Enter your email address.")
    if not name:
        raise ApiError("Enter the name of the card or account holder.")
    if shown["method"] == "card":
        method = paying.method_of(world, _card(fields), None, name)
    else:
        account = {
            "account_number": fields.get("account", "").replace(" ", ""),
            "routing_number": fields.get("routing", "").replace(" ", ""),
        }
        method = paying.method_of(world, None, account, name)
    paying.submit(world, session["id"], method, details)


def _card(fields: dict[str, str]) -> Object:
    month, _, year = fields.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isdigit() and year.isdigit() and len(year) in (2, 4)):
        raise ApiError("Enter the expiry date as month and year, such as 12 / 34.")
    if not fields.get("cvc"):
        raise ApiError("Enter the security code of your card.")
    return {
        "number": fields.get("number", "").replace(" ", "").replace("-", ""),
        "exp_month": int(month),
        "exp_year": int(year) + (2000 if len(year) == 2 else 0),
        "cvc": fields["cvc"],
    }


def _success(session: Object) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _over(session: Object) -> "Answer":
    if session["status"] == "complete":
        text = "This checkout is done. Nothing more will be charged."
        return _page(200, html.message("You're all set", text, _success(session)))
    text = "This checkout page has expired. Go back and start again."
    return _page(410, html.message("Page expired", text, session["cancel_url"]))


# Approving at the bank


def _authenticate(world: World, intent_id: str, request: "Request") -> "Answer":
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = world.get(kind, intent_id)
    if intent["status"] != "requires_action":
        return _back(world, intent)
    if request.method == "GET":
        return _page(200, html.bank(intent, world.business))
    approved = _fields(request).get("answer") == "approve"
    module = setups if kind == "setup_intent" else attempts
    with world.store.transaction():
        try:
            module.authenticate(world, intent_id, approved)
        except ApiError as refusal:
            if not refusal.keep:
                raise
        if intent["_session"]:
            paying.settle(world, intent["_session"])
    return _back(world, world.get(kind, intent_id))


def _back(world: World, intent: Object) -> "Answer":
    """Where the payer goes next: the session's page, or the address that the request named."""
    if intent["_session"]:
        session = world.get("checkout.session", intent["_session"])
        return _see(_success(session) if session["status"] == "complete" else session["url"])
    if not intent["_return_url"]:
        return _page(200, html.message("Thank you", "You can close this page."))
    done = intent["status"] in ("succeeded", "processing")
    kind = intent["object"]
    asked = {
        kind: intent["id"],
        f"{kind}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if done else "failed",
    }
    url = intent["_return_url"]
    return _see(f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}")


def _receipt(world: World, charge_id: str, request: "Request") -> "Answer":
    charge = world.get("charge", charge_id)
    return _page(200, html.receipt(charge, world.business))


_PAGES = {"pay": _pay, "authenticate": _authenticate, "receipt": _receipt}
