"""What a browser finds wrong with the page that it shows: barriers, too wide content, colours that dazzle at night."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from tests.harness.project import PROJECT

AXE = (PROJECT / "tests" / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text(encoding="utf-8")
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
"""The rules of axe whose outcome depends on the theme, where the elements are the same."""
VIOLATIONS = """async (only) => {
    const found = await axe.run({resultTypes: ["violations"], ...(only && {runOnly: only})});
    return found.violations.map(
        (v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
}"""
WIDTHS = """async () => {
    // A canvas gets its new size from a script, with the next frame.
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return [document.documentElement.scrollWidth, document.documentElement.clientWidth];
}"""
CUT_CHOICES = """async () => {
    // Collapsed parts of a form have no width.
    document.querySelectorAll("main details").forEach((one) => { one.open = true; });
    await document.fonts.ready;
    return [...document.querySelectorAll("main select")].flatMap((select) => {
        const has = select.getBoundingClientRect().width;
        const needed = select.cloneNode(true);
        needed.style.cssText = "position: absolute; width: max-content";
        select.after(needed);
        const needs = needed.getBoundingClientRect().width;
        needed.remove();
        return needs > has + 0.5 ? [`${select.name} has ${Math.floor(has)} of ${Math.ceil(needs)} px`] : [];
    });
}"""
SET_THEME = """(theme) => {
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
    for (const animation of document.getAnimations()) {
        if (animation instanceof CSSTransition) animation.finish();
    }
}"""

IS_LINE = """(share) => {
    const canvas = document.querySelector(".chart canvas");
    const plot = document.querySelector(".chart .u-over").getBoundingClientRect();
    const left = plot.left - canvas.getBoundingClientRect().left + plot.width * share;
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    const pixels = canvas.getContext("2d").getImageData(Math.round(left * scale), 0, 1, canvas.height).data;
    return Array.from({length: canvas.height}, (_, y) => pixels.slice(4 * y, 4 * y + 4))
        .some(([r, g, b, a]) => a > 200 && b > 150 && r < 120);
}"""


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, by all its rules or by these."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(VIOLATIONS, rules)
    return found


def violations_in_themes(page: Page) -> dict[str, list[str]]:
    """What axe finds in each theme where it finds something. The page stays in the red theme, whose elements are most:
    all rules are checked in it, and in the others those of colours."""
    found = {}
    for theme, rules in (("light", COLOUR_RULES), ("dark", COLOUR_RULES), ("red", None)):
        page.evaluate(SET_THEME, theme)
        found[theme] = violations(page, rules)
    return {theme: sentences for theme, sentences in found.items() if sentences}


def overflowing(page: Page, *widths: int) -> list[int]:
    """Those of these window widths that the content exceeds. The window keeps the last one."""
    return [width for width in widths if _overflows(page, width)]


def _overflows(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 844})
    scrolled, shown = page.evaluate(WIDTHS)
    return bool(scrolled > shown)


def cut_choices(page: Page, *widths: int) -> dict[int, list[str]]:
    """The selects that are narrower than their longest choice and the arrow, at each of these window widths where there
    are any. The window keeps the last width, and the page's details stay open."""
    found = {width: _cut_choices(page, width) for width in widths}
    return {width: sentences for width, sentences in found.items() if sentences}


def _cut_choices(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 844})
    found: list[str] = page.evaluate(CUT_CHOICES)
    return found


def barriers_at(page: Page, *widths: int) -> dict[int, list[str]]:
    """What axe finds at each of these window widths where it finds something or the content exceeds the window."""
    found = {width: ["too wide"] * _overflows(page, width) + violations(page) for width in widths}
    return {width: sentences for width, sentences in found.items() if sentences}


def barriers_on(page: Page, *paths: str) -> list[str]:
    """What axe finds in each theme on pages with these addresses, and the widths of a phone and a tablet that a page
    exceeds."""
    found: list[str] = []
    for path in paths:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(path)
        found += [f"{path}, {theme}: {sentences}" for theme, sentences in violations_in_themes(page).items()]
        found += [f"{path} is wider than {width}" for width in overflowing(page, 390, 768)]
    return found


def brightest_other_than_red(page: Page, **screenshot: Any) -> int:
    """The largest green or blue value of the page's pixels, of 255."""
    page.evaluate("document.fonts.ready")
    pixels = np.asarray(Image.open(io.BytesIO(page.screenshot(**screenshot))).convert("RGB"))
    return int(pixels[..., 1:].max())


def drawn_at(page: Page, *shares: float) -> list[bool]:
    """Whether the first line of the first chart is drawn at these shares of its width, in the light theme."""
    return [page.evaluate(IS_LINE, share) for share in shares]
