"""What the buttons of an editor's rows ask for, with script and without."""

import re

from django.http import HttpResponse
from django_htmx.http import reswap, trigger_client_event

from invoicing.dashboard.access import MerchantRequest, page
from invoicing.dashboard.editor_lines import LinesForm

# What buttons ask for besides saving: they show the form again.
STEPS = re.compile(r"add_line|add_metadata|find|totals|remove-\d{1,4}", re.ASCII)


def is_step(request: MerchantRequest) -> bool:
    """Whether the form is to be shown again rather than saved."""
    return bool(STEPS.fullmatch(request.POST.get("do", "")))


def take_line_step(request: MerchantRequest, form: LinesForm) -> HttpResponse | None:
    """Add or take away a line where that is asked; with script, the part of the page it changes."""
    step = request.POST["do"]
    if step == "add_line":
        line = form.add_line()
        if request.htmx:
            context = {"form": form, "line": line, "currency": request.merchant.currency}
            return _rows_changed(page(request, "invoices/_line.html", "", context))
    elif step.startswith("remove-"):
        form.remove_line(int(step.removeprefix("remove-")))
        if request.htmx:
            return _rows_changed(_after_removal(request, form))
    return None


def _after_removal(request: MerchantRequest, form: LinesForm) -> HttpResponse:
    """Nothing, where the line was; or the empty line that takes the place of the only one."""
    if any(line.is_bound for line in form.lines):
        return HttpResponse()
    context = {"form": form, "line": form.lines[0], "currency": request.merchant.currency}
    return reswap(page(request, "invoices/_line.html", "", context), "outerHTML")


def _rows_changed(response: HttpResponse) -> HttpResponse:
    """Have the page ask for its totals again once the row has come or gone."""
    return trigger_client_event(response, "rows-changed", after="swap")
