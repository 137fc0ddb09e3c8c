"""A checkout page as a form without script: what it asks for, whom it asks what, where it leads."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from checkout.inputs import MOST_FIELDS, MOST_ITEMS, CheckoutPageChanges, CheckoutPageInput
from checkout.models import CheckoutPage
from invoicing import money
from invoicing.dashboard import choices
from invoicing.dashboard.forms import Check, Choice, Day, InputForm, Text, whole
from invoicing.models import Merchant

Row = dict[str, str]
DECIMAL: Final = {"inputmode": "decimal", "class": "num"}
WHOLE: Final = {"inputmode": "numeric", "class": "num"}
WAYS: Final[list[tuple[str, Any]]] = [
    ("amount", gettext_lazy("A fixed amount")),
    ("choice", gettext_lazy("An amount that the payer chooses")),
    ("items", gettext_lazy("Items, of which the payer takes some")),
    ("invoice", gettext_lazy("What each invoice says that names the page")),
]
TYPES: Final[list[tuple[str, Any]]] = [
    ("text", gettext_lazy("A line of text")),
    ("long_text", gettext_lazy("Several lines of text")),
    ("choice", gettext_lazy("One of several choices")),
    ("checkbox", gettext_lazy("A box to tick")),
    ("number", gettext_lazy("A number")),
    ("date", gettext_lazy("A date")),
]
RAILS: Final[list[tuple[str, Any]]] = [
    ("card", gettext_lazy("Card")),
    ("ach", gettext_lazy("American bank account")),
    ("usdc", "USDC"),
]
# The rows that come and go: what each has, and how many there can be.
ITEM: Final = ("name", "description", "unit_price", "tax_rate", "max_per_order", "stock", "id")
QUESTION: Final = ("label", "type", "help", "required", "choices", "key")
NEW: Final[dict[str, Row]] = {
    "item": dict.fromkeys(ITEM, "") | {"max_per_order": "10"},
    "question": dict.fromkeys(QUESTION, "") | {"type": "text"},
}
MOST: Final = {"item": MOST_ITEMS, "question": MOST_FIELDS}


class PageForm(InputForm):
    """What a checkout page is made of."""

    reads = CheckoutPageInput
    title = Text(gettext_lazy("Title"))
    description = Text(gettext_lazy("What the page says"), lines=4)
    asks = Choice(gettext_lazy("It asks for"), widget=forms.RadioSelect(choices=WAYS))
    currency = Choice(gettext_lazy("Currency"))
    wallet_id = Choice(gettext_lazy("Wallet that receives"))
    amount = Text(gettext_lazy("Amount"), attrs=DECIMAL)
    least = Text(gettext_lazy("At least"), attrs=DECIMAL)
    most = Text(gettext_lazy("At most"), attrs=DECIMAL)
    suggested = Text(
        gettext_lazy("Suggested amounts"),
        attrs={"inputmode": "text"},
        help_text=gettext_lazy("Up to six, with spaces between them, such as: 5 10 25"),
    )
    item_description = Text(
        gettext_lazy("What the invoice bills"), help_text=gettext_lazy("The title when left empty.")
    )
    active = Check(gettext_lazy("Payers can begin to pay there"))
    max_uses = Text(gettext_lazy("How often in all"), attrs=WHOLE)
    expires_at = Day(gettext_lazy("Until the end of"))
    success_url = Text(gettext_lazy("Where to go once it is paid"), attrs={"inputmode": "url"})
    cancel_url = Text(gettext_lazy("Where to go without paying"), attrs={"inputmode": "url"})
    rails = forms.MultipleChoiceField(
        label=gettext_lazy("Ways to pay"),
        required=False,
        choices=RAILS,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("With none ticked, all that you take."),
    )
    embed_origins = Text(
        gettext_lazy("Sites that may show it in a frame"),
        lines=2,
        attrs={"spellcheck": "false"},
        help_text=gettext_lazy("One to a line, such as https://shop.example.com"),
    )

    aliases: ClassVar[dict[str, str]] = {
        "payer_amount": "least",
        "payer_amount.least": "least",
        "payer_amount.most": "most",
        "payer_amount.suggested": "suggested",
        "items": "asks",
        "custom_fields": "title",
    }

    def __init__(
        self,
        data: Any = None,
        *,
        merchant: Merchant,
        rows: Mapping[str, list[Row]] | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.merchant = merchant
        given = typed_rows(data) if data is not None else (rows or {})
        self.rows = {name: list(given.get(name, [])) for name in NEW}
        for name, fields in (("item", self._item_fields), ("question", self._question_fields)):
            for place, row in enumerate(self.rows[name]):
                for part, made in fields(place + 1).items():
                    made.initial = row[part]
                    self.fields[f"{name}_{place}_{part}"] = made
        wallets = merchant.wallets.filter(archived_at=None).order_by("pk")
        default = _("As your business (%(code)s)") % {"code": merchant.currency}
        self.offer(
            currency=choices.currencies(default),
            wallet_id=[
                ("", _("The default of the currency")),
                *((row.public_id, f"{row.name} · {row.currency}") for row in wallets),
            ],
        )

    def _item_fields(self, number: int) -> dict[str, Any]:
        def called(what: Any) -> str:
            return _("Item %(number)s: %(what)s") % {"number": number, "what": what}

        return {
            "name": Text(called(_("name"))),
            "description": Text(called(_("description"))),
            "unit_price": Text(called(_("price")), attrs=DECIMAL),
            "tax_rate": Text(called(_("tax in percent")), attrs=DECIMAL),
            "max_per_order": Text(called(_("most per order")), attrs=WHOLE),
            "stock": Text(called(_("stock")), attrs=WHOLE),
            "id": Text("", widget=forms.HiddenInput()),
        }

    def _question_fields(self, number: int) -> dict[str, Any]:
        def called(what: Any) -> str:
            return _("Question %(number)s: %(what)s") % {"number": number, "what": what}

        return {
            "label": Text(called(_("label"))),
            "type": Choice(called(_("kind")), TYPES),
            "help": Text(called(_("help"))),
            "required": Check(called(_("must be answered"))),
            "choices": Text(called(_("choices, one to a line")), lines=3),
            "key": Text("", widget=forms.HiddenInput()),
        }

    # What it becomes

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        way = data.get("asks") or "invoice"
        chosen = {
            "least": data.get("least", ""),
            "most": data.get("most") or None,
            "suggested": re.split(r"[\s;]+", data.get("suggested", "").strip() or ""),
        }
        chosen["suggested"] = [text for text in chosen["suggested"] if text]
        texts = ("title", "description", "item_description", "success_url", "cancel_url")
        return {
            **{name: data.get(name, "") for name in texts},
            "currency": data.get("currency") or None,
            "wallet_id": data.get("wallet_id") or None,
            "amount": data.get("amount", "") if way == "amount" else None,
            "payer_amount": chosen if way == "choice" else None,
            "items": self._items() if way == "items" else [],
            "active": bool(data.get("active")),
            "max_uses": whole(data.get("max_uses", "")) or None,
            "expires_at": self._ends(data.get("expires_at", "")),
            "custom_fields": self._questions(),
            "rails": data.get("rails", []),
            "embed_origins": data.get("embed_origins", "").split(),
        }

    def _ends(self, day: str) -> Any:
        """The day as it was typed; the very instant that was set before, if that is its day."""
        before = self.initial.get("expires_at")
        return self.initial["ends"] if day and before and day == str(before) else day or None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("asks") == "items" and not self.rows["item"]:
            self.add_error("asks", _("Add an item first."))
            self.input = None
        return cleaned

    def _items(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row["id"] or None,
                "name": row["name"],
                "description": row["description"],
                "unit_price": row["unit_price"],
                "tax_rate": row["tax_rate"] or None,
                "max_per_order": whole(row["max_per_order"]) if row["max_per_order"] else 10,
                "stock": whole(row["stock"]) if row["stock"] else None,
            }
            for row in self.rows["item"]
        ]

    def _questions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for row in self.rows["question"]:
            key = row["key"] or key_of(row["label"], {each["key"] for each in found})
            lines = [line.strip() for line in row["choices"].splitlines() if line.strip()]
            found.append(
                {
                    **{name: row[name] for name in ("label", "help")},
                    "key": key,
                    "type": row["type"] or "text",
                    "required": bool(row["required"]),
                    "choices": lines if row["type"] == "choice" else [],
                }
            )
        return found

    def field_for(self, path: str) -> str | None:
        found = re.match(r"(items|custom_fields)\[(\d+)\](?:\.(\w+))?", path)
        if found is None:
            return super().field_for(path)
        name, first = ("item", "name") if found[1] == "items" else ("question", "label")
        field = f"{name}_{found[2]}_{found[3] or first}"
        return field if field in self.fields else f"{name}_{found[2]}_{first}"

    # How it is drawn

    @property
    def items(self) -> list[dict[str, Any]]:
        """The fields of each item, and its place."""
        return self._shown("item", ITEM)

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The same of each question."""
        return self._shown("question", QUESTION)

    def _shown(self, name: str, parts: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {"place": place, **{part: self[f"{name}_{place}_{part}"] for part in parts}}
            for place in range(len(self.rows[name]))
        ]

    @property
    def can_have_more(self) -> dict[str, bool]:
        """Whether another item, another question fits."""
        return {name: len(rows) < MOST[name] for name, rows in self.rows.items()}


