"""The team: who works here, as what, and who is invited."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import clock, keys
from invoicing.actions import access as actions
from invoicing.dashboard.access import AT_WORK, MerchantRequest, login_needed, merchant_page, page
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.inputs import InvitationInput
from invoicing.models import Account, Invitation, Membership

ROLE_MEANINGS = {
    "owner": gettext_lazy("Everything, and keeps the account."),
    "admin": gettext_lazy("Everything."),
    "accountant": gettext_lazy("Bills, sees payments and declares invoices paid."),
    "viewer": gettext_lazy("Sees everything and changes nothing."),
}


class InvitationForm(InputForm):
    """Whom to invite, as what."""

    reads = InvitationInput
    email = Text(gettext_lazy("Email address"), attrs={"inputmode": "email"})
    role = Choice(gettext_lazy("Role"), Membership.Role.choices)


@require_safe
@merchant_page(None)
def index(request: MerchantRequest) -> HttpResponse:
    """Everyone in the team; whoever may change it can invite others here."""
    return _team(request, InvitationForm(initial={"role": "viewer"}))


@require_POST
@merchant_page("team:write", back="dashboard:team")
def invite(request: MerchantRequest) -> HttpResponse:
    """Invite a person by mail."""
    form = InvitationForm(posted(request))
    if form.is_valid():
        account = request.membership.account
        try:
            done = once(
                request,
                lambda: actions.invite(account, request.user, form.input),
                lambda _row: reverse("dashboard:team"),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(
                    request, _("An invitation is on its way to %(to)s.") % {"to": done.result.email}
                )
            return redirect(done.where)
    return _team(request, form, status=422)


@require_POST
@merchant_page("team:write", back="dashboard:team")
def withdraw(request: MerchantRequest, invitation_pk: int) -> HttpResponse:
    """Take an open invitation back."""
    account = request.membership.account
    if not account.invitations.filter(pk=invitation_pk, accepted_at=None).exists():
        raise NotFound(_("There is no such invitation."))
    actions.withdraw_invitation(account, invitation_pk)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("dashboard:team")


@require_POST
@merchant_page("team:write", back="dashboard:team")
def change_role(request: MerchantRequest, membership_pk: int) -> HttpResponse:
    """Give a member another role."""
    account = request.membership.account
    row = actions.change_role(account, membership_pk, request.POST.get("role", ""))
    messages.success(
        request,
        _("%(name)s is now: %(role)s.") % {"name": row.user, "role": row.get_role_display()},
    )
    return redirect("dashboard:team")


@require_http_methods(["GET", "POST"])
@merchant_page("team:write", back="dashboard:team")
def remove(request: MerchantRequest, membership_pk: int) -> HttpResponse:
    """Take a person out of the team, once that is confirmed."""
    member = _member_of(request.membership.account, membership_pk)
    if request.method == "POST":
        actions.remove_member(request.membership.account, membership_pk)
        messages.success(request, _("%(name)s has left the team.") % {"name": member.user})
        return redirect("dashboard:home" if member.user == request.user else "dashboard:team")
    context = {
        "heading": _("Remove %(name)s from the team?") % {"name": member.user},
        "explanation": _("They lose access at once, to the live and to the test side."),
        "button": _("Remove"),
        "danger": True,
        "back": reverse("dashboard:team"),
        "back_name": _("Team"),
    }
    return page(request, "confirm.html", "team", context)


@require_POST
@merchant_page(None, back="dashboard:team")
def leave(request: MerchantRequest) -> HttpResponse:
    """Leave the team oneself."""
    actions.remove_member(request.membership.account, request.membership.pk)
    messages.success(
        request, _("You have left %(account)s.") % {"account": request.membership.account.name}
    )
    return redirect("dashboard:home")


@never_cache
@require_http_methods(["GET", "POST"])
@login_needed
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation; its link works once, and only for the address it was sent to."""
    user = request.user
    assert user.is_authenticated  # noqa: S101 - login_needed has seen to it
    invitation = (
        Invitation.objects.filter(token_hash=keys.digest(token), accepted_at=None)
        .select_related("account", "invited_by")
        .first()
    )
    usable = (
        invitation is not None
        and invitation.expires_at > clock.wall()
        and invitation.email.lower() == user.email.lower()
    )
    if request.method == "POST" and usable:
        try:
            membership = actions.accept_invitation(token, user)
        except NotFound:
            usable = False
        else:
            twin = membership.account.merchants.get(livemode=False)
            request.session[AT_WORK] = twin.public_id
            messages.success(
                request, _("Welcome to %(account)s.") % {"account": membership.account.name}
            )
            return redirect("dashboard:home")
    context = {
        "invitation": invitation if usable else None,
        "meaning": ROLE_MEANINGS.get(invitation.role, "") if usable and invitation else "",
        "token": token,
    }
    return render(request, "dashboard/join.html", context, status=200 if usable else 404)


def _team(request: MerchantRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    account = request.membership.account
    context = {
        "form": form,
        "members": account.memberships.select_related("user").order_by("pk"),
        "invitations": account.invitations.filter(accepted_at=None).order_by("-pk"),
        "roles": [(key, label, ROLE_MEANINGS[key]) for key, label in Membership.Role.choices],
        "wall": clock.wall(),
    }
    return page(request, "team.html", "team", context, status=status)


def _member_of(account: Account, pk: int) -> Membership:
    member = account.memberships.select_related("user").filter(pk=pk).first()
    if member is None:
        raise NotFound(_("There is no such member."))
    return member
