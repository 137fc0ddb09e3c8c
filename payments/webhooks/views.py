"""What providers post: kept and answered at once, so that they never wait for what it means."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments import intake
from payments.rails.rail import BadNotice


# Stripe signs what it sends; a browser's token would vouch for nothing.
@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Keep an event of Stripe's. 400 for one that its signature does not vouch for."""
    try:
        is_new = intake.take("stripe", request.body, request.headers)
    except BadNotice as problem:
        return JsonResponse(
            {"error": {"code": "bad_signature", "message": problem.message}}, status=400
        )
    return JsonResponse({"received": True, "new": is_new})
