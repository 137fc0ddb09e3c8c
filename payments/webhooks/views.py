"""What providers post: kept and answered at once, so that they never wait for what it means."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from invoicing.api.errors import envelope
from payments import intake
from payments.rails.rail import BadNotice


# Stripe signs what it sends; a browser's token would vouch for nothing.
@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Keep an event of Stripe's. 400 for one that its signature does not vouch for, 413 for one
    that is larger than any event is."""
    try:
        is_new = intake.take("stripe", request.body, request.headers)
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return _refusal(request, 413, "too_large", f"The body must be at most {most} bytes.")
    except BadNotice as problem:
        return _refusal(request, 400, "bad_signature", problem.message)
    return JsonResponse({"received": True, "new": is_new})


def _refusal(request: HttpRequest, status: int, code: str, message: str) -> JsonResponse:
    """A refusal in the shape that the API gives its own."""
    return JsonResponse(envelope(code, message, getattr(request, "request_id", "")), status=status)
