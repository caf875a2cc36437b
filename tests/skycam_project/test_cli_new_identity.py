"""`skycam hosts new-identity` on a copy of another machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.models import CameraHost
from cameras.spool.storage import MARKER
from skycam_project.cli.errors import CliError
from skycam_project.cli.hosts import check_name, set_root_aside


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["dome", "roof", "Attic", "a b", ""])
def test_a_name_that_is_taken_or_bad_is_refused(name: str) -> None:
    CameraHost.objects.create(name="roof")
    with pytest.raises(CliError) as caught:
        check_name(name, present="dome")
    assert caught.value.status == 2


@pytest.mark.django_db
def test_a_free_name_is_accepted() -> None:
    check_name("attic", present="dome")


def test_the_records_and_the_root_of_the_other_machine_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("1")
    (tmp_path / ".spool" / "camera").mkdir(parents=True)
    assert set_root_aside(tmp_path, "dome")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{MARKER}-of-dome", ".spool-of-dome"]


def test_a_folder_that_is_no_root_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").touch()
    assert not set_root_aside(tmp_path, "dome")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.jpg"]
