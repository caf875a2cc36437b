"""The Grafana dashboard that a station writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skycam_project.config.sections import GrafanaConfig
from skycam_project.launch.prepare import write_dashboard


def test_the_dashboard_is_written_with_the_panels_of_the_first_document(tmp_path: Path) -> None:
    path = tmp_path / "dashboards" / "skycam.json"
    write_dashboard(GrafanaConfig(dashboard_path=path))
    dashboard = json.loads(path.read_text())
    assert dashboard["title"] == "Skycam Monitoring"
    assert [panel["title"] for panel in dashboard["panels"]] == [
        "Images Captured",
        "Camera Temperature",
        "Capture Duration",
    ]


def test_an_older_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "skycam.json"
    path.write_text("old")
    write_dashboard(GrafanaConfig(dashboard_path=path))
    assert json.loads(path.read_text())
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_when_it_is_switched_off(tmp_path: Path) -> None:
    write_dashboard(GrafanaConfig(enabled=False, dashboard_path=tmp_path / "skycam.json"))
    write_dashboard(GrafanaConfig())
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    write_dashboard(GrafanaConfig(dashboard_path=tmp_path / "file" / "skycam.json"))
    assert "could not be written" in capsys.readouterr().out
