"""A merchant's colour on payer pages: kept recognisable, made readable in light and dark."""

import re
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "#1d6b52"
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
# The surfaces that buttons stand on, as in static/billhook.css.
LIGHT_SURFACE: Final = WHITE
DARK_SURFACE: Final = "#161d1a"
# WCAG 2.2: a button against what surrounds it (1.4.11), and the text on it (1.4.3).
EDGE_CONTRAST: Final = 3.0
TEXT_CONTRAST: Final = 4.5

_HEX = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Palette:
    """A button's colour, the text on it, and the colour while it is pointed at."""

    brand: str
    on_brand: str
    strong: str


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palette(color: str, surface: str) -> Palette:
    """The colour, moved away from the surface until a button of it stands out.

    Whatever the colour, either white or black reads on it; anything but a colour is the default.
    """
    brand = color if _HEX.fullmatch(color) else DEFAULT
    step = -0.02 if _luminance(surface) > 0.5 else 0.02
    while contrast(brand, surface) < EDGE_CONTRAST:
        brand = _lighter(brand, step)
    on_brand = WHITE if contrast(brand, WHITE) >= TEXT_CONTRAST else BLACK
    return Palette(brand, on_brand, _lighter(brand, -0.06 if on_brand == WHITE else 0.06))


def stylesheet(color: str) -> str:
    """The few lines of CSS that dress a payer's page in the merchant's colour."""
    light, dark = (
        f"--brand:{p.brand};--on-brand:{p.on_brand};--brand-strong:{p.strong}"
        for p in (palette(color, LIGHT_SURFACE), palette(color, DARK_SURFACE))
    )
    return (
        f":root{{{light}}}\n"
        "@media screen and (prefers-color-scheme:dark)"
        f'{{:root:not([data-theme="light"]){{{dark}}}}}\n'
        f'@media screen{{:root[data-theme="dark"]{{{dark}}}}}\n'
    )


def button_stylesheet(color: str) -> str:
    """CSS for a link of the class `billhook-button` on a page of somebody else's."""
    shown = palette(color, LIGHT_SURFACE)
    return (
        ".billhook-button{display:inline-block;box-sizing:border-box;min-height:44px;"
        "padding:12px 20px;border-radius:8px;font:600 16px/20px system-ui,sans-serif;"
        f"text-decoration:none;background:{shown.brand};color:{shown.on_brand}}}\n"
        f".billhook-button:hover{{background:{shown.strong}}}\n"
        f".billhook-button:focus-visible{{outline:3px solid {shown.brand};outline-offset:3px}}\n"
    )


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _lighter(color: str, by: float) -> str:
    """The same hue and saturation, lighter or (below zero) darker."""
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in _channels(color)))
    moved = hls_to_rgb(hue, min(max(lightness + by, 0.0), 1.0), saturation)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in moved)
