"""How the native API says that something is wrong: one shape, a code, a remedy."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from invoicing import errors

_log = logging.getLogger(__name__)

STATUS: dict[type[errors.BillhookError], int] = {
    errors.ValidationFailed: 400,
    errors.NotConfigured: 400,
    errors.MissingPermission: 403,
    errors.OffLimits: 403,
    errors.OnlyInTestMode: 403,
    errors.NotFound: 404,
    errors.InvalidState: 409,
    errors.Conflict: 409,
    errors.IdempotencyInFlight: 409,
    errors.IdempotencyMismatch: 422,
    errors.ProviderFailed: 502,
    errors.Unavailable: 503,
}
# After how many seconds asking again may help.
RETRY_AFTER: dict[type[errors.BillhookError], int] = {
    errors.IdempotencyInFlight: 2,
    errors.ProviderFailed: 5,
    errors.Unavailable: 2,
}


class InvalidJson(exceptions.APIException):
    """The body is not JSON that can be read."""

    status_code = 400
    default_code = "invalid_json"
    default_detail = "The request body is not valid JSON."


class UnsupportedBody(exceptions.APIException):
    """The body is something other than plain JSON."""

    status_code = 415
    default_code = "unsupported_media_type"
    default_detail = "Send JSON, uncompressed, with Content-Type: application/json."


def envelope(
    code: str, message: str, request_id: str, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The error object as it goes over the wire."""
    return {
        "error": {
            "code": code,
            "message": message,
            "details": dict(details or {}),
            "request_id": request_id,
        }
    }


def status_of(error: errors.BillhookError) -> int:
    """The HTTP status that tells of a domain error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: whatever goes wrong is told in one shape.

    What is not known here is a defect: it is logged, and those who watch for defects hear of it.
    """
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, OperationalError):
        _log.error("the database did not answer", exc_info=error)
        error = errors.Unavailable("The database did not answer. Ask again, with the same key.")
    if isinstance(error, errors.BillhookError):
        return _refusal(error, request_id)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if not isinstance(error, exceptions.APIException):
        got_request_exception.send(sender=None, request=context["request"])
        _log.error("defect", exc_info=error)
        text = "Something broke here, and has been noted. Nothing of this request was kept."
        return Response(envelope("internal_error", text, request_id), status=500)
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, int(wait + 0.999)))
    code = _CODES.get(error.status_code, str(error.default_code))
    message = str(error.detail)
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(context["view"].allowed_methods)
        message = f"{context['request'].method} is not allowed here, only {allowed}."
    return Response(envelope(code, message, request_id), status=error.status_code, headers=headers)


def _refusal(error: errors.BillhookError, request_id: str) -> Response:
    seconds = RETRY_AFTER.get(type(error))
    return Response(
        envelope(error.code, error.message, request_id, error.details),
        status=status_of(error),
        headers={"Retry-After": str(seconds)} if seconds else None,
    )
