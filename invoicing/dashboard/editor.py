"""The invoice as it is written: a form with lines, from and to the domain's own input."""

import json
from typing import Any, ClassVar

from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing import money
from invoicing.dashboard import choices
from invoicing.dashboard.editor_lines import LinesForm, indexes
from invoicing.dashboard.editor_rows import LineForm, MetadataForm
from invoicing.dashboard.editor_start import initial_of, initial_of_line
from invoicing.dashboard.forms import Check, Choice, Day, Problem, Text
from invoicing.inputs import InvoiceChanges, InvoiceInput
from invoicing.models import Invoice, Merchant


class InvoiceForm(LinesForm):
    """A draft being written."""

    # What is wrong is said in the order of the page.
    field_order = ("customer_search", "customer_id", "recipient_name", "recipient_email")

    customer_search = Text(
        gettext_lazy("Find a customer"), attrs={"type": "search", "enterkeyhint": "search"}
    )
    customer_id = Choice(gettext_lazy("Customer"))
    recipient_name = Text(gettext_lazy("Name"))
    recipient_email = Text(gettext_lazy("Email"), attrs={"inputmode": "email"})
    recipient_type = Choice(gettext_lazy("Kind of recipient"), Invoice.RecipientType.choices)
    currency = Choice(gettext_lazy("Currency"))
    wallet_id = Choice(gettext_lazy("Wallet that receives"))
    due_at = Day(gettext_lazy("Due date"))
    expires_at = Day(
        gettext_lazy("Can be paid until"),
        help_text=gettext_lazy("After this day the invoice expires and can no longer be paid."),
    )
    purchase_order = Text(gettext_lazy("Purchase order"))
    title = Text(gettext_lazy("Title"))
    message = Text(
        gettext_lazy("Message"),
        lines=3,
        help_text=gettext_lazy("In the mail and on the payment page."),
    )
    notes = Text(
        gettext_lazy("Notes"), lines=3, help_text=gettext_lazy("At the foot of the document.")
    )
    memo = Text(
        gettext_lazy("Memo"),
        lines=2,
        help_text=gettext_lazy("On the document, above the items: the recipient sees it."),
    )
    language = Choice(gettext_lazy("Language of the document"))
    allow_partial = Check(gettext_lazy("May be paid in parts"))
    metadata_public = Check(gettext_lazy("The payer may see this data"))

    reads = InvoiceInput
    aliases: ClassVar[dict[str, str]] = {
        **LinesForm.aliases,
        "recipient.name": "recipient_name",
        "recipient.email": "recipient_email",
        "recipient.type": "recipient_type",
    }

    def __init__(
        self,
        merchant: Merchant,
        data: Any = None,
        invoice: Invoice | None = None,
        *,
        customer: str = "",
    ) -> None:
        super().__init__(data, initial={"customer_id": customer, **initial_of(merchant, invoice)})
        self.merchant, self.invoice = merchant, invoice
        if invoice is not None:
            self.reads = InvoiceChanges  # type: ignore[misc]
        self.lines = self._line_forms(invoice)
        self.metadata = self._metadata_forms(invoice)
        self.offer_choices()

    # The rows of the form

    def _line_forms(self, invoice: Invoice | None) -> list[LineForm]:
        if self.is_bound:
            return self.posted_lines()
        if invoice is None:
            return [LineForm(0, initial={"quantity": "1", "discount_kind": "percent"})]
        rows = list(invoice.lines.all())
        inclusive = bool(rows) and all(row.tax_inclusive for row in rows)
        return [
            LineForm(index, initial=initial_of_line(row, invoice.currency, inclusive))
            for index, row in enumerate(rows)
        ]

    def _metadata_forms(self, invoice: Invoice | None) -> list[MetadataForm]:
        if self.is_bound:
            places = indexes(self.data, "metadata", "key")
            return [MetadataForm(index, self.data) for index in places]
        known = invoice.metadata if invoice else {}
        rows = [
            {"key": key, "value": value, "kind": "text"}
            if isinstance(value, str)
            else {"key": key, "value": json.dumps(value, ensure_ascii=False), "kind": "json"}
            for key, value in known.items()
        ]
        return [MetadataForm(index, initial=row) for index, row in enumerate([*rows, {}])]

    def add_metadata(self) -> MetadataForm:
        """Another empty entry."""
        index = max((row.index for row in self.metadata), default=-1) + 1
        row = MetadataForm(index)
        row.fields["key"].widget.attrs["autofocus"] = True
        self.metadata.append(row)
        return row

    # The menus

    def offer_choices(self) -> None:
        """Fill the menus with what this merchant can choose from."""
        merchant = self.merchant
        search = self["customer_search"].value() or ""
        chosen = self["customer_id"].value() or ""
        default = _("Default (%(code)s)")
        wallets = merchant.wallets.filter(archived_at=None).order_by("name")[:200]
        self.offer(
            customer_id=choices.customers(merchant, search, chosen),
            currency=choices.currencies(default % {"code": merchant.currency}),
            wallet_id=[
                ("", _("Default of the currency")),
                *((row.public_id, f"{row.name} · {row.currency}") for row in wallets),
            ],
            language=choices.languages(self["language"].value() or "", blank=_("As the customer")),
        )

    # From the form to the domain

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        wanted: dict[str, Any] = {
            name: data.get(name, "")
            for name in ("title", "message", "memo", "notes", "purchase_order", "language")
        }
        wanted |= self.money_wanted()
        wanted["recipient"] = {
            "name": data.get("recipient_name", ""),
            "email": data.get("recipient_email", ""),
            "type": data.get("recipient_type") or "human",
        }
        for name in ("due_at", "expires_at"):
            # A day that was not touched keeps the hour that it may have had.
            if self.invoice is None or data.get(name, "") != self.initial[name]:
                wanted[name] = data.get(name) or None
        wanted["allow_partial"] = data.get("allow_partial", False)
        wanted["metadata_public"] = data.get("metadata_public", False)
        wanted["metadata"] = self._metadata()
        self.kept = [line for line in self.lines if not line.is_blank()] or self.lines[:1]
        wanted["line_items"] = [line.wanted() for line in self.kept if line.is_bound]
        return wanted

    def money_wanted(self) -> dict[str, Any]:
        """What the totals depend on, besides the lines."""
        data = self.cleaned
        named = ("customer_id", "wallet_id", "currency")
        wanted = {name: data.get(name) or None for name in named}
        return {**super().money_wanted(), **wanted, "tax_amount": self._tax_amount()}

    def _tax_amount(self) -> str | None:
        """The fixed tax of a draft that came with one, until its lines have taxes of their own."""
        draft = self.invoice
        if draft is None or draft.tax_amount is None:
            return None
        taxed = any(line.wanted()["taxes"] for line in self.written_lines())
        return None if taxed else money.to_text(draft.tax_amount, draft.currency)

    def _metadata(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for row in self.metadata:
            if not row.is_valid():
                continue
            key = row.cleaned_data.get("key")
            if key in entries:
                row.add_error("key", _("This name stands here twice."))
            elif key:
                entries[key] = row.cleaned_data["value"]
        return entries

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        # Its own errors count too, though nothing is read from the form then.
        if any(row.errors for row in self.metadata):
            self.input = None
        return cleaned

    def is_valid(self) -> bool:
        return super().is_valid() and not any(row.errors for row in self.metadata)

    @property
    def has_folded_errors(self) -> bool:
        """Whether something is wrong in the part that is folded away."""
        folded = ("title", "expires_at", "wallet_id", "language", "recipient_type")
        return any(self.errors.get(name) for name in folded) or any(
            row.is_bound and row.errors for row in self.metadata
        )

    @property
    def problems(self) -> list[Problem]:
        """Everything to put right: of the form, then of each line and entry."""
        found = super().problems
        for row in self.metadata:
            if row.is_bound:
                found += row.problems
        return found

    def forgive(self) -> None:
        """Say nothing yet about what is wrong: the form is still being written."""
        super().forgive()
        for row in self.metadata:
            row._errors = ErrorDict()
