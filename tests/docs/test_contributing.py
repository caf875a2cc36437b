"""The changes of CONTRIBUTING.md pass the project's checks and tests, and work on a station."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.browsers.site import Site, manager_window
from tests.harness.documents.pages import page
from tests.harness.documents.project_copy import Change, ProjectCopy, added_modules, changes, changes_in
from tests.harness.waiting import eventually

PAGE = "CONTRIBUTING.md"
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "templates": ["djangofmt", "--check", "templates"],
    "imports": ["python", "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
    "types": ["python", "-m", "mypy", *added_modules(PAGE)],
    "documents": ["python", "-m", "tests.harness.documents.reference", "--check"],
}
TESTS = [
    "tests/captures/test_brightness.py", "tests/cameras/drivers/test_contract.py", "tests/access/test_route_table.py",
    "tests/monitoring/test_site_notes.py",
]  # fmt: skip
ADDED = "brightness or dark or note or every_route or every_method"
"""The tests that the changes add, and those of whole tables that they change."""


@pytest.fixture(scope="module")
def changed_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """The project after all changes of the page."""
    copy = ProjectCopy(tmp_path_factory.mktemp("contributing") / "project")
    for change in changes(PAGE):
        copy.apply(change)
    return copy


NOTES_OF_A_STATION = """
import sys
from skycam_client import Client

notes = Client(*sys.argv[1:]).rows("site_notes")
made = notes.add(name="dome", kind="network", settings={"password": "4711-4712"})
print(made.kind, made.settings)
notes.remove(made.id)
print(list(notes.list()))
"""
RESOURCE_FILES = {"monitoring/site_notes.py", "monitoring/models.py", "skycam_project/resources.py"}
"""Those of the walk of a resource, without its migration and its test."""


@pytest.fixture(scope="module")
def site(changed_project: ProjectCopy) -> Iterator[Site]:
    """A station of the changed project."""
    site = Site(changed_project.folder.parent)
    site.station.python = str(changed_project.python)
    try:
        yield site.up()
    finally:
        site.station.ensure_stopped()


def test_a_resource_with_all_interfaces_is_three_files_and_120_lines() -> None:
    walk = page(PAGE).partition("## A walk: a resource\n")[2].partition("\n## ")[0]
    code = [change for change in changes_in(walk) if change.path in RESOURCE_FILES]
    assert {change.path for change in code} == RESOURCE_FILES
    assert sum(added_lines(change) for change in code) <= 120


def added_lines(change: Change) -> int:
    lines = change.text.splitlines()
    return len([line for line in lines if line.startswith("+")] if change.language == "diff" else lines)


@pytest.mark.parametrize("check", CHECKS)
def test_the_changed_project_passes_the_checks(changed_project: ProjectCopy, check: str) -> None:
    done = changed_project.run(*CHECKS[check])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_the_changes_pass(changed_project: ProjectCopy) -> None:
    done = changed_project.run("python", "-m", "pytest", *TESTS, "-k", ADDED, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_shows_the_bright_pixels_and_the_counted_files(site: Site, chromium: Browser) -> None:
    site.api.ask("POST", "cameras/simulated/record/", {})
    with manager_window(chromium, site) as page:
        page.goto("/brightness/")
        page.get_by_role("button", name="Count files").click()
        expect(page.get_by_text("The files are being counted.")).to_be_visible()
        eventually(lambda: re.search(r"Simulated camera: \d+ bright pixels", reloaded(page)))
        eventually(lambda: re.search(r"\d+ files", reloaded(page)))


def reloaded(page: Page) -> str:
    page.reload()
    return page.inner_text("main")


def test_the_added_kind_of_camera_takes_pictures(site: Site) -> None:
    site.api.ask("POST", "cameras/", {"slug": "night", "kind": "dark", "name": "Night"})
    site.station.cameras.eventually_ready("night")
    assert site.station.cameras.saved_capture("night")["status"] == "saved"


def test_the_added_resource_is_in_the_client(changed_project: ProjectCopy, site: Site) -> None:
    done = changed_project.run("python", "-c", NOTES_OF_A_STATION, site.url, str(site.api.token))
    assert done.stdout.splitlines() == ["network {'password': '***'}", "[]"], done.stderr
