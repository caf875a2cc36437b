"""Captures and clips on the command line: lists, details, and copies of their files."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Capture, CaptureFile, Clip, Session, StorageRoot
from skycam_project.access.models import User
from tests.harness.project import PROJECT
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.rows.clips import clip_of
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


def ago(**since: float) -> datetime:
    return datetime.now(UTC) - timedelta(**since)


@pytest.fixture
def film(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root, ago(minutes=5), film=b"a film" * 1000, pinned=True)


@pytest.fixture
def capture(camera: Camera, root: StorageRoot) -> Capture:
    """A capture that was saved ten minutes ago, as JPEG and RAW."""
    capture: Capture = saved(camera, started_at=ago(minutes=10))
    file_of(capture, root, f"captures/sky/{capture.pk}.jpg")
    file_of(capture, root, f"captures/sky/{capture.pk}.nef", content=b"raw" * 999, kind="raw", place=1)
    return capture


@pytest.fixture
def failed(camera: Camera) -> Capture:
    return Capture.objects.create(
        camera=camera, status="failed", reason="camera_hung", message="It did not answer.",
        started_at=ago(hours=3),
    )  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    found = tmp_path / "here"
    found.mkdir()
    monkeypatch.chdir(found)
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["results"]]


# Lists


@pytest.mark.parametrize(
    ("words", "those"),
    [
        ([], ["capture", "failed"]),
        (["sky"], ["capture", "failed"]),
        (["--camera", "sky", "--status", "failed"], ["failed"]),
        (["--since", "1 h"], ["capture"]),
        (["--until", "1 h"], ["failed"]),
        (["--simulated"], []),
        (["--limit", "1"], ["capture"]),
    ],
)
def test_captures_are_filtered_and_listed_newest_first(
    words: list[str], those: list[str], capture: Capture, failed: Capture
) -> None:
    by_name = {"capture": str(capture.pk), "failed": str(failed.pk)}
    assert ids(answer("captures", "list", *words)) == [by_name[name] for name in those]


def test_the_lists_fit_a_terminal_of_80_columns(capture: Capture, failed: Capture, film: Clip) -> None:
    Camera.objects.update(slug="a-longer-one")
    Session.objects.create(camera=capture.camera, name="Perseids", programme={}, state="finished", saved=12345)
    found = [skycam(what, "list").stdout for what in ("captures", "clips", "sessions", "cameras")]
    assert [max(map(len, text.splitlines())) <= 80 for text in found] == [True] * 4
    assert "failed, camera hung" in found[0]
    assert str(capture.pk)[:13] in found[0]


def test_listing_an_unknown_camera_is_an_error() -> None:
    found = skycam("captures", "list", "skye")
    assert found.exit_code == 2
    assert "There is no camera skye." in found.stderr


@pytest.mark.parametrize("length", [13, 36, 20])
def test_the_beginning_of_an_id_is_enough(length: int, capture: Capture) -> None:
    assert answer("captures", "show", str(capture.pk)[:length])["id"] == str(capture.pk)


def test_an_ambiguous_id_is_refused(capture: Capture, failed: Capture) -> None:
    found = skycam("captures", "show", str(capture.pk)[:4])
    assert found.exit_code == 2
    assert "Give more characters." in found.stderr


@pytest.mark.parametrize(("text", "status"), [("zzzz", 2), ("0197a000-0000", 1), ("01", 2)])
def test_an_invalid_id_and_an_unknown_id_are_errors(text: str, status: int, capture: Capture) -> None:
    found = skycam("captures", "show", text)
    assert found.exit_code == status
    assert "`skycam captures list`" in found.stderr


def test_the_newest_is_shown_unless_one_is_named(capture: Capture, failed: Capture) -> None:
    shown = skycam("captures", "show").stdout
    assert str(capture.pk) in shown
    assert hashlib.sha256(PICTURE).hexdigest() in shown
    assert "It did not answer." in skycam("captures", "show", str(failed.pk)).stdout


def test_clips_are_listed(film: Clip, camera: Camera, root: StorageRoot) -> None:
    older = clip_of(camera, root, ago(hours=2), film=b"old")
    assert ids(answer("clips", "list")) == [str(film.pk), str(older.pk)]
    assert ids(answer("clips", "list", "sky", "--pinned")) == [str(film.pk)]
    assert ids(answer("clips", "list", "--until", "1 h")) == [str(older.pk)]
    assert "pinned" in skycam("clips", "list").stdout


def test_a_clip_with_unknown_losses_does_not_look_complete(camera: Camera, root: StorageRoot) -> None:
    clip_of(camera, root, lost_frames=None)
    assert "unknown" in skycam("clips", "list").stdout


def test_a_hidden_camera_is_hidden_on_the_command_line_too(
    capture: Capture, film: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user(username="54321", role="viewer")
    Camera.objects.update(restricted=True)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert [ids(answer(what, "list")) for what in ("captures", "clips")] == [[], []]
    assert skycam("captures", "show", str(capture.pk)).exit_code == 1
    assert skycam("captures", "get", str(capture.pk), "-o", "-").exit_code == 1
    assert skycam("clips", "get", str(film.pk), "-o", "-").exit_code == 1


# Files


def test_a_file_is_copied_under_its_own_name(capture: Capture, here: Path) -> None:
    found = answer("captures", "get", str(capture.pk))
    assert (here / f"{capture.pk}.jpg").read_bytes() == PICTURE
    assert found["kind"] == "jpeg"
    assert found["sha256"] == hashlib.sha256(PICTURE).hexdigest()


def test_a_file_is_copied_to_the_given_destination(capture: Capture, here: Path) -> None:
    (here / "folder").mkdir()
    assert skycam("captures", "get", "-o", "moon.jpg").stdout == "Saved moon.jpg\n"
    assert skycam("captures", "get", "--kind", "raw", "--to", "folder").exit_code == 0
    assert (here / "moon.jpg").read_bytes() == PICTURE
    assert (here / "folder" / f"{capture.pk}.nef").read_bytes() == b"raw" * 999


def test_only_the_file_goes_to_stdout(capture: Capture) -> None:
    found = skycam("--output", "json", "captures", "get", str(capture.pk), "-o", "-")
    assert found.exit_code == 0
    assert found.stdout_bytes == PICTURE


def test_a_clip_is_copied(film: Clip, here: Path) -> None:
    assert skycam("clips", "get", "--camera", "sky", "-o", "last.mp4").exit_code == 0
    assert (here / "last.mp4").read_bytes() == b"a film" * 1000


def test_an_existing_file_is_kept_without_force(capture: Capture, here: Path) -> None:
    (here / "moon.jpg").write_text("mine")
    refused = skycam("captures", "get", "-o", "moon.jpg")
    assert refused.exit_code == 2
    assert "moon.jpg exists already." in refused.stderr
    assert (here / "moon.jpg").read_text() == "mine"
    assert skycam("captures", "get", "-o", "moon.jpg", "--force").exit_code == 0
    assert (here / "moon.jpg").read_bytes() == PICTURE


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_is_copied_to_a_disk_without_hard_links(
    number: int, capture: Capture, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", lambda *_, **__: refuse_link(number))
    assert skycam("captures", "get", "-o", "moon.jpg").exit_code == 0
    assert {path.name: path.read_bytes() for path in here.iterdir()} == {"moon.jpg": PICTURE}


def test_on_a_disk_without_hard_links_a_file_that_was_created_meanwhile_is_kept(
    capture: Capture, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        os, "link", lambda *_, **__: refuse_link((here / "moon.jpg").write_text("mine") and errno.EPERM)
    )
    refused = skycam("captures", "get", "-o", "moon.jpg")
    assert refused.exit_code == 2
    assert "moon.jpg exists already." in refused.stderr
    assert {path.name: path.read_text() for path in here.iterdir()} == {"moon.jpg": "mine"}


def refuse_link(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_missing_folder_is_an_error_before_anything_is_done(capture: Capture, here: Path) -> None:
    found = skycam("captures", "get", "-o", "nowhere/moon.jpg")
    assert found.exit_code == 2
    assert "There is no folder nowhere." in found.stderr


@pytest.mark.parametrize("damaged", [PICTURE[:-1] + b"\x00", PICTURE[:-1]])
def test_a_damaged_file_is_not_copied(damaged: bytes, capture: Capture, here: Path) -> None:
    file = CaptureFile.objects.get(capture=capture, kind="jpeg")
    Path(file.root.path, file.path).write_bytes(damaged)
    found = skycam("captures", "get", "-o", "moon.jpg")
    assert found.exit_code == 1
    assert list(here.iterdir()) == []


def test_a_missing_file_is_an_error_that_names_doctor(capture: Capture, here: Path) -> None:
    file = CaptureFile.objects.get(capture=capture, kind="jpeg")
    Path(file.root.path, file.path).unlink()
    found = skycam("captures", "get")
    assert found.exit_code == 1
    assert "`skycam doctor`" in found.stderr
    assert list(here.iterdir()) == []


def test_a_file_of_another_host_names_the_host(capture: Capture, here: Path) -> None:
    CaptureFile.objects.update(host="dome")
    found = skycam("captures", "get")
    assert found.exit_code == 1
    assert "The file is on the camera host dome" in found.stderr


def test_a_missing_kind_is_an_error_that_lists_the_kinds(capture: Capture, failed: Capture) -> None:
    assert "has no fits file. It has jpeg, raw." in skycam("captures", "get", str(capture.pk), "--kind", "fits").stderr
    assert "has no file. It is failed." in skycam("captures", "get", str(failed.pk)).stderr


COPY_AND_STOP = """
import os, signal, sys
import django
django.setup()
from captures.models import CaptureFile
from skycam_project.cli import local_files
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
local_files.copy_file(CaptureFile(host=sys.argv[1], path=sys.argv[2], bytes=int(sys.argv[3]), sha256=sys.argv[4]),
                      "moon.jpg")
"""


def test_kill_9_during_a_copy_leaves_no_partial_file(capture: Capture, here: Path) -> None:
    from django.conf import settings

    file = CaptureFile.objects.get(capture=capture, kind="jpeg")
    script = COPY_AND_STOP.replace("CaptureFile(", f"CaptureFile(root=StorageRoot(path={file.root.path!r}), ").replace(
        "import CaptureFile", "import CaptureFile, StorageRoot"
    )
    words = [settings.STATION.host, file.path, str(file.bytes), file.sha256]
    project = PROJECT
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=here, env={**os.environ, "PYTHONPATH": str(project)}, check=False
    )
    assert done.returncode == -9
    assert not (here / "moon.jpg").exists()
