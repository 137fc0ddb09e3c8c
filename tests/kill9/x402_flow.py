"""A payment by x402 as one process takes it, which may be killed, and the worker's round."""

from typing import Any

from invoicing import doorbell, failpoints
from invoicing.models import Invoice
from payments import tasks, x402_flow
from payments.x402_signed import read

doorbell._send = lambda task: None


def pay(invoice_pk: int, payload: dict[str, Any]) -> dict[str, Any]:
    """Take a signed payment, as the route does; how it stands then."""
    accepted = payload["accepted"]
    signed = read(accepted["scheme"], accepted["network"], payload["payload"], accepted, {})
    invoice = Invoice.objects.select_related("merchant").get(pk=invoice_pk)
    row = x402_flow.pay(invoice, signed)
    return {"status": row.status, "transaction": row.tx_hash}


def visited(invoice_pk: int, payload: dict[str, Any]) -> list[str]:
    """Every failpoint that an undisturbed payment comes by."""
    seen: list[str] = []

    class Watching(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            if name != "*" and name not in seen:
                seen.append(name)
            return default

    failpoints.hooks = Watching(on=lambda: None)
    pay(invoice_pk, payload)
    return seen


def look() -> int:
    """The worker finds out what became of what the dead had begun."""
    return int(tasks.look_at_authorizations())
