"""Every installed package is used."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("skycam_project", "scheduler", "captures", "cameras", "monitoring", "core")
USED_BY_OTHERS = {
    "httptools": "uvicorn, as its parser of HTTP",
    "psycopg": "Django, for DATABASE_URL=postgresql://",
    "tzdata": "zoneinfo, where the system has no time zones",
    "websockets": "uvicorn, as its WebSockets",
}
LOCKED = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;, ]", name)[0]).lower()


def dependencies() -> list[str]:
    return [normal(name) for name in tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]]


def modules() -> dict[str, set[str]]:
    """Distribution -> the modules that it contains."""
    found: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            found.setdefault(normal(distribution), set()).add(module)
    return found


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(path.read_text() for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))


@pytest.mark.parametrize("name", [name for name in dependencies() if name not in USED_BY_OTHERS])
def test_each_dependency_is_used(name: str, code: str) -> None:
    names = "|".join(map(re.escape, sorted(modules()[name])))
    assert re.search(rf"(import |from |[\"'])({names})\b", code)


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_each_dependency_is_locked_without_the_url_of_an_index(lock: str) -> None:
    text = (PROJECT / "requirements" / f"{lock}.lock").read_text()
    assert set(dependencies()) <= set(LOCKED.findall(text))
    assert "://" not in text
