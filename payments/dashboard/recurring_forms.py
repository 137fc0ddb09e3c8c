"""The short forms about recurring charges: for how long one is paused, and when it ends."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from invoicing.dashboard.forms import Choice, Day, InputForm, Text
from payments.recurring_inputs import CancelInput, PauseInput


class PauseForm(InputForm):
    """For how long."""

    reads = PauseInput
    until = Day(_("Until"), help_text=_("Empty: until you resume it."))

    def wanted(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value}


class CancelForm(InputForm):
    """When it ends, and why."""

    reads = CancelInput
    at = Choice(
        _("When"),
        [("period_end", _("When the running period is over")), ("now", _("Now"))],
    )
    reason = Text(_("Why"), help_text=_("For your own memory."))
