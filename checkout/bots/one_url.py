"""One address for everybody: an invoice's page, its JSON, its document, or what pays it.

`/i/{slug}` answers each caller in what their `Accept` header asks for; who asks for nothing in
particular gets the page.
"""

import re
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from checkout.api.public import PublicInvoice
from checkout.api.x402 import PublicX402
from checkout.pages import invoice

HTML: Final = "text/html"
JSON: Final = "application/json"
PDF: Final = "application/pdf"
# No type is registered; this is what x402 clients that ask by Accept may say.
X402: Final = "application/x402+json"
# A type's parameters, but for its weight: a charset or a version asks for no other form.
_PARAMETERS: Final = re.compile(r";(?!\s*q\s*=)[^;,]*", re.IGNORECASE)
PAYMENTS: Final = ("PAYMENT-SIGNATURE", "X-PAYMENT")

_see = PublicInvoice.as_view()
_pay = PublicX402.as_view()


# Beginning to pay needs the secret address, which is all that a forger would have to know.
@csrf_exempt
def show(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The invoice in the form that is asked for; a signed payment pays it in whichever."""
    response: HttpResponseBase = _chosen(request)(request, slug=slug)
    patch_vary_headers(response, ["Accept"])
    response["Link"] = ", ".join(
        [
            f'</i/{slug}>; rel="alternate"; type="{JSON}"',
            f'</i/{slug}/pdf>; rel="alternate"; type="{PDF}"',
            '</v1/openapi.json>; rel="service-desc"',
            '</llms.txt>; rel="describedby"',
        ]
    )
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


def _chosen(request: HttpRequest) -> Any:
    if any(name in request.headers for name in PAYMENTS):
        return _pay
    doors = {HTML: invoice.show, JSON: _see, PDF: invoice.pdf, X402: _pay}
    asked = HttpRequest()
    asked.META["HTTP_ACCEPT"] = _PARAMETERS.sub("", request.headers.get("Accept", "*/*"))
    return doors[asked.get_preferred_type(list(doors)) or HTML]
