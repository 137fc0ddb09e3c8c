"""The invoicing room, as Django knows it."""

from collections.abc import Collection

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    name = "invoicing"

    def ready(self) -> None:
        """Tell whoever moves a clock what waits for a date in this room, and leashes what is there
        to be allowed."""
        from invoicing import leashes, sweeps, waiting

        sweeps.registered.extend(waiting.SWEEPS)
        sweeps.between.append(waiting.apply_changed_rules)
        leashes.tool_names.append(_tool_names)


def _tool_names() -> Collection[str]:
    # The addresses lead through every room, and not all of them are there when Django starts.
    from invoicing.api import tools

    return tools.names()
