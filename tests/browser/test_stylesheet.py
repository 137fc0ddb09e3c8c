"""The stylesheet's promises, checked on the text of it: contrast, one dark theme, no strangers."""

import re

import pytest

from checkout.pages.brand import DARK_SURFACE, LIGHT_SURFACE, contrast
from config.env import BASE_DIR

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere

CSS = (BASE_DIR / "static" / "billhook.css").read_text()

# Text on what it may stand on: 4.5 to 1 (WCAG 2.2, 1.4.3).
TEXT = [
    *[(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("canvas", "surface")],
    *[(ink, "sunken") for ink in ("ink", "ink-2", "ink-3")],
    *[("accent-ink", ground) for ground in ("canvas", "surface", "sunken", "accent-soft")],
    *[(f"{hue}-ink", f"{hue}-soft") for hue in ("grey", "blue", "amber", "green", "red", "violet")],
    *[("red-ink", ground) for ground in ("canvas", "surface")],
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger"),
    ("on-danger", "danger-strong"),
    ("ink-2", "grey-soft"),
    ("ink", "accent-soft"),
]
# Borders and rings one must see to use a thing: 3 to 1 (1.4.11).
EDGES = [
    *[(edge, ground) for edge in ("edge", "focus", "accent") for ground in ("canvas", "surface")],
    ("danger", "surface"),
    ("accent", "grey-soft"),
]


def block(selector: str) -> dict[str, str]:
    """The custom properties set under a selector."""
    found = re.search(re.escape(selector) + r" \{(.*?)\n *\}", CSS, re.DOTALL)
    assert found, selector
    return dict(re.findall(r"--([a-z0-9-]+): ([^;]+);", found[1]))


LIGHT = block(":root")
DARK = {**LIGHT, **block(':root[data-theme="dark"]')}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT, ids="-on-".join)
def test_text_can_be_read(theme: str, front: str, back: str) -> None:
    tokens = {"light": LIGHT, "dark": DARK}[theme]
    assert contrast(tokens[front], tokens[back]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), EDGES, ids="-on-".join)
def test_edges_can_be_seen(theme: str, front: str, back: str) -> None:
    tokens = {"light": LIGHT, "dark": DARK}[theme]
    assert contrast(tokens[front], tokens[back]) >= 3


def test_dark_by_choice_is_dark_by_device() -> None:
    assert block(':root[data-theme="dark"]') == block(':root:not([data-theme="light"])')


def test_brand_colours_are_fitted_to_the_surfaces_there_are() -> None:
    assert (LIGHT["surface"], DARK["surface"]) == (LIGHT_SURFACE, DARK_SURFACE)


def test_nothing_is_fetched_from_elsewhere() -> None:
    addresses = re.findall(r"url\(\"?([^)\"]+)", CSS)
    assert all(address.startswith("data:") for address in addresses)
    assert "@import" not in CSS


def test_every_token_is_defined_and_used() -> None:
    used = set(re.findall(r"var\(--([a-z0-9-]+)", CSS))
    defined = set(re.findall(r"--([a-z0-9-]+):", CSS))
    assert used == defined
