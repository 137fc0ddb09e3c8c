"""A merchant's colour, made readable without becoming another colour."""

from colorsys import rgb_to_hls

from hypothesis import given
from hypothesis import strategies as st

from checkout.pages import brand

colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
surfaces = st.sampled_from([brand.LIGHT_SURFACE, brand.DARK_SURFACE])


def hue(color: str) -> float:
    return rgb_to_hls(*(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0]


@given(colors, surfaces)
def test_any_colour_makes_a_button_that_is_seen_and_read(color: str, surface: str) -> None:
    made = brand.palette(color, surface)
    assert brand.contrast(made.brand, surface) >= 3
    assert brand.contrast(made.on_brand, made.brand) >= 4.5
    assert brand.contrast(made.on_brand, made.strong) >= 4.5


def test_a_colour_that_is_readable_already_stays_as_it_is() -> None:
    assert brand.palette("#2f5d50", brand.LIGHT_SURFACE).brand == "#2f5d50"


def test_a_pale_colour_darkens_and_keeps_its_hue() -> None:
    made = brand.palette("#ffd500", brand.LIGHT_SURFACE)
    assert made.brand != "#ffd500"
    assert abs(hue(made.brand) - hue("#ffd500")) < 0.01


def test_what_is_no_colour_is_the_default() -> None:
    for bad in ("", "red", "#FFF", "#12345g", "url(x)", "#ffffff;}body{display:none"):
        assert brand.palette(bad, brand.LIGHT_SURFACE).brand == brand.DEFAULT


def test_the_known_contrasts() -> None:
    assert round(brand.contrast("#000000", "#ffffff"), 2) == 21
    assert round(brand.contrast("#767676", "#ffffff"), 2) == 4.54
