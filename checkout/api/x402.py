"""Paying an invoice by HTTP 402: what wallets of bots do by themselves."""

from collections.abc import Mapping
from typing import Any, Final

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from checkout import representations
from checkout.api.public import issued
from checkout.api.x402_schemas import X402Challenge, X402Payment
from checkout.bots.agent_protocol import POLL_SECONDS
from invoicing.actor import Actor, acting
from invoicing.api.endpoint import METHODS, Endpoint
from invoicing.api.errors import envelope
from invoicing.api.views import PublicView
from invoicing.errors import InvalidState
from invoicing.models import Invoice
from payments import authorizing, x402_flow
from payments.models import Authorization
from payments.x402_signed import PENDING, Malformed, PaymentRefused

_HEADERS: Final = {
    "PAYMENT-SIGNATURE": "The payment, version 2: base64 of a PaymentPayload for one of the "
    "entries of `PAYMENT-REQUIRED`.",
    "X-PAYMENT": "The payment, version 1.",
}
# Wallets in browsers ask from pages of others; nothing here depends on cookies.
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, "
    "Retry-After, X-Request-Id",
}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "PAYMENT-SIGNATURE, X-PAYMENT, Content-Type, "
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age": "600",
}


def _endpoint(summary: str) -> Endpoint:
    return Endpoint(
        summary,
        answers=X402Payment,
        also={202: X402Payment, 402: X402Challenge},
        refuses=(409, 410, 502),
        takes=_HEADERS,
        has_keys=False,
    )


class PublicX402(PublicView):
    tag = "For payers"
    http_method_names = [*METHODS, "head", "options"]

    @_endpoint("See what pays an invoice by x402")
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Without a payment it answers 402 and says what is to be paid: how much USDC, to which
        address, on which networks. With one it does what POST does."""
        return self._answer(request, issued(slug))

    @_endpoint("Pay an invoice by x402")
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Settles the signed payment in the header (x402, scheme `exact`, EIP-3009) and answers 200
        when its chain holds the transfer. The same payment sent again gets the same answer and
        moves nothing; on 202 send it again, and never sign another.

        An invoice that is paid answers 200, one whose time has passed 410. 402 with
        `PAYMENT-RESPONSE` says why a payment was not taken.
        """
        return self._answer(request, issued(slug))

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """What pages of others may send."""
        return Response(status=204, headers=_PREFLIGHT)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Let wallets in browsers read what is answered."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        for name, value in _CORS.items():
            finished[name] = value
        return finished

    def _answer(self, request: Request, invoice: Invoice) -> Response:
        # Its types take a quarter of a second to import, which few processes need.
        from checkout.bots import x402

        payer = Actor("payer", invoice.public_id, "Payer", getattr(request, "request_id", ""))
        refusal: PaymentRefused | None = None
        try:
            with acting(payer):
                signed = x402.payment(request.headers)
                if invoice.status == "paid":
                    return _paid(invoice, authorizing.settlement_of(invoice))
                if signed is not None:
                    row = x402_flow.pay(invoice, signed)
                    if row.status == Authorization.Status.SETTLED:
                        return _paid(issued(invoice.slug), row.settlement)
                    if row.status == Authorization.Status.PENDING:
                        return _pending(issued(invoice.slug), row)
                    invoice = issued(invoice.slug)
                    refusal = _failed(row)
        except Malformed as problem:
            return self._refused(400, problem.code, problem.message)
        except PaymentRefused as problem:
            refusal = problem
        except InvalidState as problem:
            return self._cannot(problem, invoice)
        try:
            terms = x402_flow.ask(invoice)
        except InvalidState as problem:
            return self._cannot(problem, invoice)
        error = f"{refusal.code}: {refusal.message}" if refusal else x402.NOT_SENT
        headers = {x402.REQUIRED: x402.challenge_header(terms, error)}
        if refusal is not None:
            headers |= x402.settlement_headers(_settlement(refusal))
        return Response(x402.challenge_body(terms, error), status=402, headers=headers)

    def _cannot(self, problem: InvalidState, invoice: Invoice) -> Response:
        """Never 402, which asks for another payment."""
        status = problem.details.get("status")
        if status == "paid":
            # By somebody who was quicker.
            return _paid(issued(invoice.slug), authorizing.settlement_of(invoice))
        answer = self._refused(
            410 if status == "expired" else 409, problem.code, problem.message, problem.details
        )
        if status in ("open", "paying"):
            answer["Retry-After"] = str(POLL_SECONDS)
        return answer

    def _refused(
        self, status: int, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> Response:
        request_id = getattr(self.request, "request_id", "")
        return Response(envelope(code, message, request_id, details), status=status)


def _paid(invoice: Invoice, settlement: Mapping[str, Any] | None) -> Response:
    from checkout.bots import x402

    return Response(
        _body(invoice, "paid", settlement),
        headers=x402.settlement_headers(settlement) if settlement else None,
    )


def _pending(invoice: Invoice, row: Authorization) -> Response:
    from checkout.bots import x402

    settlement = {
        "success": False,
        "errorReason": PENDING,
        "payer": row.payer,
        "transaction": row.tx_hash,
        "network": row.network,
    }
    headers = {**x402.settlement_headers(settlement), "Retry-After": str(POLL_SECONDS)}
    return Response(_body(invoice, "pending", settlement), status=202, headers=headers)


def _body(invoice: Invoice, status: str, settlement: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "object": "x402_payment",
        "status": status,
        "settlement": dict(settlement) if settlement else None,
        "invoice": representations.invoice(invoice),
    }


def _failed(row: Authorization) -> PaymentRefused:
    said = row.settlement
    message = row.payment.failure_message or "This payment was not settled; sign another."
    return PaymentRefused(said["errorReason"], message, row.payer, row.network)


def _settlement(refusal: PaymentRefused) -> dict[str, Any]:
    said = {
        "success": False,
        "errorReason": refusal.code,
        "transaction": "",
        "network": refusal.network,
    }
    return {**said, "payer": refusal.payer} if refusal.payer else said
