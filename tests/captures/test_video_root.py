"""VIDEO_PATH: the root of new clips when it is set, changed or unset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks

from captures.roots.models import StorageAssignment, StorageClass, StorageRoot
from captures.roots.roots import UnusableRoot, ensure_default_root, ensure_video_root, is_assigned, root_of_class
from skycam_project.launch.first_start import ensure_roots
from tests.harness.disks.small_disk import SmallDisk, mounted

pytestmark = pytest.mark.django_db


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets VIDEO_PATH, as if the station were started with it."""

    def configure(name: str | None) -> None:
        changes = {"video_path": tmp_path / name if name else None, "storage_root": tmp_path / "images"}
        monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update=changes))

    configure(None)
    ensure_default_root()
    return configure


def clips_go_to() -> str:
    return Path(root_of_class("main", StorageClass.CLIPS)["path"]).name


def test_without_it_clips_go_to_the_default_root(configured: Any) -> None:
    ensure_roots()
    assert clips_go_to() == "images"
    assert StorageRoot.objects.count() == 1


def test_with_it_clips_go_to_their_own_root(configured: Any, tmp_path: Path) -> None:
    configured("video")
    ensure_roots()
    ensure_roots()
    root = StorageAssignment.objects.get(storage_class=StorageClass.CLIPS).root
    assert clips_go_to() == "video"
    assert is_assigned(root, StorageClass.CAPTURES) is False
    assert StorageRoot.objects.count() == 2
    assert (tmp_path / "video" / ".skycam-root").read_text() == str(root.pk)


def test_another_path_replaces_it_and_the_old_root_stays_known(configured: Any) -> None:
    for name in ("video", "larger"):
        configured(name)
        ensure_video_root()
    assert clips_go_to() == "larger"
    assert StorageRoot.objects.count() == 3


def test_when_it_is_unset_new_clips_go_to_the_default_root(configured: Any) -> None:
    configured("video")
    ensure_video_root()
    configured(None)
    ensure_video_root()
    assert clips_go_to() == "images"
    assert StorageRoot.objects.count() == 2


def test_the_folder_of_the_pictures_is_not_a_second_root(configured: Any) -> None:
    configured("images")
    assert ensure_video_root() is None
    assert clips_go_to() == "images"
    assert StorageRoot.objects.count() == 1


def test_an_unusable_folder_has_a_warning_and_clips_go_to_the_default_root(
    configured: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    configured("file")
    ensure_roots()
    assert clips_go_to() == "images"
    assert "warning: VIDEO_PATH: " in capsys.readouterr().out
    with pytest.raises(UnusableRoot, match="cannot hold files"):
        ensure_video_root()


def test_a_disk_that_is_full_at_the_start_stays_the_root_of_clips(configured: Any, disk: SmallDisk) -> None:
    configured("disk")
    ensure_video_root()
    disk.fill()
    ensure_video_root()
    assert clips_go_to() == "disk"


def test_the_default_root_may_be_full_at_the_start(configured: Any, disk: SmallDisk) -> None:
    root = ensure_default_root(disk.path)
    disk.fill()
    assert ensure_default_root(disk.path) == root


def test_a_full_disk_cannot_become_a_root(configured: Any, disk: SmallDisk) -> None:
    disk.fill()
    with pytest.raises(UnusableRoot, match="No space left"):
        ensure_default_root(disk.path)


def test_a_disk_mounted_over_the_clips_of_a_root_is_refused(configured: Any, tmp_path: Path) -> None:
    configured("video")
    ensure_video_root()
    with (
        mounted(tmp_path / "disk", over=tmp_path / "video" / "clips"),
        pytest.raises(UnusableRoot, match="The clips of"),
    ):
        ensure_video_root()
    assert clips_go_to() == "images"
    ensure_video_root()
    assert clips_go_to() == "video"


def test_a_disk_mounted_over_the_clips_of_the_default_root_is_accepted_when_clips_have_their_own_root(
    configured: Any, tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", over=tmp_path / "images" / "clips"):
        with pytest.raises(UnusableRoot, match="The clips of"):
            ensure_default_root()
        configured("video")
        ensure_roots()
    assert clips_go_to() == "video"


def test_a_folder_that_cannot_be_written_is_found_by_the_system_checks(configured: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    configured("file")
    assert "skycam.E006" in {message.id for message in run_checks()}


def test_a_root_that_is_not_mounted_is_not_created_again(configured: Any, tmp_path: Path) -> None:
    configured("video")
    ensure_video_root()
    (tmp_path / "video" / ".skycam-root").unlink()
    ensure_video_root()
    assert clips_go_to() == "video"
    assert list((tmp_path / "video").glob(".skycam-root")) == []
