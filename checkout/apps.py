"""The checkout room, as Django knows it."""

from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "checkout"

    def ready(self) -> None:
        """Add this room's part to how an invoice looks, whose words events are told in, and whose
        stay in the portal ends."""
        from checkout import portal
        from checkout.bots.agent_protocol import agent_protocol
        from checkout.dialects import wallgent_shapes
        from invoicing import event_dialects, events
        from invoicing.representations import invoice_parts

        invoice_parts["agent_protocol"] = agent_protocol
        event_dialects.registered["wallgent"] = wallgent_shapes.WEBHOOKS
        events.followers["customer.updated"].append(portal.follow_changed)
        events.followers["customer.deleted"].append(portal.follow_gone)
