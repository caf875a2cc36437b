"""Every package that is locked or installed does some work: code imports it, or a reason is listed here."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.harness.project import PROJECT

CODE = ("skycam_project", "scheduler", "captures", "cameras", "monitoring", "core", "manage.py")
TESTS = ("tests", "bench")
NOT_IMPORTED = {
    "django-cors-headers": "Django loads the middleware that the settings of the PixeLink service name",
    "httptools": "uvicorn's parser of HTTP",
    "tzdata": "zoneinfo, where the system has no time zones",
}
NO_IMPORT_IN_TESTS = {
    "daphne": "channels.testing imports it",
    "django-stubs": "a plugin of mypy",
    "djangofmt": "make check",
    "djangorestframework-stubs": "a plugin of mypy",
    "editables": "hatchling installs Skycam from where it is",
    "flower": "a program of its own, beside a station",
    "hatchling": "builds Skycam",
    "httpx": "tests import the client, which needs it",
    "import-linter": "make check",
    "moto": "the S3 server of the tests is a process of its own",
    "mypy": "make check",
    "openapi-python-client": "generates a client of the API, as a program of its own",
    "pytest-timeout": "a plugin of pytest",
    "ruff": "make check",
    "types-paramiko": "types for mypy",
    "types-psutil": "types for mypy",
    "types-pyserial": "types for mypy",
    "types-pyyaml": "types for mypy",
}
NOT_NAMED_IN_TESTS = {"stdio.h": "the C sources of the far ends include it"}
LOCKED_GROUP = {"run": "build", "dev": "dev"}
"""Lock -> the group that it has beside the dependencies."""
IMPORT = re.compile(r"^ *(?:import|from) +(\w+)", re.MULTILINE)
"""One module for each line, as `make check` wants it."""
SYSTEM_PACKAGE = re.compile(r"^([\w/.-]+) {2,}[a-z0-9-]+$", re.MULTILINE)


def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())


def normalize(requirement: str) -> str:
    """The name in a requirement, such as `django-stubs` in `django_stubs[compatible-mypy]>=5.2.7`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;, ]", requirement)[0]).lower()


def dependencies() -> set[str]:
    return {normalize(requirement) for requirement in project()["project"]["dependencies"]}


def group_dependencies(group: str) -> set[str]:
    """The dependencies of a group, with those of the group that it includes."""
    found = project()["dependency-groups"][group]
    included = [group_dependencies(entry["include-group"]) for entry in found if isinstance(entry, dict)]
    return {normalize(entry) for entry in found if isinstance(entry, str)}.union(*included)


def programs() -> set[str]:
    """What the system packages are needed for, from the table in scripts/system-packages."""
    return {Path(path).name for path in SYSTEM_PACKAGE.findall((PROJECT / "scripts/system-packages").read_text())}


def directly_locked(lock: str) -> set[str]:
    """The packages of a lock that are there because pyproject.toml names them."""
    entries = re.split(r"^(?=[a-z])", (PROJECT / "requirements" / f"{lock}.lock").read_text(), flags=re.MULTILINE)
    return {entry.partition("==")[0] for entry in entries if "skycam (pyproject.toml" in entry}


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        path = PROJECT / folder
        yield from path.rglob("*.py") if path.is_dir() else [path]


def imported_modules(path: Path) -> list[str]:
    """By its lines, also those of programs in its texts: parsing all files would take seconds."""
    return IMPORT.findall(path.read_text())


@functools.cache
def distributions_of_modules() -> Mapping[str, list[str]]:
    return packages_distributions()


def imported_packages(*folders: str) -> set[str]:
    """The distributions of which the code in these folders imports a module."""
    modules = {name for path in files(*folders) for name in imported_modules(path)}
    return {
        normalize(found) for name, all_of in distributions_of_modules().items() if name in modules for found in all_of
    }


def test_each_dependency_is_imported_or_has_a_reason() -> None:
    assert dependencies() - imported_packages(*CODE) == set(NOT_IMPORTED)


def test_each_development_dependency_is_imported_or_has_a_reason() -> None:
    assert group_dependencies("dev") - imported_packages(*TESTS) == set(NO_IMPORT_IN_TESTS)


def test_each_system_package_is_named_in_a_test_or_has_a_reason() -> None:
    """A program that no test and no benchmark mentions is run by none."""
    text = "\n".join(path.read_text() for path in files(*TESTS) if path != Path(__file__).resolve())
    named = {name for name in programs() if re.search(rf"[\"'/\\b]{re.escape(name)}[\"'\\ ]", text)}
    assert programs() - named == set(NOT_NAMED_IN_TESTS)


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_a_lock_has_exactly_the_dependencies_and_no_url_of_an_index(lock: str) -> None:
    assert directly_locked(lock) == dependencies() | group_dependencies(LOCKED_GROUP[lock])
    assert "://" not in (PROJECT / "requirements" / f"{lock}.lock").read_text()
