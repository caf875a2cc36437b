"""Off-site copies on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone

from captures.models import Destination, OffsiteCopy
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
ADD = ("offsite", "add", "folder", "disk2", "--class", "rolling_clip")
S3 = ("offsite", "add", "s3", "bucket", "--class", "archive")
PLACE = ("--set", "endpoint=https://s3.example.org", "--set", "bucket=copies", "--set", "access_key=AKID")


def test_a_folder_is_added_and_listed(tmp_path: Path) -> None:
    new = answer(*ADD, "--set", f"path={tmp_path}", "--rate", "1000000", "--begin", "22:00", "--end", "06:00")
    assert new["bytes_per_s"] == 1_000_000
    assert answer("offsite", "destinations")["results"] == [new]
    assert "disk2" in skycam("offsite", "status").stdout


def test_a_secret_comes_from_a_file_and_is_never_printed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(json.dumps({"secret_key": "hush"}))
    found = skycam(*S3, *PLACE, "--secret-file", str(tmp_path / "secret"))
    assert found.exit_code == 0
    assert Destination.objects.get().secret
    assert "hush" not in found.stdout + found.stderr


def test_a_secret_that_is_no_json_is_refused_without_repeating_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    found = skycam(*S3, *PLACE, "--secret-file", str(tmp_path / "secret"))
    assert found.exit_code == 2
    assert "not a JSON object" in found.stderr
    assert "hush" not in found.stderr


def test_a_setting_without_a_value_is_refused() -> None:
    found = skycam(*ADD, "--set", "path")
    assert found.exit_code == 2
    assert "'path' is not NAME=VALUE." in found.stderr


def test_an_unknown_setting_is_refused() -> None:
    found = skycam(*ADD, "--set", "path=/mnt/copies", "--set", "depth=3")
    assert found.exit_code == 2
    assert "depth" in found.stderr


def test_limits_and_names_are_changed_and_the_rest_stays(tmp_path: Path) -> None:
    new = answer(*ADD, "--set", f"path={tmp_path}", "--rate", "1000")
    changed = answer("offsite", "set", "disk2", "--name", "vault", "--rate", "0", "--no-keep-local")
    assert changed == {**new, "name": "vault", "bytes_per_s": None, "keep_local": False}


def test_one_setting_is_changed_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(json.dumps({"secret_key": "hush"}))
    new = answer(*S3, *PLACE, "--secret-file", str(tmp_path / "secret"))
    changed = answer("offsite", "set", "bucket", "--set", "prefix=one")
    assert changed["settings"] == {**new["settings"], "prefix": "one/"}


def test_a_place_without_the_copies_is_refused(tmp_path: Path) -> None:
    copy_row(folder_destination_row(), "verified", verified_at=timezone.now())
    found = skycam("offsite", "set", "second disk", "--set", f"path={tmp_path}")
    assert found.exit_code == 2
    assert "--copies-moved" in found.stderr
    assert skycam("offsite", "set", "second disk", "--set", f"path={tmp_path}", "--copies-moved").exit_code == 0


def test_a_destination_is_paused_and_resumed() -> None:
    folder_destination_row()
    assert not answer("offsite", "pause", "second disk")["enabled"]
    assert answer("offsite", "resume", "second disk")["enabled"]


def test_a_destination_is_removed_although_files_wait_only_by_force() -> None:
    copy_row(folder_destination_row(keep_local=True), "queued")
    refused = skycam("offsite", "remove", "second disk")
    assert refused.exit_code != 0
    assert "1 file must not be deleted here before" in refused.stderr
    assert answer("offsite", "remove", "second disk", "--force")["name"] == "second disk"
    assert Destination.objects.count() == 0


def test_dead_copies_are_listed_and_retried() -> None:
    copy = copy_row(folder_destination_row())
    assert [one["id"] for one in answer("offsite", "copies", "--state", "dead")["results"]] == [str(copy.pk)]
    assert answer("offsite", "retry", "second disk") == {"copies": 1}
    assert OffsiteCopy.objects.get().state == "queued"


def test_an_unknown_destination_is_not_found() -> None:
    found = skycam("offsite", "pause", "nowhere")
    assert found.exit_code != 0
    assert "There is no destination nowhere." in found.stderr
