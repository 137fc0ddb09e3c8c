"""Forms whose fields are checked by the inputs that the API uses, so a limit stands once."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.forms.utils import ErrorDict, flatatt
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel

from invoicing import inputs
from invoicing.dashboard import choices
from invoicing.errors import BillhookError, ValidationFailed


class Problem(NamedTuple):
    """One thing to put right: the id of its field ("" for the form as a whole), and what."""

    target: str
    label: str
    message: str


def posted(request: HttpRequest) -> Any:
    """What a form is filled from: the request's data, or None while it is only shown."""
    return request.POST if request.method == "POST" else None


def seen_by(request: HttpRequest) -> datetime | None:
    """When what this form is about had last changed as its page was shown."""
    try:
        return parse_datetime(request.POST.get("seen", ""))
    except ValueError:
        return None


def sentence(message: str) -> str:
    """An input's message as a sentence of its own: "must not be empty" is "Must not be empty."."""
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def whole(text: str) -> Any:
    """A whole number as an int; anything else as it came, for the input to refuse."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else text


class Text(forms.CharField):
    """A text field that leaves every limit to the input."""

    def __init__(
        self, label: Any, *, attrs: dict[str, Any] | None = None, lines: int = 1, **kwargs: Any
    ) -> None:
        widget: Any = kwargs.pop("widget", None)
        if widget is None:
            widget = forms.TextInput if lines == 1 else forms.Textarea
            shape = {} if lines == 1 else {"rows": lines}
            widget = widget(attrs={"autocomplete": "off", **shape, **(attrs or {})})
        super().__init__(label=label, required=False, widget=widget, **kwargs)


class Menu(forms.Select):
    """A menu drawn in one go: Django's own renders a template for each of a thousand options.

    What is chosen already is offered in any case, or saving the form would change it unseen.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        given = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        chosen = "" if value is None else str(value)
        offered: list[Any] = list(self.choices)
        if chosen and chosen not in _keys(offered):
            offered.append((chosen, chosen))
        return format_html("<select{}>{}</select>", flatatt(given), _drawn(offered, chosen))


def _keys(offered: Iterable[Any]) -> Iterator[str]:
    for key, label in offered:
        if isinstance(label, list):
            yield from _keys(label)
        else:
            yield str(key)


def _drawn(offered: Iterable[Any], chosen: str) -> str:
    """Options, and groups of options, as HTML."""
    return format_html_join(
        "",
        "{}",
        (
            [
                format_html('<optgroup label="{}">{}</optgroup>', key, _drawn(label, chosen))
                if isinstance(label, list)
                else format_html(_CHOSEN if str(key) == chosen else _OPTION, key, label)
            ]
            for key, label in offered
        ),
    )


_OPTION = '<option value="{}">{}</option>'
_CHOSEN = '<option value="{}" selected>{}</option>'


class Choice(forms.CharField):
    """A menu. The domain decides what may be chosen, so a strange value is refused there."""

    def __init__(self, label: Any, offered: Sequence[Any] = (), **kwargs: Any) -> None:
        widget = kwargs.pop("widget", None) or Menu(choices=offered)
        super().__init__(label=label, required=False, widget=widget, **kwargs)


class Day(Text):
    """A calendar day, as the browser's own picker writes it."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(label, widget=widget, **kwargs)


class Check(forms.BooleanField):
    """A box to tick."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        super().__init__(label=label, required=False, **kwargs)


class PlainForm(forms.Form):
    """A form that can say all that is wrong with it in one list."""

    use_required_attribute = False
    _errors: ErrorDict | None

    def offer(self, **menus: Any) -> None:
        """Fill menus with what can be chosen now."""
        for name, offered in menus.items():
            widget: Any = self.fields[name].widget
            widget.choices = offered

    @property
    def cleaned(self) -> dict[str, Any]:
        """What was sent, by the names of the fields; cleaned once, however often it is asked."""
        if self._errors is None:
            self.full_clean()
        return self.cleaned_data

    @property
    def problems(self) -> list[Problem]:
        """Everything to put right, in the order of the fields."""
        found = [Problem("", "", str(message)) for message in self.non_field_errors()]
        for bound in self:
            found += [
                Problem(bound.id_for_label or bound.auto_id, str(bound.label), str(message))
                for message in bound.errors
            ]
        return found


