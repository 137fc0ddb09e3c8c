"""A form with rows that come and go without script: one button adds, one takes away."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from django.http import QueryDict

from invoicing.dashboard.forms import InputForm

Row = dict[str, str]


class RowsForm(InputForm):
    """A form that also has rows, each of the same few fields."""

    # The fields of a row are `{row_name}_{place}_{part}`; the first part counts the rows.
    row_name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    new_row: ClassVar[Row]
    most_rows: ClassVar[int]

    def __init__(self, *args: Any, rows: Sequence[Row], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = range(len(self.typed_rows(self.data)) if self.is_bound else len(rows))
        for place in self.places:
            row = self.new_row if self.is_bound else rows[place]
            for part, field in self.row_fields(place + 1):
                field.initial = row[part]
                self.fields[self.name_of(place, part)] = field

    def row_fields(self, number: int) -> Iterable[tuple[str, Any]]:
        """The fields of the row that people count as this number, by part."""
        raise NotImplementedError

    @classmethod
    def name_of(cls, place: int, part: str) -> str:
        """What a row's field is called."""
        return f"{cls.row_name}_{place}_{part}"

    @classmethod
    def typed_rows(cls, data: Any) -> list[Row]:
        """The rows of a form as they were sent, right or wrong."""
        counted = re.compile(rf"{cls.row_name}_\d{{1,2}}_{cls.parts[0]}")
        places = sum(1 for name in data if counted.fullmatch(str(name)))
        return [
            {part: str(data.get(cls.name_of(place, part), "")).strip() for part in cls.parts}
            for place in range(min(places, cls.most_rows))
        ]

    @classmethod
    def reshaped(cls, data: QueryDict, initial: dict[str, Any], **kwargs: Any) -> Self | None:
        """The form with a row more or less, as its buttons ask; None where they do not."""
        rows, remove = cls.typed_rows(data), data.get("remove", "")
        if remove.isdecimal() and int(remove) < len(rows):
            del rows[int(remove)]
        elif "add" in data:
            rows = [*rows, cls.new_row][: cls.most_rows]
        else:
            return None
        typed = {name: data.get(name, "") for name in initial}
        return cls(rows=rows, initial=typed, **kwargs)

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """The fields of each row, and its place."""
        return [
            {"place": place, **{part: self[self.name_of(place, part)] for part in self.parts}}
            for place in self.places
        ]

    def cleaned_row(self, place: int) -> Row:
        """What was typed in a row."""
        return {part: self.cleaned_data.get(self.name_of(place, part), "") for part in self.parts}
