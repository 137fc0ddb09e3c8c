"""How pages are looked at: on a small phone and on a large screen, in both themes."""

from typing import Any

# What a theme does wrong, it does at any width.
LOOKS: list[tuple[int, Any]] = [(320, "light"), (1440, "dark")]
