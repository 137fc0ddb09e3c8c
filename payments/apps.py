"""The payments room, as Django knows it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        """Add this room's part to how an invoice looks, what is told and done, and what waits."""
        from django.db.models import Prefetch

        from invoicing import events, issuing, reminding, sweeps
        from invoicing import representations as invoicing_representations
        from invoicing.models import CreditNote
        from payments import (
            credit_representations,
            crediting,
            hearing,
            holding,
            models,
            representations,
            waiting,
        )

        invoicing_representations.invoice_parts["fees"] = representations.invoice_fees
        invoicing_representations.customer_parts["credit"] = representations.customer_credit
        invoicing_representations.customer_loads.append(
            Prefetch("ledger_accounts", representations.credit_accounts(), "credits_loaded")
        )
        events.renderers[CreditNote] = credit_representations.credit_note
        events.renderers[models.Refund] = representations.refund
        events.renderers[models.Dispute] = representations.dispute
        events.renderers[models.Deposit] = representations.deposit
        events.renderers[models.PaymentMethod] = representations.payment_method
        events.renderers[models.MerchantPayout] = representations.payout
        issuing.when_issued.append(crediting.spend_at_once)
        reminding.obstacles.append(holding.is_disputed)
        sweeps.registered[:0] = waiting.SWEEPS
        sweeps.between.append(hearing.hear_sandbox)
