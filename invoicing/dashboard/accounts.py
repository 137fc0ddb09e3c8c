"""Opening an account, and moving between accounts and between the live and the test side."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoicing import clock, ids
from invoicing.actions.merchants import open_account
from invoicing.dashboard import choices
from invoicing.dashboard.access import (
    AT_WORK,
    MerchantRequest,
    login_needed,
    memberships_of,
    merchant_page,
)
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.once import once
from invoicing.errors import Conflict
from invoicing.fields import CurrencyCode, Input, RequiredName
from invoicing.inputs import Address
from invoicing.models import Account, Invitation, Membership, User

# Where paper is cut as Letter; everybody else has A4.
LETTER = {"US", "CA", "MX", "CL", "CO", "PH", "PR", "VE", "GT", "CR", "PA", "DO"}


class Opening(Input):
    """What a new account begins with."""

    name: RequiredName
    currency: CurrencyCode
    address: Address
    timezone: str


class WelcomeForm(InputForm):
    """Asks for no more than is needed to write an invoice."""

    reads = Opening
    aliases: ClassVar[dict[str, str]] = {"address.country": "country"}
    name = Text(
        gettext_lazy("Name of your business"),
        attrs={"autocomplete": "organization"},
        help_text=gettext_lazy("As your customers know it. It stands on every invoice."),
    )
    country = Choice(gettext_lazy("Country"))
    currency = Choice(gettext_lazy("Currency you mostly bill in"))
    timezone = Choice(gettext_lazy("Time zone"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(
            country=choices.countries(),
            currency=choices.currencies(),
            timezone=choices.timezones(),
        )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "name": data.get("name", ""),
            "currency": data.get("currency", ""),
            "timezone": data.get("timezone") or "UTC",
            "address": {"country": data.get("country", "")},
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("timezone") and cleaned["timezone"] not in dict(choices.timezones()):
            self.add_error("timezone", _("Choose a time zone from the list."))
        return cleaned


@require_http_methods(["GET", "POST"])
@login_needed
def welcome(request: HttpRequest) -> HttpResponse:
    """Open an account: the first one here, or with `?another=1` one more."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_needed has seen to it
    known = memberships_of(user)
    another = bool(known) and request.GET.get("another") == "1"
    if known and not another:
        return redirect("dashboard:home")
    form = WelcomeForm(posted(request), initial={"currency": "USD", "timezone": "UTC"})
    if request.method == "POST" and form.is_valid():
        account = _opened_once(request, known, user, form.input)
        if account is None:
            # The same form, sent twice: the account is there.
            return redirect("dashboard:home")
        _work_at(request, account)
        messages.success(
            request, _("Everything is set up. You begin on the test side, where nothing is real.")
        )
        return redirect("dashboard:home")
    invitations = Invitation.objects.filter(
        email__iexact=user.email, accepted_at=None, expires_at__gt=clock.wall()
    ).select_related("account")
    context = {
        "form": form,
        "invitations": invitations[:5],
        "another": another,
        "token": ids.secret_text(32),
    }
    status = 422 if form.is_bound else 200
    return render(request, "dashboard/welcome.html", context, status=status)


@require_POST
@merchant_page(None)
def mode(request: MerchantRequest) -> HttpResponse:
    """Go over to the live or to the test side of the account at work."""
    wanted = request.POST.get("mode") == "live"
    for merchant in request.membership.account.merchants.all():
        if merchant.livemode == wanted:
            request.session[AT_WORK] = merchant.public_id
    return redirect("dashboard:home")


@require_POST
@merchant_page(None)
def switch(request: MerchantRequest) -> HttpResponse:
    """Go over to another account, and stay on the same side."""
    for membership in request.memberships:
        if membership.account.public_id == request.POST.get("account"):
            for merchant in membership.account.merchants.all():
                if merchant.livemode == request.merchant.livemode:
                    request.session[AT_WORK] = merchant.public_id
    return redirect("dashboard:home")


def _opened_once(
    request: HttpRequest, known: list[Membership], user: User, wanted: Opening
) -> Account | None:
    """The new account; None if this form has opened it before.

    A first account is guarded by being the first, any other by the form's token, which is kept
    where the person was from the beginning.
    """
    if not known:
        try:
            return _open(user, wanted, first=True)
        except Conflict:
            return None
    at: MerchantRequest = request  # type: ignore[assignment]
    at.merchant = min(known[0].account.merchants.all(), key=lambda row: row.pk)
    home = resolve_url("dashboard:home")
    try:
        return once(at, lambda: _open(user, wanted, first=False), lambda _account: home).result
    except Conflict:
        # Sent before with another name: only the first counted.
        return None


def _open(user: User, wanted: Opening, *, first: bool) -> Account:
    country = wanted.address.country
    return open_account(
        user,
        wanted.name,
        currency=wanted.currency,
        first=first,
        email=user.email,
        address=wanted.address.model_dump(),
        timezone=wanted.timezone,
        paper="Letter" if country in LETTER else "A4",
    )


def _work_at(request: HttpRequest, account: Account) -> None:
    request.session[AT_WORK] = account.merchants.get(livemode=False).public_id
