"""Every run has its own station: a temporary data folder, and no variable of the developer's environment.

The station is set up before Django's settings are loaded, because they read its configuration.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from skycam_project.config.model import VARIABLES
from tests.harness.stations.station import Station

if TYPE_CHECKING:
    from rest_framework.test import APIClient

pytest_plugins = ["tests.harness.fixtures", "tests.harness.runs.plugin"]
FOLDER = Path(tempfile.mkdtemp(prefix="own-"))
"""The run's own folder: the configuration file, and the data folder `data`."""
LAST_OUTPUT = 20_000
"""Characters of the output of a station that the report of a failed test shows."""


def leave_the_developers_environment() -> None:
    for name in [name for name in os.environ if name in VARIABLES or name.startswith("SKYCAM_")]:
        del os.environ[name]
    # Also if it is empty: because of it, the .env of the current folder is not read.
    database = os.environ.get("TEST_DATABASE_URL")
    (FOLDER / "skycam.yaml").write_text(f"database_url: {database}\n" if database else "")
    os.environ["SKYCAM_CONFIG"] = str(FOLDER / "skycam.yaml")
    os.environ["SKYCAM_DATA"] = str(FOLDER / "data")
    os.environ["SKYCAM_OFFSITE_ROOTS"] = f"{tempfile.gettempdir()}:/mnt"
    for name in ("LOWER_QUALITY", "LOWER_FPS"):  # a machine that runs tests may be busy
        os.environ[f"LIVE_STREAMING_CONFIG__CPU_THRESHOLDS__{name}"] = "0"


def restore_interrupts() -> None:
    """A shell that starts the tests in the background ignores Ctrl-C for them and for all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def load_settings() -> None:
    from django.conf import settings

    if settings.configured:
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE (and --ds): the tests load the settings by themselves.")
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    settings.PASSWORD_HASHERS = ["tests.harness.passwords.QuickPasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True  # each client of a test would read all static files at its first request
    # Tests use the station's own database file, so that the processes that they start see the same data.
    settings.DATABASES["default"]["TEST"] = {"NAME": settings.DATABASES["default"]["NAME"]}


leave_the_developers_environment()
restore_interrupts()
load_settings()


def pytest_xdist_setupnodes(config: pytest.Config, specs: object) -> None:
    """Each worker of pytest-xdist loads the settings by itself, for a station of its own."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its stations printed: a failure on a busy machine may not come again."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Station) and value.output_file.exists():
                report.sections.append((f"output of {name}", value.output()[-LAST_OUTPUT:]))
    return report


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> None:
    """Each worker has a database of its own: a copy of one that was migrated once for the whole run. One on PostgreSQL
    (TEST_DATABASE_URL) is migrated already."""
    from django.conf import settings

    from tests.harness.stations.migrated_database import place_database

    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        place_database(Path(settings.DATABASES["default"]["NAME"]).parent)


def pytest_unconfigure() -> None:
    from django.db import connections

    connections.close_all()
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(autouse=True)
def settings_cache_s(monkeypatch: pytest.MonkeyPatch) -> float:
    """How long a process of the station keeps its settings. In the tests' own process they are kept for the whole test:
    on a slow machine, a counted page would otherwise read them once more. Those of an earlier test are gone."""
    from core import station_settings

    kept_s = station_settings.CACHE_S
    monkeypatch.setattr(station_settings, "CACHE_S", 3600)
    station_settings.clear_cache()
    return kept_s


@pytest.fixture(autouse=True)
def used_pages_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the tests' own process, what the menu hides is kept for the whole test, as the settings are."""
    from skycam_project.pages import context

    monkeypatch.setattr(context, "CACHE_S", 3600)
    context.clear_cache()


@pytest.fixture(autouse=True)
def no_event_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules on events that a new station has open no alerts in tests of other things, and no query reads them. The
    tests of rules call `clear_cache`."""
    from monitoring.alert_rules import event_rules

    monkeypatch.setattr(event_rules, "_cache", (float("inf"), []))


def signed_in(role: str) -> APIClient:
    """A client with the session of a user of that role, named `a-ROLE`."""
    from rest_framework.test import APIClient

    from skycam_project.access.models import User

    client = APIClient()
    client.force_login(User.objects.create_user(username=f"a-{role}", role=role))
    return client


@pytest.fixture
def viewer(db: None) -> APIClient:
    return signed_in("viewer")


@pytest.fixture
def operator(db: None) -> APIClient:
    return signed_in("operator")


@pytest.fixture
def manager(db: None) -> APIClient:
    return signed_in("manager")


@pytest.fixture
def stranger(db: None) -> APIClient:
    """A client that is signed in as a user without a role."""
    return signed_in("none")


@pytest.fixture
def anonymous(db: None) -> APIClient:
    """A client that is not signed in."""
    from rest_framework.test import APIClient

    return APIClient()
