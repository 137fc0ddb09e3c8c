"""Customers, and the small objects that nobody needs more of than their shape."""

from typing import Any

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import methods
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import World, merge_metadata

_PLAIN = ("name", "email", "phone", "description", "tax_exempt", "preferred_locales")


def create(world: World, params: Object) -> Object:
    found = world.made(
        "customer",
        "cus_",
        address=None,
        balance=0,
        currency=None,
        customer_account=None,
        default_source=None,
        delinquent=False,
        description=None,
        discount=None,
        email=None,
        invoice_prefix=world.new_id("", 8).upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata={},
        name=None,
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=None,
    )
    found["id"] = world.new_id("cus_", 14)
    _apply(world, found, params)
    method = params.get("payment_method")
    world.save(found)
    world.emit("customer.created", found)
    if method:
        methods.attach(world, method, {"customer": found["id"]})
    return found


def update(world: World, found_id: str, params: Object) -> Object:
    found = world.get("customer", found_id)
    before = dict(found)
    _apply(world, found, params)
    world.save(found)
    changed = {name: before[name] for name in found if found[name] != before.get(name)}
    if changed:
        world.emit("customer.updated", found, changed)
    return found


def delete(world: World, found_id: str) -> Object:
    """Forget a customer; their saved methods can no longer be used."""
    world.get("customer", found_id)
    for each in world.store.select("payment_method", "customer = ?", (found_id,)):
        methods.detach(world, each["id"])
    gone = {"id": found_id, "object": "customer", "deleted": True}
    world.emit("customer.deleted", world.get("customer", found_id))
    world.save(gone)
    return gone


def _apply(world: World, found: Object, params: Object) -> None:
    for name in _PLAIN:
        if name in params:
            found[name] = params[name] if params[name] != "" else None
    if found["email"] and "@" not in found["email"]:
        raise ApiError(
            f"Invalid email address: {found['email']}", code="email_invalid", param="email"
        )
    for name in ("address", "shipping"):
        if name in params:
            found[name] = _address(params[name]) if name == "address" else params[name] or None
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    for name, value in (params.get("invoice_settings") or {}).items():
        if name == "default_payment_method" and value:
            world.get("payment_method", value, "invoice_settings[default_payment_method]")
        found["invoice_settings"][name] = value or None


def _address(given: Any) -> Object | None:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) or None for name in names} if given else None


def account(world: World) -> Object:
    """The account that the key belongs to."""
    return {
        "id": world.account,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "minority_owned_business_designation": None,
            "name": world.business,
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": None,
        "capabilities": {
            "card_payments": "active",
            "transfers": "active",
            "us_bank_account_ach_payments": "active",
        },
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@business.example",
        "external_accounts": _no_accounts(world.account),
        "future_requirements": _no_requirements(),
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _no_requirements(),
        "settings": _settings(world.business),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def _no_accounts(account_id: str) -> Object:
    url = f"/v1/accounts/{account_id}/external_accounts"
    return {"object": "list", "data": [], "has_more": False, "url": url}


def _no_requirements() -> Object:
    names = ("alternatives", "currently_due", "errors", "eventually_due", "past_due")
    lists: Object = {name: [] for name in (*names, "pending_verification")}
    return {**lists, "current_deadline": None, "disabled_reason": None}


def _settings(business: str) -> Object:
    descriptor = "statement_descriptor"
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            **dict.fromkeys(f"{descriptor}_prefix{x}" for x in ("", "_kana", "_kanji")),
        },
        "dashboard": {"display_name": business, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
        "payments": dict.fromkeys(
            descriptor + x for x in ("", "_kana", "_kanji", "_prefix_kana", "_prefix_kanji")
        ),
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            descriptor: None,
        },
        "sepa_debit_payments": {},
    }


def create_endpoint(world: World, params: Object) -> Object:
    """Where events go. The secret is only told here."""
    found = world.made(
        "webhook_endpoint",
        "we_",
        api_version=params.get("api_version"),
        application=None,
        description=params.get("description"),
        enabled_events=params["enabled_events"],
        metadata=params.get("metadata") or {},
        status="enabled",
        url=params["url"],
        _secret=world.new_id("whsec_", 32),
    )
    world.save(found)
    return {**found, "secret": found["_secret"]}


def update_endpoint(world: World, found_id: str, params: Object) -> Object:
    found = world.get("webhook_endpoint", found_id)
    for name in ("url", "enabled_events", "description"):
        if name in params:
            found[name] = params[name]
    if "disabled" in params:
        found["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        merge_metadata(found, params["metadata"])
    return world.save(found)


def delete_endpoint(world: World, found_id: str) -> Object:
    found = world.get("webhook_endpoint", found_id)
    found["status"] = "disabled"
    found["_deleted"] = True
    world.save(found)
    return {"id": found_id, "object": "webhook_endpoint", "deleted": True}
