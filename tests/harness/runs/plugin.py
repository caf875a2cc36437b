"""How pytest runs the tests: contained, one tier of them, and those that share a station on one worker."""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.harness.project import PROJECT
from tests.harness.runs.examples import load_profile
from tests.harness.runs.folder import CONTAINED
from tests.harness.runs.tiers import MARKERS, Tier, tiers_of
from tests.harness.runs.turns import Turns, others_run, place_of

CONTAIN = str(PROJECT / "scripts" / "contain.py")
PLAIN_STATION, PAGES = "plain station", "pages"
SHARED = {
    PLAIN_STATION: re.compile(r"\bplain_station: Station\b"),
    PAGES: re.compile(r"\b(site: Site|page: Page|chromium: Browser)\b"),
}
"""A station of a worker that its next files use, too (shared.py) -> the fixtures that use it."""
STATIONS = re.compile(r"tests\.harness\.(stations\.station|scenarios|kills)\b")
"""What files import that start stations."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("skycam")
    group.addoption("--tier", choices=[*Tier], help="Run this tier alone. Default: all but `prove`.")
    group.addoption("--failures", metavar="FILE", help="Write the failed tests and their output to a file, as JSON.")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    load_profile(config.getoption("tier"))
    gc.disable()
    if is_controller(config):
        if CONTAINED not in os.environ:
            contain(config)
        # Short: the path of a socket may have 107 characters.
        config.option.basetemp = config.option.basetemp or tempfile.mkdtemp(prefix="t")
        if file := config.getoption("failures"):
            config.pluginmanager.register(FailureLog(Path(file), config))
    elif not is_inside_test():
        config.pluginmanager.register(Turns(place_of(worker_number(config))))


def is_controller(config: pytest.Config) -> bool:
    """Whether this process is no worker of pytest-xdist."""
    return not hasattr(config, "workerinput")


def worker_number(config: Any) -> int:
    return int(config.workerinput["workerid"].removeprefix("gw"))


def is_inside_test() -> bool:
    """Whether a test has started this run: it has its turn."""
    return "PYTEST_CURRENT_TEST" in os.environ


def pytest_report_header(config: pytest.Config) -> str | None:
    waits = config.getoption("numprocesses") and not is_inside_test() and others_run()
    return "Other tests run on this machine: both take turns, file by file." if waits else None


def contain(config: pytest.Config) -> None:
    """Start this run again, below a process that ends all that it started. Does not return."""
    capturing: Any = config.pluginmanager.getplugin("capturemanager")
    capturing.suspend_global_capture(in_=True)
    # Set by tests/conftest.py for this process, and made again in the next one.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    os.execv(sys.executable, [sys.executable, CONTAIN, *sys.orig_argv])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("tier")
    chosen, others = [], []
    for item in items:
        tiers = tiers_of(item)
        (chosen if (wanted in tiers if wanted else tiers != {Tier.PROVE}) else others).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=others)


def pytest_collection_finish() -> None:
    """From here on, the thousands of collected tests are no work for each garbage collection."""
    gc.freeze()
    gc.enable()


class FailureLog:
    """The failed tests of a run, with all that is known of the first failure of each. Each is printed as it happens: a
    run that is killed has then named them."""

    def __init__(self, file: Path, config: pytest.Config) -> None:
        self.file = file
        self.failed: dict[str, str] = {}
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            sections = [f"--- {title} ---\n{text}" for title, text in report.sections]
            output = "\n".join([f"in its {report.when}", report.longreprtext, *sections])
            self.failed.setdefault(report.nodeid, output)
            self._print(report)

    def _print(self, report: pytest.TestReport) -> None:
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        crash = getattr(report.longrepr, "reprcrash", None)
        reporter.ensure_newline()
        reporter.write_line(f"FAILED {report.nodeid} in its {report.when}: {crash.message if crash else ''}"[:1000])
        reporter.flush()

    def pytest_sessionfinish(self) -> None:
        self.file.write_text(json.dumps(self.failed, indent=1))


class Affinity(LoadFileScheduling):
    """Files that share a station run on the worker that has it, as long as others have something else to do. Those that
    start stations come first: one that begins at the end would keep the others waiting."""

    def _assign_work_unit(self, node: Any) -> None:
        mine = {shared_by(file) for file in self.assigned_work.get(node, {})} - {None}
        others = {shared_by(file) for work in self.assigned_work.values() for file in work} - {None} - mine
        # `popitem` of the base class takes the first one.
        self.workqueue.move_to_end(min(self.workqueue, key=lambda file: rank(file, mine, others)), last=False)
        super()._assign_work_unit(node)


def rank(file: str, mine: set[str | None], others: set[str | None]) -> tuple[int, bool]:
    shared = shared_by(file)
    place = 0 if shared in mine else 1 if shared and shared not in others else 2 if not shared else 3
    return place, not STATIONS.search(source(file))


@cache
def shared_by(file: str) -> str | None:
    """What the tests of a file share with others, by SHARED."""
    return next((name for name, used in SHARED.items() if used.search(source(file))), None)


@cache
def source(file: str) -> str:
    return (PROJECT / file).read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Affinity:
    return Affinity(config, log)
