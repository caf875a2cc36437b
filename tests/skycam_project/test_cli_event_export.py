"""`skycam events --export`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.events.service import record_event
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed_jobs() -> None:
    [record_event("job.failed", f"Job {number} failed.", camera=None) for number in range(30)]


@pytest.mark.parametrize(("suffix", "lines"), [("csv", 31), ("jsonl", 30)])
def test_all_events_are_written(suffix: str, lines: int, failed_jobs: None, tmp_path: Path) -> None:
    target = tmp_path / f"events.{suffix}"
    assert answer("events", "--export", str(target)) == {"file": str(target), "events": 30}
    assert len(target.read_text().splitlines()) == lines


def test_the_filters_apply_to_the_file(failed_jobs: None, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    answer("events", "--search", "7", "--export", str(target))
    found = [json.loads(line)["message"] for line in target.read_text().splitlines()]
    assert found == ["Job 27 failed.", "Job 17 failed.", "Job 7 failed."]


def test_a_file_is_replaced_only_when_asked(failed_jobs: None, tmp_path: Path) -> None:
    target = tmp_path / "events.csv"
    target.write_text("mine")
    assert "exists" in skycam("events", "--export", str(target)).stderr
    assert target.read_text() == "mine"
    assert answer("events", "--export", str(target), "--force")["events"] == 30


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--export", "events.txt"], "must end in .csv or .jsonl"),
        (["--search", "a b c d e f g h i"], "at most 8 words"),
    ],
)
def test_what_cannot_be_done_is_refused(words: list[str], sentence: str) -> None:
    assert sentence in skycam("events", *words).stderr


@pytest.mark.parametrize("option", ["--kind", "--host", "--search"])
def test_bytes_that_are_no_text_are_refused_with_a_sentence(option: str) -> None:
    found = skycam("events", option, "\udced\udca0\udc80")
    assert found.exit_code == 2
    assert "Unexpected" not in found.stderr
