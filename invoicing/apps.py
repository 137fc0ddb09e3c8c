"""The invoicing room, as Django knows it."""

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    name = "invoicing"

    def ready(self) -> None:
        """Tell whoever moves a clock what waits for a date in this room."""
        from invoicing import sweeps, waiting

        sweeps.registered.extend(waiting.SWEEPS)
        sweeps.between.append(waiting.apply_changed_rules)
