"""Totals while an invoice is written, worked out by the same hand that will save it."""

import re
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoicing import drafts, inputs, money
from invoicing.dashboard.editor import InvoiceForm
from invoicing.dashboard.editor_lines import LinesForm
from invoicing.dashboard.editor_rows import LineForm
from invoicing.dashboard.forms import sentence
from invoicing.errors import BillhookError, ValidationFailed
from invoicing.inputs import InvoiceInput, LineItemInput
from invoicing.models import Invoice


@dataclass
class Preview:
    """Totals worked out from a form that may be half written; `invoice` is not saved."""

    currency: str
    invoice: Invoice | None = None
    notes: list[str] = field(default_factory=list)


def preview_of(form: InvoiceForm) -> Preview:
    """What the complete lines come to, each line's own amount, and what was left out."""
    return worked_out(form) if form.is_bound else _as_saved(form)


def worked_out(form: LinesForm) -> Preview:
    """What has been written of a form so far, worked out."""
    chosen = str(form.money_wanted().get("currency") or "").upper()
    preview = Preview(chosen if chosen in money.ASSETS else form.merchant.currency)
    written = form.written_lines()
    complete = [line for line in written if _is_complete(line)]
    left_out = len(written) - len(complete)
    if left_out:
        preview.notes.append(
            ngettext(
                "%(count)d line is not complete and is left out.",
                "%(count)d lines are not complete and are left out.",
                left_out,
            )
            % {"count": left_out}
        )
    for message in form.errors.get("discount_value", []):
        preview.notes.append(_("Discount: %(message)s") % {"message": message})
    if complete:
        _work_out(form, complete, preview)
    return preview


def _is_complete(line: LineForm) -> bool:
    """Whether the line has an amount; what is wrong with its numbers was found with the form."""
    if line.errors.keys() - {"description"}:
        return False
    try:
        inputs.read(LineItemInput, {**line.wanted(), "description": "·"})
    except ValidationFailed:
        return False
    return True


def _work_out(form: LinesForm, complete: list[LineForm], preview: Preview) -> None:
    lines = [{**line.wanted(), "description": "·"} for line in complete]
    try:
        wanted = inputs.read(InvoiceInput, {**form.money_wanted(), "line_items": lines})
        invoice, items = drafts.draft(form.merchant, wanted)
    except ValidationFailed as refusal:
        preview.notes += [_note(form, complete, *problem) for problem in refusal.fields]
        return
    except BillhookError as refusal:
        preview.notes.append(refusal.message)
        return
    preview.invoice, preview.currency = invoice, invoice.currency
    for line, item in zip(complete, items, strict=True):
        line.worked_out = item


def _note(form: LinesForm, complete: list[LineForm], path: str, message: str) -> str:
    line = re.match(r"line_items\[(\d+)\]", path)
    if line is None:
        return sentence(message)
    place = form.lines.index(complete[int(line[1])]) + 1
    return _("Line %(place)d: %(message)s") % {"place": place, "message": message}


def _as_saved(form: InvoiceForm) -> Preview:
    if form.invoice is None:
        return Preview(form.merchant.currency)
    for line, item in zip(form.lines, form.invoice.lines.all(), strict=True):
        line.worked_out = item
    return Preview(form.invoice.currency, form.invoice)
