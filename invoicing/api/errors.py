"""How the native API says that something is wrong: one shape, a code, a remedy."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from invoicing import errors

STATUS: dict[type[errors.BillhookError], int] = {
    errors.ValidationFailed: 400,
    errors.NotConfigured: 400,
    errors.MissingPermission: 403,
    errors.NotFound: 404,
    errors.InvalidState: 409,
    errors.Conflict: 409,
    errors.IdempotencyInFlight: 409,
    errors.IdempotencyMismatch: 422,
}


class InvalidJson(exceptions.APIException):
    """The body is not JSON that can be read."""

    status_code = 400
    default_code = "invalid_json"
    default_detail = "The request body is not valid JSON."


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


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. What is not known here is a defect and stays a 500."""
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, errors.BillhookError):
        in_flight = isinstance(error, errors.IdempotencyInFlight)
        return Response(
            envelope(error.code, error.message, request_id, error.details),
            status=status_of(error),
            headers={"Retry-After": "2"} if in_flight else None,
        )
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if isinstance(error, exceptions.Throttled) and error.wait is not None:
        headers["Retry-After"] = str(max(1, int(error.wait + 0.999)))
    code = _CODES.get(error.status_code, str(error.default_code))
    return Response(
        envelope(code, str(error.detail), request_id), status=error.status_code, headers=headers
    )
