"""Checkout sessions: what the hosted page shows, and what paying on it does."""

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import intents, setups
from tests.fakes.stripe.objects.currencies import check_amount, check_currency
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World, merge_metadata

_HALF_AN_HOUR = 30 * 60
# What this fake has nothing to say about.
_NOTHING = (
    "after_expiration",
    "allow_promotion_codes",
    "billing_address_collection",
    "client_secret",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer_account",
    "customer_details",
    "integration_identifier",
    "invoice",
    "origin_context",
    "payment_intent",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "subscription",
)
_NO_INVOICE = {
    "enabled": False,
    "invoice_data": {
        **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer", "issuer")),
        "metadata": {},
        "rendering_options": None,
    },
}


def create(world: World, params: Object) -> Object:
    """A page to pay or to save a method on."""
    mode = params.get("mode", "payment")
    if mode == "subscription":
        raise ApiError("This fake knows no subscriptions.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise ApiError("This fake only hosts its page itself.", param="ui_mode")
    if not params.get("success_url"):
        raise ApiError(
            "You must provide `success_url`.", code="parameter_missing", param="success_url"
        )
    for name in ("success_url", "cancel_url"):
        if params.get(name) and not params[name].startswith(("http://", "https://")):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if params.get("customer") and params.get("customer_email"):
        raise ApiError("You may only specify one of these parameters: customer, customer_email.")
    if params.get("customer") and params.get("customer_creation"):
        raise ApiError("You may only specify one of these parameters: customer, customer_creation.")
    if params.get("customer"):
        world.get("customer", params["customer"], "customer")
    lines, currency, total = _lines(world, params, mode)
    types = _types(params, mode, currency)
    found = world.made(
        "checkout.session",
        "cs_test_a1",
        **_blank(world, params, mode, types),
        amount_subtotal=total,
        amount_total=total,
        currency=currency,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        if mode == "payment"
        else None,
        _lines=lines,
        _payment=params.get("payment_intent_data") or {},
        _setup=params.get("setup_intent_data") or {},
        _customer_creation=params.get("customer_creation"),
    )
    found["id"] = world.new_id("cs_test_a1", 56)
    found["url"] = f"{world.public_url}/c/pay/{found['id']}"
    if mode == "setup":
        setup = setups.create(
            world,
            {
                "customer": found["customer"],
                "payment_method_types": types,
                "metadata": found["_setup"].get("metadata") or {},
                "description": found["_setup"].get("description"),
            },
        )
        setup["_session"] = found["id"]
        world.save(setup)
        found["setup_intent"] = setup["id"]
    world.save(found)
    world.store.plan(found["expires_at"], "session_expires", found["id"])
    return found


def _blank(world: World, params: Object, mode: str, types: list[str]) -> Object:
    creation = params.get("customer_creation", "if_required" if mode == "payment" else None)
    return {
        **dict.fromkeys(_NOTHING),
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": params.get("customer") or None,
        "customer_creation": None if params.get("customer") else creation,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": _expiry(world, params.get("expires_at")),
        "invoice_creation": _NO_INVOICE if mode == "payment" else None,
        "locale": params.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": params.get("metadata") or {},
        "mode": mode,
        "payment_method_collection": "if_required" if mode == "payment" else "always",
        "payment_method_options": params.get("payment_method_options") or {},
        "payment_method_types": types,
        "payment_status": "unpaid" if mode == "payment" else "no_payment_required",
        "phone_number_collection": {"enabled": False},
        "saved_payment_method_options": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "success_url": params["success_url"],
        "ui_mode": "hosted_page",
        "url": None,
        "wallet_options": None,
    }


def _expiry(world: World, given: int | None) -> int:
    """When the page closes: half an hour to a day from now.

    Whoever asks counts from the true time, however far this clock was moved on.
    """
    if given is not None:
        given += world.ahead
    if given is not None and given < world.now + _HALF_AN_HOUR - 60:
        raise ApiError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session"
            " creation.",
            param="expires_at",
        )
    if given is not None and given > world.now + DAY + 60:
        raise ApiError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return given or world.now + DAY


