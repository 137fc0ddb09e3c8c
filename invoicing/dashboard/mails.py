"""Mails: what went out, what waits, and why something did not arrive."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from invoicing import approving
from invoicing.actions.messages import retry_message
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.lists import page_of
from invoicing.errors import NotFound
from invoicing.models import Merchant, Message


@require_safe
@merchant_page("invoices:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every mail of this merchant, newest first."""
    rows = request.merchant.messages.defer("text", "html", "raw")
    state = request.GET.get("status", "")
    if state:
        rows = rows.filter(status=state)
    context = {"found": page_of(request, rows), "state": state}
    return page(request, "mails/list.html", "mails", context)


@require_safe
@merchant_page("invoices:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One mail as it was written, and what became of it."""
    mail = _mail_of(request.merchant, public_id)
    context = {"mail": mail, "text": approving.without_links(mail.text)}
    return page(request, "mails/detail.html", "mails", context)


@require_POST
@merchant_page("invoices:write", back="dashboard:mail")
def retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Try a failed mail again."""
    mail = retry_message(_mail_of(request.merchant, public_id).pk)
    if mail.status == "queued":
        messages.success(request, _("The mail to %(to)s is tried again.") % {"to": mail.to})
    else:
        messages.info(request, _("This mail was sent already."))
    return redirect("dashboard:mail", public_id)


def _mail_of(merchant: Merchant, public_id: str) -> Message:
    mail = merchant.messages.filter(public_id=public_id).select_related("invoice").first()
    if mail is None:
        raise NotFound(_("There is no such mail."))
    return mail
