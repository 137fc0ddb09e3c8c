"""How pages are looked at: every width and both themes."""

from typing import Any

from django.db import connection

# What a theme does wrong, it does at any width.
LOOKS: list[tuple[int, Any]] = [(320, "light"), (768, "dark"), (1440, "light")]
if connection.vendor != "sqlite":
    # The database has no part in how a page looks: it has been seen already.
    LOOKS = LOOKS[:1]