class InputForm(PlainForm):
    """A form that becomes one of the domain's inputs."""

    reads: ClassVar[type[BaseModel]]
    # Where the input's path to a value is not the name of the field it was typed in.
    aliases: ClassVar[dict[str, str]] = {}
    # The input, once the form is valid.
    input: Any = None

    def wanted(self) -> dict[str, Any]:
        """What the input is made from."""
        return dict(self.cleaned_data)

    def clean(self) -> dict[str, Any]:
        try:
            self.input = inputs.read(self.reads, self.wanted())
        except ValidationFailed as refusal:
            self.refuse(refusal)
        return self.cleaned_data

    def refuse(self, refusal: BillhookError) -> None:
        """Put what the domain refused beside the fields it is about."""
        for path, message in _named(refusal):
            self.refuse_field(path, message)

    def refuse_field(self, path: str, message: str) -> None:
        """Put one refusal beside its field, or above the form when it has none."""
        name = self.field_for(path)
        if name is None:
            self.add_error(None, sentence(f"{path}: {message}" if path else message))
        elif not self.errors.get(name):
            self.add_error(name, sentence(message))

    def field_for(self, path: str) -> str | None:
        """The field that a path of the input, such as `address.city`, was typed in."""
        plain = re.sub(r"\[\d+\]", "", path)
        for name in (self.aliases.get(path), self.aliases.get(plain), plain.replace(".", "_")):
            if name in self.fields:
                return name
        return None


def _named(refusal: BillhookError) -> Iterable[tuple[str, str]]:
    if isinstance(refusal, ValidationFailed):
        return refusal.fields
    return [(str(refusal.details.get("field", "")), refusal.message)]


ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")


class AddressForm(InputForm):
    """The part of a form that asks for a postal address and tax ids."""

    address_line1 = Text(_("Street and number"))
    address_line2 = Text(_("Floor, suite, c/o"))
    postal_code = Text(_("Postal code"))
    address_city = Text(_("City"))
    address_state = Text(_("State or region"))
    address_country = Choice(_("Country"))

    aliases: ClassVar[dict[str, str]] = {"address.postal_code": "postal_code"}
    # Beyond those that are there already.
    spare_tax_ids = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(address_country=choices.countries())
        known: list[dict[str, str]] = self.initial.get("tax_ids") or []
        asked = sum(1 for name in self.data if re.fullmatch(r"tax_id_\d_value", str(name)))
        self.tax_id_places = range(min(10, max(asked, len(known) + self.spare_tax_ids)))
        for place in self.tax_id_places:
            row = known[place] if place < len(known) else {"type": "", "value": ""}
            self.fields[f"tax_id_{place}_type"] = Choice(
                _("Kind of tax id"), choices.TAX_ID_TYPES, initial=row["type"]
            )
            self.fields[f"tax_id_{place}_value"] = Text(_("Tax id"), initial=row["value"])

    @staticmethod
    def address_initial(address: dict[str, str]) -> dict[str, str]:
        """An address as it stands in a row, as this form's initial values."""
        return {_address_field(part): address.get(part, "") for part in ADDRESS}

    @property
    def tax_id_rows(self) -> list[tuple[Any, Any]]:
        """The pairs of fields for tax ids."""
        return [
            (self[f"tax_id_{place}_type"], self[f"tax_id_{place}_value"])
            for place in self.tax_id_places
        ]

    def address_wanted(self) -> dict[str, Any]:
        """The address and the tax ids that were filled in."""
        data = self.cleaned_data
        self.kept = [place for place in self.tax_id_places if data.get(f"tax_id_{place}_value")]
        return {
            "address": {part: data.get(_address_field(part), "") for part in ADDRESS},
            "tax_ids": [
                {"type": data[f"tax_id_{place}_type"], "value": data[f"tax_id_{place}_value"]}
                for place in self.kept
            ],
        }

    def field_for(self, path: str) -> str | None:
        row = re.match(r"tax_ids\[(\d+)\]\.(type|value)", path)
        if row:
            return f"tax_id_{self.kept[int(row[1])]}_{row[2]}"
        return super().field_for(path)


def _address_field(part: str) -> str:
    return "postal_code" if part == "postal_code" else f"address_{part}"
