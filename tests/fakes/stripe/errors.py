"""How the fake says no, in Stripe's own shape."""

from typing import Any


class ApiError(Exception):
    """An answer that is an error.

    `keep` says that what was done before it stays done: a declined charge is a charge.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error["code"] = code
            page = "https://stripe.com/docs/error-codes/" + code.replace("_", "-")
            self.error["doc_url"] = page
        if param:
            self.error["param"] = param
        self.error.update({name: value for name, value in extra.items() if value is not None})


class BadRequest(ApiError):
    """A request that was never begun, so that no answer to it is kept."""


class Cut(Exception):  # noqa: N818 - it is no error of the fake
    """The connection ends here, after `sent` of the answer."""

    def __init__(self, sent: bytes = b"") -> None:
        super().__init__("the connection was cut")
        self.sent = sent


def missing(kind: str, found_id: str, param: str | None = None) -> ApiError:
    """No such object; 404 where the address names it, 400 where a parameter does."""
    return ApiError(
        f"No such {kind.replace('.', '_')}: '{found_id}'",
        status=400 if param else 404,
        code="resource_missing",
        param=param or "id",
    )
