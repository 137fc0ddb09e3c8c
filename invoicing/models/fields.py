"""Columns that keep numbers exactly on every database."""

from decimal import Decimal
from typing import Any

from django.db import models

from invoicing import money


class ExactDecimalField(models.CharField):
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


class MinorUnitsField(models.BigIntegerField):
    """A whole number of minor units of the row's asset."""

    description = "Minor units"
