"""The screenshots of a night's report: a simulated night on a virtual clock, as its page shows it."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, Page

from scheduler.models import CameraNight, ReportedNight
from scheduler.reports.nightly import store as store_report
from scheduler.reports.nightly import write_file
from scheduler.reports.report import night_report
from skycam_project.access.models import User
from tests.harness.project import PROJECT
from tests.harness.runs.folder import memory
from tests.harness.scenarios.simulated_night import DUSK, NIGHT, ingest_night, run_night
from tests.harness.stations.web_server import Web

PICTURES = PROJECT / "docs" / "pictures"
NAMES = ("night-report", "night-report-dark", "night-exposure", "nights")
COLOURS = 256
LOADED = "[...document.images].every((image) => image.complete && image.naturalWidth)"


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=memory()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def page(
    module_web: Web, beside_a_browser: None, transactional_db: None, chromium: Browser, folder: Path
) -> Iterator[Page]:
    """A manager's window on a station that has the night, and the nights before it."""
    run_night(folder)
    camera = ingest_night(folder)
    for number in range(1, 20):
        night = ReportedNight.objects.create(night=DUSK.date() - timedelta(days=number), fingerprint="-", sentence="")
        lost = 18 * number % 7 * 20 * (number % 3 == 0)
        CameraNight.objects.create(
            night=night, camera=camera, planned=990, saved=990 - lost, failed=0, skipped=lost, lost_s=60.0 * lost,
            lost_by_reason={"unsafe": 60.0 * lost} if lost else {}, is_complete=not lost,
        )  # fmt: skip
    later = (ReportedNight(night=DUSK.date() + timedelta(days=n), fingerprint="-", sentence="") for n in range(1, 14))
    ReportedNight.objects.bulk_create(later)
    report = night_report(DUSK.date())
    store_report(report, "-", write_file(report))
    client, url = Client(headers={"user-agent": "Mozilla/5.0"}), f"http://127.0.0.1:{module_web.port}"
    client.force_login(User.objects.create_user("ada", role="manager"))
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, base_url=url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    yield context.new_page()
    context.close()


def store(name: str, picture: bytes) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def in_theme(page: Page, theme: str, address: str) -> None:
    page.goto(address)
    page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
    page.reload()
    page.wait_for_function(LOADED)


def test_the_pictures_are_there() -> None:
    assert [name for name in NAMES if not (PICTURES / f"{name}.png").exists()] == []


@pytest.mark.prove
def test_the_pictures_are_taken_again(page: Page) -> None:
    address = f"/nights/{NIGHT}/"
    in_theme(page, "light", address)
    store("night-report", page.screenshot(full_page=True))
    store("night-exposure", page.locator(".night-of-camera").screenshot())
    in_theme(page, "dark", address)
    store("night-report-dark", page.screenshot(full_page=True))
    in_theme(page, "light", f"/nights/?month={NIGHT[:7]}")
    store("nights", page.screenshot())
