"""The payments room, as Django knows it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        """Add this room's part to how an invoice looks, what is told and done, and what waits."""
        from django.db.models import Prefetch

        from invoicing import events, issuing, leashes, reminding, sweeps
        from invoicing import representations as invoicing_representations
        from invoicing.actions import customers
        from invoicing.models import CreditNote
        from payments import (
            collecting,
            credit_representations,
            crediting,
            hearing,
            holding,
            models,
            receiving,
            recurring_representations,
            representations,
            usdc_representations,
            waiting,
        )
        from payments.upcoming import Upcoming

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
        events.renderers[models.RecurringCharge] = recurring_representations.recurring_charge
        events.renderers[models.ReceivingKey] = usdc_representations.receiving_key
        events.renderers[models.Transfer] = usdc_representations.usdc_deposit
        events.renderers[models.RefundClaim] = usdc_representations.refund_claim
        events.renderers[Upcoming] = recurring_representations.upcoming
        # A page that was open at the provider must not be payable for one more round of the sweep.
        for closed in ("invoice.voided", "invoice.uncollectible", "invoice.expired"):
            events.awakened[closed] = "payments.tasks.cancel_payments_of_closed_invoices"
        issuing.when_issued.append(crediting.spend_at_once)
        events.followers["invoice.paid"].append(collecting.follow_paid)
        for closed in ("invoice.voided", "invoice.uncollectible", "invoice.expired"):
            events.followers[closed].append(collecting.follow_closed)
        for asks_no_more in (
            "invoice.paid",
            "invoice.voided",
            "invoice.uncollectible",
            "invoice.expired",
        ):
            events.followers[asks_no_more].append(receiving.watch_no_longer)
        events.followers["invoice.reopened"].append(receiving.watch_again)
        events.followers["customer.payment_method_saved"].append(collecting.follow_saved)
        events.followers["customer.payment_method_updated"].append(collecting.follow_updated)
        events.followers["customer.payment_method_removed"].append(collecting.follow_removed)
        customers.obstacles.append(holding.goes_on_billing)
        leashes.owners["recurring_id"] = holding.customer_of_schedule
        reminding.obstacles += [holding.is_disputed, holding.is_collected]
        sweeps.registered[:0] = waiting.SWEEPS
        sweeps.between.append(hearing.hear_sandbox)
