"""Webhook endpoints: whom events are told, and what came of telling them."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import event_dialects, event_types, inputs
from invoicing.actions import webhooks as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.inputs import WebhookEndpointChanges, WebhookEndpointInput
from invoicing.models import Delivery, Merchant, WebhookEndpoint

EVERYTHING = "*"


def _dialects() -> list[tuple[str, Any]]:
    systems = [(name, name.capitalize()) for name in sorted(event_dialects.registered)]
    return [("", gettext_lazy("Billhook's own")), *systems]


class EndpointForm(InputForm):
    """Where events are told, and which."""

    reads = WebhookEndpointInput
    aliases: ClassVar[dict[str, str]] = {"event_types": "chosen"}
    url = Text(
        gettext_lazy("Address"),
        attrs={"inputmode": "url", "placeholder": "https://example.com/webhooks"},
    )
    description = Text(gettext_lazy("Description"))
    dialect = forms.ChoiceField(
        label=gettext_lazy("In whose words"),
        choices=_dialects,
        required=False,
        help_text=gettext_lazy(
            "For a program that was written for another system: only the events which that "
            "system knows, under its names and in its shape."
        ),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("Which events"),
        choices=[
            ("all", gettext_lazy("All events, also those that are added later")),
            ("chosen", gettext_lazy("Only those ticked below")),
        ],
        initial="all",
        required=False,
        widget=forms.RadioSelect,
    )
    chosen = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=[(name, name) for name in (*event_types.FAMILIES, *event_types.TYPES)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        everything = data.get("scope") != "chosen"
        return {
            "url": data.get("url", ""),
            "description": data.get("description", ""),
            "event_types": [EVERYTHING] if everything else data.get("chosen", []),
            "dialect": data.get("dialect", ""),
        }

    @property
    def groups(self) -> list[tuple[Any, str, list[tuple[Any, str, str]]]]:
        """The boxes of each family: its own, its name, and those of its types."""
        boxes = {str(box.data["value"]): box for box in self["chosen"]}
        return [
            (
                boxes[family],
                family,
                [
                    (boxes[name], name, meaning)
                    for name, meaning in event_types.TYPES.items()
                    if name.startswith(family[:-1])
                ],
            )
            for family in event_types.FAMILIES
        ]


class EndpointChangesForm(EndpointForm):
    """The same, for an endpoint that is there already."""

    reads = WebhookEndpointChanges


@require_safe
@merchant_page("webhooks:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every endpoint and how it fares."""
    endpoints = request.merchant.webhook_endpoints.filter(deleted_at=None).order_by("-pk")
    context = {"endpoints": list(endpoints), "most": actions.MAX_ENDPOINTS}
    return page(request, "webhooks/list.html", "webhooks", context)


