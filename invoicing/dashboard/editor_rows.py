"""The rows of the invoice editor: one line of the invoice, one entry of the merchant's own data."""

import json
import re
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.dashboard.forms import Choice, PlainForm, Text
from invoicing.models import LineItem

DECIMAL = {"inputmode": "decimal", "class": "num"}
DISCOUNT_KINDS = [("percent", "%"), ("amount", gettext_lazy("Amount"))]
TAX_BEHAVIORS = [
    ("exclusive", gettext_lazy("Added to prices")),
    ("inclusive", gettext_lazy("Included in prices")),
]
TAX = (gettext_lazy("Tax %"), gettext_lazy("Tax name"), gettext_lazy("Tax category"))
FURTHER_TAX = (
    gettext_lazy("Another tax %"),
    gettext_lazy("Its name"),
    gettext_lazy("Its category"),
)
TAX_CATEGORIES = [
    ("S", gettext_lazy("Standard")),
    ("Z", gettext_lazy("Zero rated")),
    ("E", gettext_lazy("Exempt")),
    ("AE", gettext_lazy("Reverse charge")),
    ("K", gettext_lazy("Intra-community supply")),
    ("G", gettext_lazy("Export")),
    ("O", gettext_lazy("Outside the scope of tax")),
    ("L", gettext_lazy("Canary Islands IGIC")),
    ("M", gettext_lazy("Ceuta and Melilla IPSI")),
]


class LineForm(PlainForm):
    """One line: what, how many, at what price, less what, with which taxes."""

    description = Text(gettext_lazy("Description"), lines=2)
    quantity = Text(gettext_lazy("Quantity"), attrs=DECIMAL)
    unit_price = Text(gettext_lazy("Unit price"), attrs=DECIMAL)
    discount_value = Text(gettext_lazy("Discount"), attrs=DECIMAL)
    discount_kind = Choice(gettext_lazy("Kind of discount"), DISCOUNT_KINDS)
    tax_behavior = Choice(
        gettext_lazy("Taxes on this line"),
        [("", gettext_lazy("As on the whole invoice")), *TAX_BEHAVIORS],
    )

    def __init__(self, index: int, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, prefix=f"line-{index}", initial=initial)
        self.index = index
        # What the line comes to, once it has been worked out.
        self.worked_out: LineItem | None = None
        taxes = self.initial.get("taxes", [])
        posted = [
            int(match[1])
            for name in (data or {})
            if (match := re.fullmatch(rf"line-{index}-tax_(\d)_rate", name))
        ]
        self.tax_places = range(min(5, max(2, len(taxes), max(posted, default=0) + 1)))
        for place in self.tax_places:
            tax = taxes[place] if place < len(taxes) else {}
            rate, name, category = FURTHER_TAX if place else TAX
            self.fields |= {
                f"tax_{place}_rate": Text(rate, attrs=DECIMAL, initial=tax.get("rate", "")),
                f"tax_{place}_name": Text(name, initial=tax.get("name", "")),
                f"tax_{place}_category": Choice(
                    category, TAX_CATEGORIES, initial=tax.get("category", "S")
                ),
            }

    @property
    def tax_rows(self) -> list[tuple[Any, Any, Any]]:
        """The fields of each tax: rate, name and category."""
        return [
            (self[f"tax_{p}_rate"], self[f"tax_{p}_name"], self[f"tax_{p}_category"])
            for p in self.tax_places
        ]

    @property
    def has_more(self) -> bool:
        """Whether there is something in the part that is folded away."""
        names = ["discount_value", "tax_behavior"]
        # A tax that nobody sees is money that nobody sees.
        names += [f"tax_{place}_{of}" for place in self.tax_places[1:] for of in ("rate", "name")]
        other_category = self["tax_0_category"].value() not in ("S", "", None)
        return other_category or any(self[name].value() or self[name].errors for name in names)

    def is_blank(self) -> bool:
        """Whether nothing was written here: such a line is no line."""
        return not any(
            self[name].value() for name in ("description", "unit_price", "discount_value")
        )

    def wanted(self) -> dict[str, Any]:
        """The line as the domain asks for it."""
        data = self.cleaned
        line: dict[str, Any] = {"description": data.get("description", ""), "taxes": self._taxes()}
        for name in ("quantity", "unit_price", "tax_behavior"):
            if data.get(name):
                line[name] = data[name]
        if data.get("discount_value"):
            line["discount"] = {data["discount_kind"] or "percent": data["discount_value"]}
        return line

    def _taxes(self) -> list[dict[str, str]]:
        data, taxes = self.cleaned, []
        self.kept_taxes: list[int] = []
        for place in self.tax_places:
            rate, name = data.get(f"tax_{place}_rate", ""), data.get(f"tax_{place}_name", "")
            if not rate:
                continue
            category = data.get(f"tax_{place}_category") or "S"
            taxes.append({"rate": rate, "category": category} | ({"name": name} if name else {}))
            self.kept_taxes.append(place)
        return taxes

    def field_for(self, path: str) -> str:
        """The field that a path within the line, such as `discount.percent`, was typed in."""
        tax = re.match(r"taxes\[(\d+)\]\.(rate|name|category)", path)
        if tax:
            return f"tax_{self.kept_taxes[int(tax[1])]}_{tax[2]}"
        if path in self.fields:
            return path
        whole = {"discount": "discount_value", "taxes": "tax_0_rate"}
        return whole.get(path.split(".")[0], "description")


class MetadataForm(PlainForm):
    """One entry of the merchant's own data: a name with a text, or with a JSON value."""

    key = Text(gettext_lazy("Name"))
    value = Text(gettext_lazy("Value"))
    kind = Choice(gettext_lazy("Kind"), [("text", gettext_lazy("Text")), ("json", "JSON")])

    def __init__(self, index: int, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, prefix=f"metadata-{index}", initial=initial)
        self.index = index

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("kind") == "json" and data.get("key"):
            try:
                data["value"] = json.loads(data["value"], parse_constant=_no_constant)
            except (ValueError, RecursionError):
                self.add_error("value", _("This is not JSON."))
        elif data.get("value") and not data.get("key"):
            self.add_error("key", _("A value needs a name."))
        return data


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