class PageChangesForm(PageForm):
    """The same, for a page that is there."""

    reads = CheckoutPageChanges


def typed_rows(data: Any) -> dict[str, list[Row]]:
    """The rows of a form as they were sent, right or wrong."""
    found = {}
    for name, new in NEW.items():
        first = next(iter(new))
        places = sum(1 for key in data if re.fullmatch(rf"{name}_\d{{1,2}}_{first}", str(key)))
        found[name] = [
            {part: str(data.get(f"{name}_{place}_{part}", "")).strip() for part in new}
            for place in range(min(places, MOST[name]))
        ]
    return found


def reshaped(data: Any, do: str) -> dict[str, list[Row]] | None:
    """The rows with one more or less, as the button asks (`add-item`, `remove-question-2`)."""
    asked = re.fullmatch(r"(add|remove)-(item|question)(?:-(\d{1,2}))?", do)
    if asked is None:
        return None
    rows = typed_rows(data)
    mine = rows[asked[2]]
    if asked[1] == "add":
        mine.append(dict(NEW[asked[2]]))
    elif asked[3] and int(asked[3]) < len(mine):
        del mine[int(asked[3])]
    rows[asked[2]] = mine[: MOST[asked[2]]]
    return rows


def key_of(label: str, taken: set[str]) -> str:
    """What the answer to a question is called: its label in small letters, each key once."""
    plain = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:36]
    key = first = plain if re.match("[a-z]", plain) else f"field_{plain}".rstrip("_")
    number = 2
    while key in taken:
        key, number = f"{first}_{number}", number + 1
    return key


