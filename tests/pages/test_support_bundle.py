"""The support bundle from the page Status."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from core.events.models import Event
from skycam_project.cli.support import bundle
from tests.harness.clients.pages import text_of

URL = "/status/support-bundle/"


def contents(answer: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name.removeprefix("skycam-support/"): archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def log_with_secrets() -> str:
    """A log that has the key of this station, and a password that only its place shows."""
    file = settings.STATION.logging.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"worker | the key {settings.STATION.web.secret_key} and password=planted-secret\n")
    return str(settings.STATION.web.secret_key)


def test_a_manager_downloads_a_bundle_without_secrets(manager: Any, valkey: Any, log_with_secrets: str) -> None:
    answer = manager.post(URL)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="skycam-support-')
    assert answer["Cache-Control"] == "no-store"
    texts = contents(answer)
    assert {"doctor.json", "configuration.json", "events.json", "missing.json"} <= texts.keys()
    assert "worker | the key ********" in texts["logs/skycam.log"]
    assert [name for name, text in texts.items() if log_with_secrets in text or "planted-secret" in text] == []


def test_a_download_is_an_event_with_its_user(manager: Any, valkey: Any) -> None:
    size = len(manager.post(URL).content)
    event = Event.objects.get(kind="station.support_bundle")
    assert event.actor == "a-manager"
    assert event.message == "a-manager downloaded a support bundle."
    assert event.data["bytes"] == size


def test_only_managers_have_the_button(operator: Any, manager: Any, valkey: Any) -> None:
    assert [URL in text_of(client.get("/status/")) for client in (operator, manager)] == [False, True]
    assert operator.post(URL).status_code == 403
    assert manager.get(URL).status_code == 405


SECTIONS: dict[str, Callable[[], object]] = {}


def run_section(_station: Any) -> Any:
    return SECTIONS["parts.json"]()


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], object]]:
    """What the file parts.json is made of, the only one of the bundle."""
    for name in list(bundle.FILES):
        monkeypatch.delitem(bundle.FILES, name)
    monkeypatch.setitem(bundle.FILES, "parts.json", f"{__name__}:run_section")
    return SECTIONS


def test_one_bundle_is_made_at_a_time(manager: Any, valkey: Any, section: dict[str, Callable[[], object]]) -> None:
    refused: list[Any] = []
    section["parts.json"] = lambda: refused.append(manager.post(URL, HTTP_REFERER="/status/"))
    first = manager.post(URL)
    assert first.status_code == 200
    assert refused[0].status_code == 302
    assert "is being made already" in text_of(manager.get("/status/"))
    assert manager.post(URL).status_code == 200


def test_an_endless_list_is_missing(
    manager: Any, valkey: Any, section: dict[str, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_CHARACTERS", 1000)
    section["parts.json"] = lambda: ["an ordinary part"] * 1000
    texts = contents(manager.post(URL))
    assert "parts.json" not in texts
    assert "are the most" in json.loads(texts["missing.json"])["parts.json"]
