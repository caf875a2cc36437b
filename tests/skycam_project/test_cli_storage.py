"""`skycam storage`: usage, rules, plans of cleanups, and the check of files with its decisions."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from captures.models import Clip, HostClock, IntegrityFinding, StoredPlan
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.text.sentences import pluralize, was_or_were
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clip_archive import ClipArchive, configured
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path) -> ClipArchive:
    """Three clips with their files."""
    found = ClipArchive(tmp_path)
    found.clips(3, 1000)
    return found


@pytest.fixture
def lost(archive: ClipArchive) -> Clip:
    """A clip whose file is missing."""
    clip = Clip.objects.earliest("started_at")
    (archive.folder / clip.path).unlink()
    return clip


def test_a_storage_in_order_passes_the_check(archive: ClipArchive) -> None:
    found = skycam("storage", "check")
    assert found.exit_code == 0, found.stderr
    assert "3 rows and 3 files checked: 0 missing, 0 untracked, 0 mismatching." in found.stdout
    assert Job.objects.get().sentence == "3 rows and 3 files checked"


def test_a_check_lists_what_is_missing_and_fails(lost: Clip) -> None:
    found = skycam("storage", "check")
    assert found.exit_code == 1
    assert "3 rows and 2 files checked: 1 missing, 0 untracked, 0 mismatching." in found.stdout
    assert IntegrityFinding.objects.get().path == lost.path


def test_a_check_of_contents_that_joins_one_without_says_so_and_fails(archive: ClipArchive) -> None:
    enqueue("integrity", "main", arguments={"hash": False}, camera=None)
    found = skycam("storage", "check", "--hash")
    assert found.exit_code == 1
    assert "The contents were not read" in found.stderr


def test_a_check_says_which_open_findings_it_did_not_check_again(archive: ClipArchive) -> None:
    [clip, *_] = Clip.objects.all()
    file = Path(clip.root.path, clip.path)
    file.write_bytes(b"x" * file.stat().st_size)
    skycam("storage", "check", "--hash")
    count = IntegrityFinding.objects.filter(state="open").count()
    assert count
    found = skycam("storage", "check")
    assert found.exit_code == 1
    assert "0 mismatching." in found.stdout
    older = f"{pluralize(count, 'open finding')} of earlier checks {was_or_were(count)} not checked again"
    assert f"{older}: contents are read with --hash" in found.stdout


def test_the_findings_are_written_as_csv(lost: Clip, tmp_path: Path) -> None:
    target = tmp_path / "findings.csv"
    skycam("storage", "check", "--csv", str(target))
    [row] = csv.DictReader(target.read_text().splitlines())
    assert row["kind"] == "missing"
    assert row["path"] == lost.path


@pytest.mark.parametrize(("name", "says"), [("there.csv", "exists"), ("no-folder/new.csv", "There is no folder")])
def test_a_bad_place_for_the_csv_is_refused_before_the_check(
    archive: ClipArchive, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    found = skycam("storage", "check", "--csv", str(tmp_path / name))
    assert found.exit_code == 2
    assert says in found.stderr
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_nothing_is_set_aside_if_one_of_the_findings_is_unknown(lost: Clip) -> None:
    skycam("storage", "check")
    found = skycam("storage", "set-aside", str(IntegrityFinding.objects.get().pk), "0199a1b2")
    assert found.exit_code != 0
    assert IntegrityFinding.objects.get().state == "open"


def test_a_missing_file_cannot_be_adopted(lost: Clip) -> None:
    skycam("storage", "check")
    found = skycam("storage", "adopt", str(IntegrityFinding.objects.get().pk))
    assert found.exit_code != 0
    assert "Only untracked files are adopted or set aside: this finding has a row." in found.stderr


def test_a_plan_deletes_nothing_and_its_execution_what_it_names(
    archive: ClipArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"rolling_clips_count": 1, "recording_duration_minutes": 0.01}
    configured(monkeypatch, **values)
    for name, value in values.items():  # the job's child process reads the configuration by itself
        monkeypatch.setenv(f"CAMERA_CONFIG__{name.upper()}", str(value))
    plan = answer("storage", "plan")
    assert plan["files"] == 2
    assert Clip.objects.present().count() == 3
    assert skycam("storage", "clean-up", plan["id"]).exit_code == 0
    assert Clip.objects.present().count() == 1


def test_a_plan_does_not_say_that_captures_are_deleted_that_go_to_the_trash(
    archive: ClipArchive, retention: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    retention(capture_days=100)
    monkeypatch.setenv("RETENTION__CAPTURE_DAYS", "100")  # for the job's child process
    file_of(saved(archive.camera, started_at=timezone.now() - timedelta(days=101)), archive.root, host="main")
    planned = skycam("storage", "plan").stdout
    assert "0 files would be deleted, 0 B." in planned
    assert "1 file of captures would be moved to the trash" in planned
    executed = skycam("storage", "clean-up", str(StoredPlan.objects.get().pk)).stdout
    assert "1 file of captures moved to the trash." in executed


def test_a_bad_id_of_a_plan_says_where_to_get_one() -> None:
    found = skycam("storage", "clean-up", "yesterday")
    assert found.exit_code == 2
    assert "`skycam storage plan` makes one" in found.stderr


def test_the_rules_name_their_keys() -> None:
    keys = {rule["key"] for rule in answer("storage", "rules")["results"]}
    assert {"camera_config.rolling_clips_count", "retention.capture_days", "retention.trash_days"} <= keys


def test_the_clock_is_confirmed_with_the_date_that_it_shows(archive: ClipArchive) -> None:
    today = f"{timezone.now():%Y-%m-%d}"
    assert answer("storage", "confirm-clock", today) == {"host": "main", "date": today}
    assert HostClock.objects.get().confirmed


def test_another_date_does_not_confirm_the_clock(archive: ClipArchive) -> None:
    found = skycam("storage", "confirm-clock", "2001-01-01")
    assert found.exit_code != 0
    assert "If today is 2001-01-01, the clock is wrong" in found.stderr
    assert not HostClock.objects.exists()
