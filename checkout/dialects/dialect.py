"""What every dialect is made of: its own words for a refusal, and its own doors.

A dialect's file says its whole wire format: addresses, names of fields, statuses, errors. What
happens is decided by the actions below, the same that the native API calls.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from django.http.response import HttpResponseBase
from rest_framework.response import Response

from invoicing.actor import Actor
from invoicing.api import errors
from invoicing.api.once import once
from invoicing.api.views import ApiView, JsonView, PublicView
from invoicing.errors import NotFound
from invoicing.models import Invoice

R = TypeVar("R")
# The tools that a door takes which drafts and issues in one go.
ISSUED_AT_ONCE: Final = ("create_invoice", "finalize_invoice")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the native API would say: a status, its code and message, and what they are about."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any]
    request_id: str


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A message of ours with our fields called by another system's names."""
    return re.sub(r"[a-z]+(?:_[a-z]+)+", lambda found: names.get(found[0], found[0]), text)


class Dialect(JsonView):
    """Tells refusals in the words of another system."""

    # A dialect's contract is its system's own document, and no part of ours.
    schema = None  # type: ignore[assignment]
    # The system's name, as it stands in addresses and settings.
    system: ClassVar[str] = ""

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """The status and the body that tell of it here."""
        raise NotImplementedError

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response]:
        """The native one, and then this dialect's words."""
        return self._tell

    def _tell(self, error: Exception, context: Mapping[str, Any]) -> Response:
        response = errors.handle(error, context)
        said = response.data["error"]
        response.status_code, response.data = self.refused(
            Refusal(
                status=response.status_code,
                code=said["code"],
                message=said["message"],
                details=said["details"],
                request_id=said["request_id"],
            )
        )
        return response


class DialectView(Dialect, ApiView):
    """A door for bots that show a key."""


class PublicDialectView(Dialect, PublicView):
    """A door for whoever holds an invoice's slug."""

    def run_as_payer(
        self, invoice: Invoice, do: Callable[[], R], render: Callable[[R], Any], **how: Any
    ) -> HttpResponseBase:
        """Do it in the payer's name and once per Idempotency-Key; render what came of it."""
        request_id = getattr(self.request, "request_id", "")
        payer = Actor("payer", invoice.public_id, "Payer", request_id)
        return once(self.request, invoice.merchant, payer, do, render, **how)


class DialectNothing(PublicDialectView):
    """Every address that a dialect does not have: put it last among a dialect's addresses."""

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Say so, in the dialect's words."""
        super().initial(request, *args, **kwargs)
        raise NotFound(f"{self.system} has nothing at this address.")
