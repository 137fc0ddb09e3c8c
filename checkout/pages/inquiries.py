"""What payers say besides paying: they ask, promise a day, or want no more reminders.

As on the rest of the payer's pages no cookie is set: the slug, or the token of a reminder's own
link, is all that authorises.
"""

from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from checkout.pages import hosted
from checkout.pages.hosted import Hosted
from checkout.pages.invoice import payer_page, render_page, see_other
from invoicing import inputs, reminder_mails
from invoicing.actions import inquiries, reminders
from invoicing.actor import Actor, acting
from invoicing.errors import BillhookError, Conflict, ValidationFailed
from invoicing.reminder_inputs import PromiseInput, QuestionInput


# Whoever could forge these requests knows the secret address, and could as well use the form.
@csrf_exempt
@require_POST
@payer_page
def ask(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Send the payer's question to the seller, and say that it is there."""
    text, reply_to = request.POST.get("text", ""), request.POST.get("reply_to", "").strip()
    typed = {"question": text, "reply_to": reply_to}
    try:
        wanted = inputs.read(QuestionInput, {"text": text, "reply_to": reply_to})
        inquiries.ask_question(page.invoice.pk, wanted)
    except ValidationFailed as refusal:
        problems = {
            "text": _("Please write your question, in up to 2,000 characters."),
            "reply_to": _("Please write the email address that the answer should go to."),
        }
        errors = {name: problems[name] for name, _message in refusal.fields if name in problems}
        return render_page(request, page, status=422, asking=typed, ask_errors=errors)
    except Conflict:
        sorry = _("Your earlier questions have reached %(seller)s and wait for an answer.")
        return _sorry(request, page, sorry)
    return see_other(reverse("hosted_invoice", args=[page.invoice.slug]) + "#inquiries")


@csrf_exempt
@require_POST
@payer_page
def promise(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Keep the day by which the payer says they will pay, and say that it is kept."""
    typed = request.POST.get("on", "")
    try:
        inquiries.make_promise(page.invoice.pk, PromiseInput(on=_day(typed)))
    except ValidationFailed:
        problem = _("Please choose a day from today on, within 30 days.")
        return render_page(request, page, status=422, promising=typed, promise_error=problem)
    except Conflict:
        sorry = _("The day has been changed often enough. Please write to %(seller)s.")
        return _sorry(request, page, sorry)
    except BillhookError:
        # It was paid or withdrawn meanwhile: the page says which.
        pass
    return see_other(reverse("hosted_invoice", args=[page.invoice.slug]) + "#inquiries")


# The mail's own one-click request comes without any page before it (RFC 8058).
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Stop a payer's reminders; a link that is only looked at asks first."""
    invoice = reminder_mails.invoice_of(token)
    if invoice is None:
        raise Http404
    payer = Actor("payer", name="Payer", request_id=getattr(request, "request_id", ""))
    with hosted.spoken_to(request, invoice), acting(payer):
        if request.method == "POST":
            reminders.stop_reminders(invoice.pk)
        stopped = request.method == "POST" or reminder_mails.is_stopped(invoice)
        context = {"invoice": invoice, "merchant": invoice.merchant, "stopped": stopped}
        context["seller"] = invoice.seller_snapshot.get("name") or invoice.merchant.name
        response = render(request, "pages/stop_reminders.html", context)
        response["Content-Language"] = translation.get_language() or "en"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationFailed([("on", "must be a date")]) from None


def _sorry(request: HttpRequest, page: Hosted, sentence: str) -> HttpResponse:
    error = sentence % {"seller": page.document.seller.name}
    return render_page(request, page, status=409, error=error)
