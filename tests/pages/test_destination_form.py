"""The page that adds a destination of off-site copies."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from captures.models import Destination, StorageRoot
from tests.harness.clients.pages import described, text_of
from tests.harness.rows.offsite_rows import folder_destination_row

pytestmark = pytest.mark.django_db
ADD = "/storage/destinations/add/"
COMMON = {"name": "Vault", "classes": ["capture", "archive"], "keep_local": "on"}
S3 = {
    "endpoint": "https://s3.example.org", "bucket": "copies", "access_key": "AKIA", "secret_key": "hush",
    "region": "us-east-1", "path_style": "on",
}  # fmt: skip
SFTP = {"host": "192.168.1.9", "port": "22", "user": "skycam", "password": "hush"}


def post(client: Any, kind: str, **fields: Any) -> Any:
    return client.post(f"{ADD}?kind={kind}", COMMON | fields, format="multipart")


def test_a_folder_is_added_with_its_hours_and_its_limit(manager: Any) -> None:
    answer = post(manager, "folder", path="/mnt/copies", begin="22:00", end="06:00", limit="2.5")
    made = Destination.objects.get()
    assert answer.headers["Location"] == f"/storage/destinations/{made.pk}/"
    assert made.settings == {"path": "/mnt/copies"}
    assert (made.begin, made.end, made.bytes_per_s) == (time(22), time(6), 2_500_000)
    assert (made.name, made.classes, made.keep_local) == ("Vault", ["capture", "archive"], True)
    assert "Test it before you rely on it." in text_of(manager.get(answer.headers["Location"]))


@pytest.mark.parametrize(("kind", "fields", "name"), [("s3", S3, "secret_key"), ("sftp", SFTP, "password")])
def test_a_server_is_added_with_its_secret(kind: str, fields: dict[str, str], name: str, manager: Any) -> None:
    assert post(manager, kind, **fields).status_code == 302
    made = Destination.objects.get()
    assert made.settings.items() >= {key: fields[key] for key in ("endpoint", "host") if key in fields}.items()
    assert getattr(made.typed_secret, name) == "hush"


def test_without_the_rule_files_may_go_uncopied(manager: Any) -> None:
    post(manager, "folder", path="/mnt/copies", keep_local="")
    assert not Destination.objects.get().keep_local


@pytest.mark.parametrize(
    ("kind", "fields", "field", "sentence"),
    [
        ("folder", {"path": "/mnt/copies", "name": ""}, "name", "Write a name of 1 to 100 characters"),
        ("folder", {"path": ""}, "path", "Write the whole path, such as /mnt/copies"),
        ("folder", {"path": "copies"}, "path", "Write the whole path, such as /mnt/copies"),
        ("folder", {"path": "/mnt/copies", "limit": "much"}, "limit", "Write a number of MB/s, or nothing."),
        ("folder", {"path": "/mnt/copies", "begin": "22:00"}, "begin", "Write both times such as 22:00 and 06:00"),
        ("folder", {"path": "/mnt/copies", "begin": "late", "end": "6"}, "end", "Write both times such as 22:00"),
        ("s3", S3 | {"endpoint": "ftp://there"}, "endpoint", "Write it as https://s3.example.org"),
        ("s3", S3 | {"bucket": "a b"}, "bucket", "Write the name of the bucket"),
        ("s3", S3 | {"secret_key": ""}, "secret_key", "Write the secret key."),
        ("s3", S3 | {"endpoint": "http://169.254.169.254"}, "endpoint", "The address"),
        ("sftp", SFTP | {"port": "70000"}, "port", "Write a number from 1 to 65535."),
        ("sftp", SFTP | {"private_key": "also"}, "password", "Give either a password or a private key."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    kind: str, fields: dict[str, str], field: str, sentence: str, manager: Any
) -> None:
    answer = post(manager, kind, **fields)
    assert answer.status_code == 400
    assert sentence in described(text_of(answer), f"destination-{field}")
    assert Destination.objects.count() == 0


def test_all_errors_are_shown_at_once(manager: Any) -> None:
    page = text_of(manager.post(f"{ADD}?kind=sftp", {}, format="multipart"))
    assert {name: described(page, f"destination-{name}") for name in ("name", "host", "user", "password")} == {
        "name": "Write a name of 1 to 100 characters, in one line of plain text.",
        "host": "Write a name or an address.",
        "user": "Write the user.",
        "password": "Give either a password or a private key.",
    }


def test_files_to_copy_must_be_chosen(manager: Any) -> None:
    assert "Choose at least one class of files." in text_of(post(manager, "folder", path="/mnt/copies", classes=[]))


def test_a_refused_form_keeps_its_values_and_shows_no_secret(manager: Any) -> None:
    answer = post(manager, "sftp", **SFTP | {"name": "", "private_key": "-----BEGIN hush"})
    page = text_of(answer)
    assert 'value="192.168.1.9"' in page
    assert "hush" not in page
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_folder_of_the_station_is_refused(manager: Any, root: StorageRoot) -> None:
    page = text_of(post(manager, "folder", path=f"{root.path}/copies"))
    assert "on another disk" in described(page, "destination-path")


def test_a_name_that_is_taken_is_refused(manager: Any) -> None:
    folder_destination_row()
    page = text_of(post(manager, "folder", path="/mnt/copies", name="second disk"))
    assert "There is a destination" in described(page, "destination-name")


def test_an_unknown_kind_is_not_found(manager: Any) -> None:
    assert manager.get(f"{ADD}?kind=ftp").status_code == 404
