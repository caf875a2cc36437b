"""Names of folders and files in archives, for any name that a person writes."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.storage.archives.planning import folder_of, slug_of, unused_path
from captures.storage.archives.transfer import part_name


@given(st.text(max_size=300))
def test_any_name_gives_a_safe_folder(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,80}[a-z0-9])?", slug_of(name))


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_experiments_never_share_a_folder(first: str, second: str) -> None:
    assert folder_of(uuid4(), first) != folder_of(uuid4(), second)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Dew on mirror 3", "dew-on-mirror-3"), ("../../etc", "etc"), ("🔭", "experiment"), ("CON", "con-experiment"),
     ("x" * 300, "x" * 60), ("Ärger", "arger"), ("...", "experiment"), ("a\u202eb", "ab")],
)  # fmt: skip
def test_a_name_becomes_a_slug(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(min_size=1, max_size=100))
def test_any_file_name_stays_in_its_folder(name: str) -> None:
    path = unused_path("sky/clips", name, set())
    assert re.fullmatch(r"sky/clips/[A-Za-z0-9_+-][A-Za-z0-9._+-]*", path)


def test_names_that_differ_by_case_only_are_two_on_any_system() -> None:
    assert unused_path("sky/captures", "IMG_1.JPG", {"sky/captures/img_1.jpg"}) == "sky/captures/IMG_1-2.JPG"


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [("sky/captures", "AUX.jpg", "sky/captures/_AUX.jpg"), ("sky/captures", "nul.a.jpg", "sky/captures/_nul.a.jpg"),
     ("sky/captures", "con", "sky/captures/_con"), ("com3/clips", "a.mp4", "_com3/clips/a.mp4"),
     ("sky/captures", "auxiliary.jpg", "sky/captures/auxiliary.jpg")],
)  # fmt: skip
def test_a_name_of_a_device_of_windows_is_changed(folder: str, name: str, path: str) -> None:
    assert unused_path(folder, name, set()) == path


def test_a_name_that_is_used_gets_a_number() -> None:
    used = {"sky/clips/a.mp4", "sky/clips/a-2.mp4"}
    assert unused_path("sky/clips", "a.mp4", used) == "sky/clips/a-3.mp4"


def test_names_that_differ_in_their_case_alone_are_two_files_on_any_disk() -> None:
    assert unused_path("sky/captures", "IMG_1.JPG", {"sky/captures/img_1.jpg"}) == "sky/captures/IMG_1-2.JPG"


def test_a_name_with_a_long_ending_leaves_room_for_the_temporary_name() -> None:
    path = unused_path("sky/captures", f"{'a' * 205}.{'b' * 49}", set())
    assert len(part_name(path.rpartition("/")[2])) <= 255
