"""How pages are looked at: on a small phone and on a large screen, in both themes."""

from typing import Any

from django.db import connection

# What a theme does wrong, it does at any width.
LOOKS: list[tuple[int, Any]] = [(320, "light"), (1440, "dark")]
if connection.vendor != "sqlite":
    # The database has no part in how a page looks: it has been seen already.
    LOOKS = LOOKS[:1]
