"""Columns that keep numbers exactly on every database."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import Combinable

from invoicing import money

if TYPE_CHECKING:
    _Text = models.CharField[Decimal | int | None, Decimal]
    _Whole = models.BigIntegerField[int | Combinable | None, int]
else:
    _Text, _Whole = models.CharField, models.BigIntegerField


class ExactDecimalField(_Text):
    """A decimal kept as text, since SQLite would keep it as a float.

    Nothing is computed with it in SQL; it goes in as a Decimal and comes out the same.
    """

    description = "Exact decimal"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, *_: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else money.plain(Decimal(value))


class MinorUnitsField(_Whole):
    """A whole number of minor units of the row's asset."""

    description = "Minor units"