def _lines(world: World, params: Object, mode: str) -> tuple[list[Object], str | None, int | None]:
    given = params.get("line_items")
    if mode == "setup":
        if given:
            raise ApiError("`line_items` is not allowed in `setup` mode.", param="line_items")
        currency = params.get("currency")
        if not currency and not params.get("payment_method_types"):
            raise ApiError(
                "Missing required param: currency.", code="parameter_missing", param="currency"
            )
        return [], check_currency(currency) if currency else None, None
    if not given:
        raise ApiError(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    lines = [_line(world, each, f"line_items[{n}]") for n, each in enumerate(given)]
    currencies = {line["currency"] for line in lines}
    if len(currencies) > 1:
        raise ApiError("All line items must be in the same currency.", param="line_items")
    currency = currencies.pop()
    total = sum(line["amount_total"] for line in lines)
    try:
        check_amount(total, currency, "line_items")
    except ApiError as error:
        if error.error.get("code") == "amount_too_small":
            raise ApiError(
                "The Checkout Session's total amount due must add up to at least the minimum"
                f" charge of its currency: {error}.",
                code="amount_too_small",
                param="line_items",
            ) from error
        raise
    return lines, currency, total


def _line(world: World, given: Object, at: str) -> Object:
    price = given.get("price_data")
    if not price:
        raise ApiError("This fake needs price_data on each line item.", param=f"{at}[price_data]")
    if "unit_amount" not in price:
        raise ApiError(
            f"Missing required param: {at}[price_data][unit_amount].",
            code="parameter_missing",
            param=f"{at}[price_data][unit_amount]",
        )
    quantity, unit = given.get("quantity", 1), price["unit_amount"]
    currency = check_currency(price["currency"], f"{at}[price_data][currency]")
    if unit < 0 or quantity < 1:
        raise ApiError("Invalid non-negative integer", param=f"{at}[price_data][unit_amount]")
    name = (price.get("product_data") or {}).get("name")
    if not name:
        raise ApiError(
            f"Missing required param: {at}[price_data][product_data].",
            code="parameter_missing",
            param=f"{at}[price_data][product_data]",
        )
    return {
        "id": world.new_id("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": unit * quantity,
        "amount_tax": 0,
        "amount_total": unit * quantity,
        "currency": currency,
        "description": name,
        "metadata": given.get("metadata") or {},
        "price": _price(world, price, currency),
        "quantity": quantity,
        "_text": (price.get("product_data") or {}).get("description"),
    }


def _price(world: World, given: Object, currency: str) -> Object:
    """The price that a line's price_data makes in passing."""
    return {
        "id": world.new_id("price_"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": world.new_id("prod_", 14),
        "recurring": None,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": given["unit_amount"],
        "unit_amount_decimal": str(given["unit_amount"]),
    }


def _types(params: Object, mode: str, currency: str | None) -> list[str]:
    debits = currency == "usd" or (currency is None and mode == "setup")
    types: list[str] = params.get("payment_method_types") or (
        ["card", "us_bank_account"] if debits else ["card"]
    )
    for name in types:
        if name not in ("card", "us_bank_account"):
            raise ApiError(f"This fake does not take {name}.", param="payment_method_types")
    if "us_bank_account" in types and not debits:
        raise ApiError(
            "The payment method type `us_bank_account` only supports usd.",
            param="payment_method_types",
        )
    return types


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("checkout.session", found_id)
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    return world.save(found)


def expire(world: World, found_id: str) -> Object:
    """Close an open session; its intent goes with it."""
    found = world.get("checkout.session", found_id)
    if found["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {found['status']}.",
        )
    world.store.drop_plans("session_expires", found_id)
    found.update(status="expired", url=None)
    world.save(found)
    if found["payment_intent"]:
        intents.cancel(world, found["payment_intent"], {}, by_session=True)
    if found["setup_intent"]:
        setups.cancel(world, found["setup_intent"], {}, by_session=True)
    world.emit("checkout.session.expired", found)
    return found
