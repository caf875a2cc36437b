"""Debian's Chromium without a window: it needs a third of the processor time of the whole browser."""

from __future__ import annotations

import asyncio
from asyncio import _set_running_loop as set_running_loop  # asyncio documents it for those who make loops
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.harness.waiting import PATIENCE_S

CHROMIUM = "/usr/bin/chromium-headless-shell"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = PATIENCE_S * 1000


class SharedChromium:
    """One browser for all modules that a worker runs.

    Playwright's event loop runs in this thread. It is hidden while no module uses the browser: asynchronous tests of
    other modules start a loop of their own.
    """

    def __init__(self) -> None:
        expect.set_options(timeout=PATIENCE_MS)
        self._playwright = sync_playwright().start()
        self._loop = asyncio.get_running_loop()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        set_running_loop(None)

    @contextmanager
    def in_use(self) -> Iterator[Browser]:
        set_running_loop(self._loop)
        try:
            yield self._browser
        finally:
            set_running_loop(None)

    def close(self) -> None:
        with self.in_use():
            self._browser.close()
            self._playwright.stop()
