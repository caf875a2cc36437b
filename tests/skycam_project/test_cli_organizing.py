"""`skycam organize`: the job from the command line, what it prints, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cameras.models import Camera
from captures.models import Capture, StorageRoot
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from core.jobs.models import Job
from skycam_project.access.models import User
from skycam_project.cli.errors import CliError
from skycam_project.cli.organizing import check_readable, check_removable, checked_folder, subject_of
from tests.harness.rows.cards import write_card
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def card(tmp_path: Path, camera: Camera, root: StorageRoot) -> Path:
    """6 pictures, 2 of them twice, and a broken one, for the primary camera of this host."""
    assign_root(root, StorageClass.CAPTURES)
    return write_card(tmp_path / "card", pictures=6, duplicates=2, broken=1)


def test_a_card_is_organized_by_a_job(card: Path) -> None:
    shown = skycam("organize", str(card), "--camera", "sky", "--time-zone", "Europe/Berlin")
    assert shown.exit_code == 1
    assert "9 files found, 6 captures adopted" in shown.stdout
    assert "3 not placed." in shown.stdout
    assert "DCIM/100CANON/IMG_9000.JPG" in shown.stdout
    assert Capture.objects.filter(origin="adopted").count() == 6
    job = Job.objects.get()
    assert (job.kind, job.state, job.camera) == ("organize", "done", "sky")


@pytest.mark.slow
def test_organizing_again_finds_duplicates_alone_and_exits_with_0(card: Path) -> None:
    for broken in card.glob("DCIM/100CANON/IMG_9*"):
        broken.unlink()
    assert skycam("organize", str(card)).exit_code == 0
    again = skycam("--output", "json", "organize", str(card))
    assert again.exit_code == 0
    assert '"duplicate": 8' in again.stdout


def test_a_dry_run_prints_the_plan(card: Path) -> None:
    body = answer("organize", str(card), "--dry-run")
    assert (body["captures"], body["reasons"]) == (6, {"broken": 1, "duplicate": 2})
    assert len(body["planned"]) == 6
    assert Capture.objects.count() == 0
    assert "6 captures would be adopted" in skycam("organize", str(card), "--dry-run").stdout


def test_move_removes_the_adopted_originals(card: Path) -> None:
    body = answer("organize", str(card), "--move")
    assert body["removed"] == 6
    assert len([path for path in card.rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nowhere",), "There is no folder nowhere."),
        ((".", "--time-zone", "Mars/Olympus"), "is not a time zone"),
        ((".", "--camera", "none"), "none"),
    ],
)
def test_a_wrong_argument_starts_no_job(card: Path, words: tuple[str, ...], problem: str) -> None:
    shown = skycam("organize", *words)
    assert shown.exit_code != 0
    assert problem in shown.stderr
    assert Job.objects.count() == 0


def test_a_camera_of_another_host_is_refused(card: Path, camera: Camera) -> None:
    Camera.objects.filter(pk=camera.pk).update(host="dome")
    shown = skycam("organize", str(card))
    assert "sky is on the host dome. Run the command there" in shown.stderr


def test_the_folder_of_the_station_is_refused_by_the_job(card: Path, folder: Path) -> None:
    (folder / "captures").mkdir()
    shown = skycam("organize", str(folder / "captures"))
    assert shown.exit_code == 1
    assert "where the station itself keeps files" in shown.stderr


def test_a_symbolic_link_to_a_folder_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "link").symlink_to("card")
    assert checked_folder(tmp_path / "link") == str(tmp_path / "card")


def test_a_file_that_the_person_may_not_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.jpg").touch()
    # Root may read everything, whatever the mode of the file.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CliError, match="You may not read"):
        check_readable(str(tmp_path))


@pytest.mark.parametrize(
    ("denied", "words", "problem"),
    [(os.R_OK, [], "You may not read"), (os.W_OK, ["--move"], "You may not remove files from")],
)
def test_another_person_than_the_stations_user_needs_rights_of_their_own(
    card: Path, monkeypatch: pytest.MonkeyPatch, denied: int, words: list[str], problem: str
) -> None:
    User.objects.create_user("54321", role="operator")
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode & denied and str(path).startswith(f"{card}/")))
    shown = skycam("organize", str(card), "--camera", "sky", *words)
    assert shown.exit_code == 5
    assert problem in shown.stderr
    assert not Job.objects.exists()


def test_move_from_a_folder_that_the_person_may_only_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_removable(str(tmp_path))
    # Root may write everything, whatever the mode of the folder.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(CliError, match=r"You may not remove files from .* Omit --move"):
        check_removable(str(tmp_path))


def test_move_from_a_sticky_folder_of_someone_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CliError, match="You may not remove files"):
        check_removable(str(tmp_path))


def test_requests_that_differ_have_different_subjects() -> None:
    folders = ["/media/card", "/media/" + "x" * 200, "/media/" + "x" * 201]
    subjects = [
        subject_of(folder, zone, move=move, dry_run=dry_run, camera=camera)
        for folder in folders
        for zone in (None, "UTC")
        for move in (False, True)
        for dry_run in (False, True)
        for camera in ("a", "b")
    ]
    assert len(set(subjects)) == len(subjects)
    assert max(map(len, subjects)) <= 120
