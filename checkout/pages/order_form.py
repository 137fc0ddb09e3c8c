"""The form of a checkout page: what a payer can order there, what was typed, what is wrong."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from checkout import ordering
from checkout.inputs import PayerInput
from checkout.models import CheckoutPage
from checkout.ordering import Order
from checkout.pages.hosted import amount_in
from invoicing import clock, inputs
from invoicing.errors import ValidationFailed


@dataclass
class OrderForm:
    """One checkout page as its payer fills it in, in the language that is active."""

    page: CheckoutPage
    typed: QueryDict = field(default_factory=QueryDict)
    # By the place that each is about: name, email, amount, items, items.ci_…, custom_fields.….
    errors: dict[str, str] = field(default_factory=dict)
    # For a page that is only being written: nothing of it is looked up.
    is_preview: bool = False

    @cached_property
    def at(self) -> datetime:
        return clock.now(self.page.merchant)

    @cached_property
    def closed(self) -> str:
        """Why nobody can begin here now: inactive, ended, used_up, sold_out, by_invoice; or ""."""
        page = self.page
        if not page.active:
            return "inactive"
        if page.has_ended(self.at):
            return "ended"
        if page.asks == "invoice":
            return "by_invoice"
        if self.is_preview:
            return ""
        if page.max_uses is not None and ordering.uses_of(page, self.at) >= page.max_uses:
            return "used_up"
        if page.asks == "items" and all(row["most"] == 0 for row in self.items):
            return "sold_out"
        return ""

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The items with how many one can take now, what was typed and what is wrong."""
        on_sale = self.page.on_sale
        left = {} if self.is_preview else ordering.left_of(self.page, self.at)
        rows = []
        for item in on_sale:
            few = left.get(item.pk)
            most = item.max_per_order if few is None else min(few, item.max_per_order)
            usual = "1" if len(on_sale) == 1 else "0"
            rows.append(
                {
                    "item": item,
                    "most": most,
                    # Only what makes a difference to somebody is told.
                    "few": few if few is not None and few <= 10 else None,
                    "typed": self.typed.get(f"item_{item.public_id}", usual),
                    "error": self.errors.get(f"items.{item.public_id}", ""),
                }
            )
        return rows

    @property
    def suggestions(self) -> list[tuple[str, int, bool]]:
        """What can be chosen with one press: its value, the amount, whether it is chosen."""
        chosen = self.typed.get("suggested", "")
        return [(str(one), one, chosen == str(one)) for one in self.page.suggested_amounts]

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What is asked besides, with what was typed and what is wrong."""
        return [
            {
                **asked,
                "name": f"field_{asked['key']}",
                "typed": self.typed.get(f"field_{asked['key']}", ""),
                "error": self.errors.get(f"custom_fields.{asked['key']}", ""),
            }
            for asked in self.page.custom_fields
        ]

    @property
    def name(self) -> str:
        return self.typed.get("name", "")

    @property
    def email(self) -> str:
        return self.typed.get("email", "")

    @property
    def amount(self) -> str:
        return self.typed.get("amount", "")

    def read(self) -> Order:
        """What was sent. Raises ValidationFailed for what cannot be read at all; `errors` are
        filled by `refuse`."""
        problems: list[tuple[str, str]] = []
        payer = None
        try:
            payer = inputs.read(
                PayerInput, {"name": self.name.strip(), "email": self.email.strip()}
            )
        except ValidationFailed as refusal:
            problems += refusal.fields
        amount = self._amount(problems) if self.page.asks == "choice" else None
        quantities = self._quantities(problems) if self.page.asks == "items" else {}
        answers = {
            asked["key"]: self.typed.get(f"field_{asked['key']}", "")
            for asked in self.page.custom_fields
        }
        if problems or payer is None:
            ordering.answers_of(self.page.custom_fields, answers, problems)
            raise ValidationFailed(problems)
        return Order(payer, amount, quantities, answers)

    def refuse(self, refusal: ValidationFailed) -> None:
        """Put what is wrong beside what it is about."""
        said = {
            "name": _("Please write your name, in up to 200 characters."),
            "email": _("Please write an email address such as name@example.com."),
        }
        for place, message in refusal.fields:
            self.errors.setdefault(place, said.get(place, message))

    def _amount(self, problems: list[tuple[str, str]]) -> int | None:
        typed = self.typed.get("amount", "").strip()
        suggested = self.typed.get("suggested", "")
        if not typed:
            known = {str(amount): amount for amount in self.page.suggested_amounts}
            return known.get(suggested)
        try:
            return amount_in(typed, self.page.currency)
        except ValidationFailed as refusal:
            problems += refusal.fields
            return None

    def _quantities(self, problems: list[tuple[str, str]]) -> dict[str, int]:
        found = {}
        for name, text in self.typed.items():
            if not name.startswith("item_ci_") or not isinstance(text, str):
                continue
            public_id = name.removeprefix("item_")
            if re.fullmatch(r"\s*[0-9]{1,6}\s*", text, re.ASCII):
                found[public_id] = int(text)
            elif text.strip():
                said = _("Please write a whole number, such as 2.")
                problems.append((f"items.{public_id}", said))
        return found