def initial_of(page: CheckoutPage) -> dict[str, Any]:
    """A page as its form shows it, but for the rows."""

    def text(amount: int | None) -> str:
        return "" if amount is None else money.to_text(amount, page.currency)

    return {
        **{name: getattr(page, name) for name in _SAME},
        "asks": page.asks,
        "wallet_id": page.wallet.public_id if page.wallet else "",
        "amount": text(page.amount),
        "least": text(page.amount_least),
        "most": text(page.amount_most),
        "suggested": " ".join(text(amount) for amount in page.suggested_amounts),
        "embed_origins": "\n".join(page.embed_origins),
    }


_SAME: Final = (
    "title",
    "description",
    "currency",
    "item_description",
    "active",
    "max_uses",
    "success_url",
    "cancel_url",
    "rails",
)


def rows_of(page: CheckoutPage) -> dict[str, list[Row]]:
    """A page's items and questions as they are typed."""
    items = [
        {
            "name": row.name,
            "description": row.description,
            "unit_price": money.to_text(row.unit_price, page.currency),
            "tax_rate": "" if row.tax_rate is None else money.plain(row.tax_rate),
            "max_per_order": str(row.max_per_order),
            "stock": "" if row.stock is None else str(row.stock),
            "id": row.public_id,
        }
        for row in page.on_sale
    ]
    questions = [
        {
            **{name: asked[name] for name in ("label", "type", "help", "key")},
            "required": "1" if asked["required"] else "",
            "choices": "\n".join(asked["choices"]),
        }
        for asked in page.custom_fields
    ]
    return {"item": items, "question": questions}
