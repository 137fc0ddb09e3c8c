"""How pages are looked at: on a small phone and on a large screen, in both themes."""

from typing import Any

from django.db import connection

# The database has no part in how a page looks: on SQLite it is seen from all sides, elsewhere the
# long tours only open their pages.
SEEN_ELSEWHERE = connection.vendor != "sqlite"
# What a theme does wrong, it does at any width.
LOOKS: list[tuple[int, Any]] = [(320, "light"), (1440, "dark")]
if SEEN_ELSEWHERE:
    LOOKS = []
