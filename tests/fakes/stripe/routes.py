"""Which verb answers which address, and the type that its parameters have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe import params as types
from stripe.params import checkout

from tests.fakes.stripe import expand, listing
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import (
    balance,
    charges,
    customers,
    disputes,
    files,
    intents,
    methods,
    refunds,
    sessions,
    setups,
)
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World

Verb = Callable[[World, list[str], Object], Object]


@dataclass(frozen=True)
class Route:
    method: str
    path: re.Pattern[str]
    shape: Any
    verb: Verb


def _route(method: str, path: str, shape: Any, verb: Verb) -> Route:
    return Route(method, re.compile("/v1" + path.replace("{}", "([^/]+)")), shape, verb)


def _retrieve(kind: str, path: str, shape: Any) -> Route:
    return _route("GET", f"{path}/{{}}", shape, lambda w, ids, p: w.get(kind, ids[0]))


def _list(kind: str, path: str, shape: Any) -> Route:
    return _route("GET", path, shape, lambda w, ids, p: listing.page(w, kind, "/v1" + path, p))


def _update(path: str, shape: Any, verb: Callable[[World, str, Object], Object]) -> Route:
    return _route("POST", f"{path}/{{}}", shape, lambda w, ids, p: verb(w, ids[0], p))


def _create(path: str, shape: Any, verb: Callable[[World, Object], Object]) -> Route:
    return _route("POST", path, shape, lambda w, ids, p: verb(w, p))


def _act(path: str, name: str, shape: Any, verb: Callable[[World, str, Object], Object]) -> Route:
    return _route("POST", f"{path}/{{}}/{name}", shape, lambda w, ids, p: verb(w, ids[0], p))


def _methods_of(world: World, ids: list[str], params: Object) -> Object:
    world.get("customer", ids[0])
    url = f"/v1/customers/{ids[0]}/payment_methods"
    return listing.page(world, "payment_method", url, {**params, "customer": ids[0]})


def _method_of(world: World, ids: list[str], params: Object) -> Object:
    found = world.get("payment_method", ids[1])
    if found["customer"] != ids[0]:
        raise ApiError(
            f"No such PaymentMethod: '{ids[1]}'", status=404, code="resource_missing", param="id"
        )
    return found


def _methods(world: World, ids: list[str], params: Object) -> Object:
    if "customer" not in params:
        return expand.listed([], "/v1/payment_methods")
    return listing.page(world, "payment_method", "/v1/payment_methods", params)


_CUS, _PM, _PI, _SETI = "/customers", "/payment_methods", "/payment_intents", "/setup_intents"
_CH, _RE, _DU, _CS = "/charges", "/refunds", "/disputes", "/checkout/sessions"
_WE = "/webhook_endpoints"

ROUTES = [
    _route("GET", "/account", types.AccountRetrieveCurrentParams,
           lambda w, ids, p: customers.account(w)),
    _route("GET", "/balance", types.BalanceRetrieveParams, lambda w, ids, p: balance.balance(w)),
    _create(_CUS, types.CustomerCreateParams, customers.create),
    _list("customer", _CUS, types.CustomerListParams),
    _retrieve("customer", _CUS, types.CustomerRetrieveParams),
    _update(_CUS, types.CustomerUpdateParams, customers.update),
    _route("DELETE", _CUS + "/{}", types.CustomerDeleteParams,
           lambda w, ids, p: customers.delete(w, ids[0])),
    _route("GET", _CUS + "/{}/payment_methods", types.CustomerPaymentMethodListParams,
           _methods_of),
    _route("GET", _CUS + "/{}/payment_methods/{}", types.CustomerPaymentMethodRetrieveParams,
           _method_of),
    _create(_PM, types.PaymentMethodCreateParams, methods.create),
    _route("GET", _PM, types.PaymentMethodListParams, _methods),
    _retrieve("payment_method", _PM, types.PaymentMethodRetrieveParams),
    _update(_PM, types.PaymentMethodUpdateParams, methods.update),
    _act(_PM, "attach", types.PaymentMethodAttachParams, methods.attach),
    _act(_PM, "detach", types.PaymentMethodDetachParams, lambda w, i, p: methods.detach(w, i)),
    _route("GET", _PI + "/search", types.PaymentIntentSearchParams,
           lambda w, ids, p: listing.search(w, "payment_intent", f"/v1{_PI}/search", p)),
    _create(_PI, types.PaymentIntentCreateParams, intents.create),
    _list("payment_intent", _PI, types.PaymentIntentListParams),
    _retrieve("payment_intent", _PI, types.PaymentIntentRetrieveParams),
    _update(_PI, types.PaymentIntentUpdateParams, intents.update),
    _act(_PI, "confirm", types.PaymentIntentConfirmParams, intents.confirm),
    _act(_PI, "cancel", types.PaymentIntentCancelParams, intents.cancel),
    _create(_SETI, types.SetupIntentCreateParams, setups.create),
    _list("setup_intent", _SETI, types.SetupIntentListParams),
    _retrieve("setup_intent", _SETI, types.SetupIntentRetrieveParams),
    _update(_SETI, types.SetupIntentUpdateParams, setups.update),
    _act(_SETI, "confirm", types.SetupIntentConfirmParams, setups.confirm),
    _act(_SETI, "cancel", types.SetupIntentCancelParams, setups.cancel),
    _route("GET", _CH + "/search", types.ChargeSearchParams,
           lambda w, ids, p: listing.search(w, "charge", f"/v1{_CH}/search", p)),
    _list("charge", _CH, types.ChargeListParams),
    _retrieve("charge", _CH, types.ChargeRetrieveParams),
    _update(_CH, types.ChargeUpdateParams, charges.update),
    _create(_CS, checkout.SessionCreateParams, sessions.create),
    _list("checkout.session", _CS, checkout.SessionListParams),
    _retrieve("checkout.session", _CS, checkout.SessionRetrieveParams),
    _update(_CS, checkout.SessionUpdateParams, sessions.update),
    _act(_CS, "expire", checkout.SessionExpireParams, lambda w, i, p: sessions.expire(w, i)),
    _route("GET", _CS + "/{}/line_items", checkout.SessionLineItemListParams,
           lambda w, ids, p: expand.lines_of(w, w.get("checkout.session", ids[0]))),
    _create(_RE, types.RefundCreateParams, refunds.create),
    _list("refund", _RE, types.RefundListParams),
    _retrieve("refund", _RE, types.RefundRetrieveParams),
    _update(_RE, types.RefundUpdateParams, refunds.update),
    _act(_RE, "cancel", types.RefundCancelParams, lambda w, i, p: refunds.cancel(w, i)),
    _list("dispute", _DU, types.DisputeListParams),
    _retrieve("dispute", _DU, types.DisputeRetrieveParams),
    _update(_DU, types.DisputeUpdateParams, disputes.update),
    _act(_DU, "close", types.DisputeCloseParams, lambda w, i, p: disputes.close(w, i)),
    _create("/files", types.FileCreateParams, files.create),
    _list("file", "/files", types.FileListParams),
    _retrieve("file", "/files", types.FileRetrieveParams),
    _list("balance_transaction", "/balance_transactions", types.BalanceTransactionListParams),
    _retrieve("balance_transaction", "/balance_transactions",
              types.BalanceTransactionRetrieveParams),
    _list("payout", "/payouts", types.PayoutListParams),
    _retrieve("payout", "/payouts", types.PayoutRetrieveParams),
    _retrieve("mandate", "/mandates", types.MandateRetrieveParams),
    _list("event", "/events", types.EventListParams),
    _retrieve("event", "/events", types.EventRetrieveParams),
    _create(_WE, types.WebhookEndpointCreateParams, customers.create_endpoint),
    _list("webhook_endpoint", _WE, types.WebhookEndpointListParams),
    _retrieve("webhook_endpoint", _WE, types.WebhookEndpointRetrieveParams),
    _update(_WE, types.WebhookEndpointUpdateParams, customers.update_endpoint),
    _route("DELETE", _WE + "/{}", types.WebhookEndpointDeleteParams,
           lambda w, ids, p: customers.delete_endpoint(w, ids[0])),
]  # fmt: skip


def find(method: str, path: str) -> tuple[Route, list[str]]:
    """The route of a request and the ids in its address; raises Stripe's 404."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(path)):
            return route, list(match.groups())
    raise ApiError(
        f"Unrecognized request URL ({method}: {path}). This fake knows the part of the API that"
        " Billhook uses.",
        status=404,
    )
