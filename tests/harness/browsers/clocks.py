"""The fake clock of a page."""

from __future__ import annotations

from playwright.sync_api import Page

JUMP_S = 60.0
"""More than a busy machine takes between two requests to the browser: a clock cannot pause in the past."""


def pause_clock(page: Page) -> None:
    """From now on no timer of the page fires; those of the next minute have. Its clock was installed before."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + JUMP_S)


def let_events_through(page: Page) -> bool:
    """Handle what the browser has reported until now: requests, sockets. True."""
    page.evaluate("0")
    return True
