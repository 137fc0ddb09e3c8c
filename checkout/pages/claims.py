"""What payers ask to become of USDC that was too much, too late or only a part.

As on the rest of the payer's pages no cookie is set: the slug is all that authorises.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from checkout.pages.hosted import Hosted
from checkout.pages.invoice import payer_page, render_page, see_other
from invoicing import inputs
from invoicing.errors import BillhookError, Conflict, ValidationFailed
from payments.actions import claims
from payments.usdc_inputs import ClaimInput


# Whoever could forge this request knows the secret address, and could as well use the form.
@csrf_exempt
@require_POST
@payer_page
def ask(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Send what the payer wants to the seller, and say that it is there."""
    names = ("wish", "chain", "address", "note")
    typed = {name: request.POST.get(name, "").strip() for name in names}
    # Where nothing is sent, what was typed about where to does not matter.
    sent = typed if typed["wish"] == "refund" else {**typed, "address": "", "chain": ""}
    try:
        claims.claim(page.invoice.pk, inputs.read(ClaimInput, sent))
    except ValidationFailed as refusal:
        problems = {
            "address": _("Give the address of your own wallet: 0x and 40 more letters and digits."),
            "note": _("Please write at most 500 characters."),
        }
        other = _("Please choose what should become of the money.")
        errors = {name: problems.get(name, other) for name, _message in refusal.fields}
        return render_page(request, page, status=422, claiming=typed, claim_errors=errors)
    except Conflict:
        sorry = _("What you asked for has reached %(seller)s. Please wait for the answer.")
        error = sorry % {"seller": page.document.seller.name}
        return render_page(request, page, status=409, error=error)
    except BillhookError:
        # It was given back or used meanwhile: the page says which.
        pass
    return see_other(reverse("hosted_invoice", args=[page.invoice.slug]) + "#claims")
