"""The payments room, as Django knows it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        """Add this room's part to how an invoice looks."""
        from invoicing import representations as invoicing_representations
        from payments import representations

        invoicing_representations.invoice_parts["fees"] = representations.invoice_fees
