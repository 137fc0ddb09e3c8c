"""Bots and their API keys: created, shown once, revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import clock
from invoicing.actions import access as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Day, InputForm, Text, posted
from invoicing.dashboard.leash_form import words_of
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.inputs import ApiKeyInput, BotInput
from invoicing.models import ApiKey, Bot, Merchant
from invoicing.permissions import FOR_BOTS, PERMISSIONS, READ
from invoicing.representations import public_url

INVOICING = {"invoices:read", "invoices:write", "customers:read", "customers:write"}
PRESETS: dict[str, tuple[Any, frozenset[str]]] = {
    "full": (gettext_lazy("Everything a bot can be allowed"), FOR_BOTS),
    "invoicing": (gettext_lazy("Bill: customers and invoices"), frozenset(INVOICING)),
    "read": (gettext_lazy("Look, and change nothing"), READ & FOR_BOTS),
}
EXPIRING_SOON = timedelta(days=14)


class BotForm(InputForm):
    """Names a bot."""

    reads = BotInput
    name = Text(
        gettext_lazy("Name"),
        help_text=gettext_lazy("What it stands for, such as “Website” or “Billing agent”."),
    )


class KeyForm(InputForm):
    """What a key may do, and until when."""

    reads = ApiKeyInput
    name = Text(gettext_lazy("Name"), help_text=gettext_lazy("Where it will be kept."))
    preset = forms.ChoiceField(
        label=gettext_lazy("What it may do"),
        choices=[
            *((key, label) for key, (label, _set) in PRESETS.items()),
            ("custom", gettext_lazy("Only what is ticked below")),
        ],
        initial="read",
        required=False,
        widget=forms.RadioSelect,
    )
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        choices=[(name, name) for name in PERMISSIONS if name in FOR_BOTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    expires_at = Day(
        gettext_lazy("Valid until"),
        help_text=gettext_lazy("Left empty, it works until it is revoked."),
    )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        preset = data.get("preset") or "custom"
        chosen = PRESETS[preset][1] if preset in PRESETS else data.get("permissions", [])
        return {
            "name": data.get("name", ""),
            "permissions": sorted(chosen),
            "expires_at": data.get("expires_at") or None,
        }

    @property
    def permission_rows(self) -> list[tuple[Any, str, str]]:
        """Each permission's box with its name and meaning."""
        names = [name for name in PERMISSIONS if name in FOR_BOTS]
        boxes = list(self["permissions"])
        return [(box, name, PERMISSIONS[name]) for box, name in zip(boxes, names, strict=True)]


@require_safe
@merchant_page("bots:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every bot with its keys, newest first, and how to begin."""
    rows = request.merchant.bots.prefetch_related("api_keys").select_related("leash")
    found = page_of(request, rows, size=20)
    at = clock.wall()
    bots = [
        (
            bot,
            sorted(bot.api_keys.all(), key=lambda key: (key.revoked_at is not None, -key.pk)),
            words_of(bot.leash) if hasattr(bot, "leash") else None,
        )
        for bot in found.rows
    ]
    context = {
        "found": found,
        "bots": bots,
        "at": at,
        "soon": at + EXPIRING_SOON,
        "api_url": public_url("/v1"),
    }
    return page(request, "keys/list.html", "api_keys", context)


@require_http_methods(["GET", "POST"])
@merchant_page("bots:write")
def create_bot(request: MerchantRequest) -> HttpResponse:
    """Create a bot, and go on to its first key."""
    form = BotForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.create_bot(request.merchant, form.input),
                lambda bot: reverse("dashboard:key_new", args=[bot.public_id]),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            return redirect(done.where)
    context = {
        "form": form,
        "heading": _("New bot"),
        "explanation": _("A bot is a machine that acts for you: an agent, a script, your website."),
        "button": _("Create bot"),
        "back": reverse("dashboard:api_keys"),
        "back_name": _("API keys"),
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "api_keys", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_page("bots:write", back="dashboard:api_keys")
def create_key(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give a bot a key, and show it: here, now, and never again."""
    bot = bot_of(request.merchant, public_id)
    form = KeyForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.create_api_key(request.merchant, public_id, form.input),
                lambda _made: reverse("dashboard:api_keys"),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is None:
                messages.warning(
                    request,
                    _("This key was made already and cannot be shown again. Make another one."),
                )
                return redirect(done.where)
            row, text = done.result
            context = {
                "heading": _("Your new API key"),
                "label": _("API key of %(bot)s") % {"bot": bot.name},
                "secret": text,
                "explanation": _(
                    "Copy it now and keep it like a password: it is shown only this once. "
                    "Whoever has it can do what it may do."
                ),
                "next": done.where,
                "permissions_of": row.permissions,
                "key_for_curl": text,
                "api_url": public_url("/v1"),
            }
            return page(request, "secret.html", "api_keys", context)
    context = {"form": form, "bot": bot}
    status = 422 if form.is_bound else 200
    return page(request, "keys/new.html", "api_keys", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("bots:write")
def revoke(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Make a key open nothing any more, once that is confirmed."""
    key = _key_of(request.merchant, public_id)
    if request.method == "POST":
        actions.revoke_api_key(request.merchant, public_id)
        messages.success(request, _("The key %(key)s is revoked.") % {"key": key})
        return redirect("dashboard:api_keys")
    context = {
        "heading": _("Revoke the key %(key)s?") % {"key": key},
        "explanation": _(
            "Whatever still uses it is refused from the next call on. This cannot be undone."
        ),
        "button": _("Revoke key"),
        "danger": True,
        "back": reverse("dashboard:api_keys"),
        "back_name": _("API keys"),
    }
    return page(request, "confirm.html", "api_keys", context)


def bot_of(merchant: Merchant, public_id: str) -> Bot:
    """This merchant's bot. Raises NotFound."""
    bot = merchant.bots.filter(public_id=public_id).first()
    if bot is None:
        raise NotFound(_("There is no such bot."))
    return bot


def _key_of(merchant: Merchant, public_id: str) -> ApiKey:
    key = ApiKey.objects.filter(bot__merchant=merchant, public_id=public_id).first()
    if key is None:
        raise NotFound(_("There is no such key."))
    return key