@require_safe
@merchant_page("webhooks:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One endpoint with its log of deliveries."""
    endpoint = endpoint_of(request.merchant, public_id)
    rows = endpoint.deliveries.select_related("event").defer("event__body")
    state = request.GET.get("status", "")
    if state:
        rows = rows.filter(status=state)
    context = {"endpoint": endpoint, "found": page_of(request, rows), "state": state}
    return page(request, "webhooks/detail.html", "webhooks", context)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_page("webhooks:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Register an address, and show the secret that signs what it is told."""
    form = EndpointForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.create_endpoint(request.merchant, form.input),
                lambda made: reverse("dashboard:webhook", args=[made[0].public_id]),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is None:
                return redirect(done.where)
            return _secret(request, done.result[1], done.where)
    context = {"form": form}
    status = 422 if form.is_bound else 200
    return page(request, "webhooks/edit.html", "webhooks", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("webhooks:write")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Change where events are told, or which."""
    endpoint = endpoint_of(request.merchant, public_id)
    everything = EVERYTHING in endpoint.event_types
    initial = {
        "url": endpoint.url,
        "description": endpoint.description,
        "dialect": endpoint.dialect,
        "scope": "all" if everything else "chosen",
        "chosen": endpoint.event_types,
    }
    form = EndpointChangesForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_endpoint(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:webhook", public_id)
    context = {"form": form, "endpoint": endpoint}
    status = 422 if form.is_bound else 200
    return page(request, "webhooks/edit.html", "webhooks", context, status=status)


@require_POST
@merchant_page("webhooks:write", back="dashboard:webhook")
def enable(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Tell this address again, or no more for now."""
    wanted = request.POST.get("enabled") == "1"
    changes = inputs.read(WebhookEndpointChanges, {"enabled": wanted})
    actions.update_endpoint(request.merchant, public_id, changes)
    messages.success(request, _("The endpoint is on.") if wanted else _("The endpoint is off."))
    return redirect("dashboard:webhook", public_id)


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_page("webhooks:write", back="dashboard:webhook")
def rotate(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give an endpoint a new secret, and show it once."""
    endpoint = endpoint_of(request.merchant, public_id)
    where = reverse("dashboard:webhook", args=[public_id])
    if request.method == "POST":
        done = once(
            request, lambda: actions.rotate_secret(request.merchant, public_id), lambda _made: where
        )
        if done.result is None:
            messages.warning(
                request, _("The secret was renewed already and cannot be shown again.")
            )
            return redirect(where)
        return _secret(request, done.result[1], done.where)
    context = {
        "heading": _("Renew the signing secret?"),
        "subject": endpoint.url,
        "explanation": _(
            "You will be shown a new secret. For 24 hours everything is signed with both, so that "
            "you can put the new one in place without missing anything."
        ),
        "button": _("Renew secret"),
        "back": where,
        "back_name": _("Endpoint"),
    }
    return page(request, "confirm.html", "webhooks", context)


@require_http_methods(["GET", "POST"])
@merchant_page("webhooks:write", back="dashboard:webhook")
def delete(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Tell this address nothing any more."""
    endpoint = endpoint_of(request.merchant, public_id)
    if request.method == "POST":
        actions.delete_endpoint(request.merchant, public_id)
        messages.success(request, _("The endpoint is deleted."))
        return redirect("dashboard:webhooks")
    context = {
        "heading": _("Delete this endpoint?"),
        "subject": endpoint.url,
        "explanation": _("It is told nothing any more, not even what waits. This can't be undone."),
        "button": _("Delete endpoint"),
        "danger": True,
        "back": reverse("dashboard:webhook", args=[public_id]),
        "back_name": _("Endpoint"),
    }
    return page(request, "confirm.html", "webhooks", context)


@require_safe
@merchant_page("webhooks:read")
def delivery(request: MerchantRequest, public_id: str, delivery_id: str) -> HttpResponse:
    """One delivery: what was said, each try, and what came back."""
    endpoint = endpoint_of(request.merchant, public_id)
    row = _delivery_of(endpoint, delivery_id)
    body = row.event.body
    if event_dialects.knows(endpoint.dialect, row.event.type):
        body = event_dialects.body_of(endpoint.dialect, row.event.type, body)
    context = {
        "endpoint": endpoint,
        "delivery": row,
        "attempts": row.attempts.all()[:50],
        "body": json.dumps(json.loads(body), indent=2, ensure_ascii=False),
    }
    return page(request, "webhooks/delivery.html", "webhooks", context)


@require_POST
@merchant_page("webhooks:write", back="dashboard:delivery")
def redeliver(request: MerchantRequest, public_id: str, delivery_id: str) -> HttpResponse:
    """Tell it once more."""
    where = reverse("dashboard:delivery", args=[public_id, delivery_id])
    done = once(
        request,
        lambda: actions.redeliver(request.merchant, public_id, delivery_id),
        lambda _row: where,
    )
    if done.result is not None:
        messages.success(request, _("The event is on its way again."))
    return redirect(where)


def endpoint_of(merchant: Merchant, public_id: str) -> WebhookEndpoint:
    """This merchant's endpoint. Raises NotFound."""
    endpoint = merchant.webhook_endpoints.filter(public_id=public_id, deleted_at=None).first()
    if endpoint is None:
        raise NotFound(_("There is no such endpoint."))
    return endpoint


def _delivery_of(endpoint: WebhookEndpoint, public_id: str) -> Delivery:
    row = endpoint.deliveries.select_related("event").filter(public_id=public_id).first()
    if row is None:
        raise NotFound(_("There is no such delivery."))
    return row


def _secret(request: MerchantRequest, secret: str, where: str) -> HttpResponse:
    context = {
        "heading": _("The signing secret"),
        "label": _("Signing secret"),
        "secret": secret,
        "explanation": _(
            "Copy it now: it is shown only this once. With it your server checks that what it "
            "hears comes from here, by any library that speaks Standard Webhooks."
        ),
        "next": where,
    }
    return page(request, "secret.html", "webhooks", context)
