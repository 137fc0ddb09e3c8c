"""Asking axe-core what somebody could not use on a page."""

from functools import cache

from playwright.sync_api import Page

from config.env import BASE_DIR

AXE = BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 768, 1440)
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe() -> str:
    assert AXE.exists(), "axe-core is missing: npm install --ignore-scripts"
    return AXE.read_text()


def complaints(page: Page) -> list[str]:
    """What axe finds, and whether the page must be scrolled sideways (WCAG 1.4.10)."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    # Half a megabyte takes longer to bring than to run, so a page gets it once. It is evaluated by
    # the debugger, so the page's own policy against foreign scripts stays in force.
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(_axe())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    lines = [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        lines.append("the page is wider than the window")
    return lines


def complaints_everywhere(page: Page) -> list[str]:
    """What axe finds at every width and in both themes, without loading the page again."""
    lines = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            lines += [f"{width} {theme} {line}" for line in complaints(page)]
    return lines
