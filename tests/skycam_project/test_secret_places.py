"""A stored secret stays with its row and its place, against writes to the database and in every kind of change."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

from cameras.models import Camera, HostInvitation
from core.secrets import DecryptionFailed, SecretsField, decrypt_secrets, decrypt_text
from monitoring.models import Sensor, Webhook
from monitoring.webhooks.outcomes import signing_keys
from monitoring.webhooks.services import rotate_secret
from skycam_project.cli.diagnostics.database import passwords
from skycam_project.cli.station import Station
from tests.harness.clients.pages import text_of
from tests.harness.configurations import write
from tests.harness.rows.secrets import (
    ROWS,
    SESAME,
    camera_with_password,
    channel_with_token,
    destination_with_password,
    in_earlier_form,
    sensor_with_password,
    webhook_with_token,
)
from tests.harness.stations.command_line import skycam

pytestmark = pytest.mark.django_db
migration: Any = import_module("captures.migrations.0042_bound_secrets")


def moved(row: Any, **columns: Any) -> Any:
    """The row as it is read after someone has written to the database."""
    type(row).objects.filter(pk=row.pk).update(**columns)
    return type(row).objects.get(pk=row.pk)


@pytest.mark.parametrize("kind", ROWS)
def test_a_secret_is_read_by_its_own_row(kind: str) -> None:
    make, column, read = ROWS[kind]
    row = make("one")
    assert SESAME not in json.dumps(type(row).objects.filter(pk=row.pk).values().get(), default=str)
    assert decrypt_secrets(row, column) != {}
    assert read(row)


@pytest.mark.parametrize("kind", ROWS)
def test_a_secret_that_was_copied_to_another_row_is_not_used_there(kind: str) -> None:
    make, column, read = ROWS[kind]
    one, other = make("one"), make("other")
    with pytest.raises(DecryptionFailed, match="belongs to another row"):
        read(moved(other, **{column: getattr(one, column)}))


def test_a_key_that_was_copied_into_the_column_of_the_address_is_not_used_there() -> None:
    webhook = webhook_with_token()
    with pytest.raises(DecryptionFailed, match="belongs to another row"):
        ROWS["webhook"][2](moved(webhook, url_encrypted=webhook.secret_encrypted))


@pytest.mark.parametrize(
    "change",
    [{"host": "evil.example"}, {"port": 1884}, {"tls": True}, {"program": "/bin/nc"}],
    ids=["host", "port", "without TLS", "a program"],
)
def test_the_password_of_a_sensor_is_not_used_for_another_place_in_its_row(change: dict[str, Any]) -> None:
    sensor = sensor_with_password()
    changed = moved(sensor, settings={**sensor.settings, **change})
    with pytest.raises(DecryptionFailed, match="for another place") as refusal:
        ROWS["sensor"][2](changed)
    assert SESAME not in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("camera", {"address": "rtsp://anna:***@evil.example:554/live"}),
        ("sensor", {"kind": "http"}),
        ("channel", {"kind": "telegram"}),
        ("destination", {"settings": {"host": "evil.example", "user": "anna", "port": 22, "path": ""}}),
    ],
)
def test_a_secret_is_not_used_for_another_place_or_kind_in_its_row(kind: str, columns: dict[str, Any]) -> None:
    make, _, read = ROWS[kind]
    with pytest.raises(DecryptionFailed, match="another place"):
        read(moved(make("one"), **columns))


def test_a_host_of_the_version_before_reads_the_passwords_of_cameras() -> None:
    """It looks for these two names, and goes on with its cameras until it is updated."""
    content = json.loads(decrypt_text(camera_with_password().encrypted_address))
    assert (content["origin"], content["secrets"]) == ("rtsp://anna@10.0.0.9:554", {"password": SESAME})


def test_a_rotation_moves_the_key_of_a_webhook_within_its_row() -> None:
    webhook = webhook_with_token()
    [before] = signing_keys(webhook)
    rotated = rotate_secret(webhook, "anna")
    assert signing_keys(rotated) == [rotated.secret, before]


def test_each_column_that_was_encrypted_is_bound() -> None:
    fields = [field for model in apps.get_models() for field in model._meta.concrete_fields]
    bound = {(field.model.__name__, field.name) for field in fields if isinstance(field, SecretsField)}
    assert bound == {(model, column) for _, model, column, _, _ in migration.COLUMNS}
    encrypted = {(field.model.__name__, field.name) for field in fields if "encrypted" in field.name}
    assert encrypted <= bound


SET = ("--set", "host=evil.example")
WORDS = {
    "camera": ("cameras", "set", "yard", "--address", "rtsp://anna:***@evil.example:554/live"),
    "sensor": ("sensors", "change", "roof", *SET),
    "channel": ("notifications", "change", "phone", "--set", "server=https://evil.example"),
    "destination": ("offsite", "set", "vault", *SET),
}


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("camera", "yard", "password must be given again, because the place rtsp://anna@10.0.0.9:554 changes"),
        ("sensor", "roof", "password must be given again, because host changes"),
        ("channel", "phone", "token and topic must be given again, because server changes"),
        ("destination", "vault", "secret must be given again, because the place or the user changes"),
    ],
)
def test_the_command_line_refuses_another_place_without_the_secret(kind: str, name: str, sentence: str) -> None:
    make, column, _ = ROWS[kind]
    row = make(name)
    found = skycam(*WORDS[kind])
    assert (found.exit_code != 0, sentence in found.stderr) == (True, True), found.stderr
    assert getattr(type(row).objects.get(pk=row.pk), column) == getattr(row, column)


@pytest.mark.parametrize(
    ("kind", "path", "change", "sentence"),
    [
        ("camera", "cameras/one/", {"address": "rtsp://anna:***@evil.example:554/live"}, "because the place rtsp://"),
        ("sensor", "sensors/one/", {"settings": {"host": "evil.example"}}, "because host changes"),
        ("channel", "notifications/channels/{pk}/", {"settings": {"server": "https://evil.example"}}, "because server"),
        (
            "destination", "offsite/destinations/{pk}/", {"settings": {"host": "evil.example", "user": "anna"}},
            "because the place or the user changes",
        ),
        ("webhook", "webhooks/{pk}/", {"url": "https://evil.example/***"}, "in place of ***"),
    ],
)  # fmt: skip
def test_the_api_refuses_another_place_without_the_secret(
    kind: str, path: str, change: dict[str, Any], sentence: str, manager: Any
) -> None:
    make, column, _ = ROWS[kind]
    row = make("one")
    answer = manager.patch(f"/api/v1/{path.format(pk=row.pk)}", change, format="json")
    assert (answer.status_code, sentence in str(answer.json()["errors"])) == (400, True), answer.json()
    assert getattr(type(row).objects.get(pk=row.pk), column) == getattr(row, column)


@pytest.mark.parametrize(
    ("kind", "path", "form", "sentence"),
    [
        (
            "camera", "/cameras/one/edit/",
            {"name": "One", "host": "main", "address": "rtsp://anna:***@evil.example:554/live"},
            "because the place rtsp://anna@10.0.0.9:554 changes",
        ),
        (
            "sensor", "/sensors/one/",
            {
                "kind": "mqtt", "label": "", "host": "main", "interval_s": "2", "set_host": "evil.example",
                "set_port": "1883", "set_user": "anna", "set_password": "", "set_topics": "roof=temperature",
            },
            "because host changes",
        ),
        (
            "channel", "/notifications/channels/{pk}/", {"name": "one", "server": "https://evil.example"},
            "because server changes",
        ),
        ("webhook", "/webhooks/{pk}/", {"name": "one", "url": "https://evil.example/***", "kinds": "*"}, "in place of"),
    ],
)  # fmt: skip
def test_a_page_refuses_another_place_without_the_secret(
    kind: str, path: str, form: dict[str, Any], sentence: str, manager: Any
) -> None:
    make, column, _ = ROWS[kind]
    row = make("one")
    answer = manager.post(path.format(pk=row.pk), form, format="multipart")
    assert sentence in text_of(answer)
    assert getattr(type(row).objects.get(pk=row.pk), column) == getattr(row, column)


@pytest.mark.parametrize(
    ("kind", "item", "sentence"),
    [
        (
            "camera", 'cameras:\n  - {id: one, type: network, address: "rtsp://anna:***@evil.example:554/live"}\n',
            "because the place rtsp://anna@10.0.0.9:554 changes",
        ),
        (
            "sensor", "sensors:\n  - {name: one, type: mqtt, settings: {host: evil.example, topics: a=temperature}}\n",
            "because host changes",
        ),
        (
            "channel", "notification_channels:\n  - {name: one, type: ntfy, settings: {server: https://evil.example}}\n",
            "because server changes",
        ),
    ],
)  # fmt: skip
def test_the_configuration_file_refuses_another_place_without_the_secret(
    kind: str, item: str, sentence: str, tmp_path: Path
) -> None:
    make, column, _ = ROWS[kind]
    row = make("one")
    found = skycam("config", "apply", str(write(tmp_path / "skycam.yaml", item)), "--yes")
    assert (found.exit_code != 0, sentence in found.stderr) == (True, True), found.stderr
    assert getattr(type(row).objects.get(pk=row.pk), column) == getattr(row, column)


EARLIER = [
    ("camera", "encrypted_address", {"origin": "rtsp://anna@10.0.0.9:554", "secrets": {"password": SESAME}}),
    ("sensor", "secrets_encrypted", {"password": SESAME}),
    ("channel", "settings_encrypted", {"server": "https://ntfy.example.org", "topic": SESAME, "token": SESAME}),
    ("destination", "secret", {"origin": "sftp://anna@nas.example.org:22", "values": {"password": SESAME}}),
    ("webhook", "url_encrypted", f"https://lab.example.org/{SESAME}"),
    ("key of a webhook", "secret_encrypted", SESAME),
    ("key of a webhook", "old_secret_encrypted", SESAME),
]


def migrate() -> None:
    migration.bind_secrets(MigrationLoader(connection).project_state().apps, None)


@pytest.mark.parametrize(("kind", "column", "content"), EARLIER)
def test_the_migration_binds_the_secrets_of_earlier_versions(kind: str, column: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    row = moved(ROWS[kind][0]("one"), **{column: in_earlier_form(text)})
    with pytest.raises(DecryptionFailed, match="was not converted"):
        decrypt_secrets(row, column)
    migrate()
    row.refresh_from_db()
    assert SESAME in str(decrypt_secrets(row, column))


def test_the_migration_binds_the_secrets_of_invitations() -> None:
    row = HostInvitation(name="dome", expires_at="2026-11-28T18:00:00Z")
    row.verifier_encrypted = in_earlier_form("17")
    row.shared_encrypted = in_earlier_form('{"DATABASE_URL": "postgres://db"}')
    row.save()
    migrate()
    row.refresh_from_db()
    assert decrypt_secrets(row, "verifier_encrypted") == {"verifier": "17"}
    assert decrypt_secrets(row, "shared_encrypted") == {"DATABASE_URL": "postgres://db"}


def test_the_migration_does_not_bind_the_password_of_a_camera_to_another_host_in_its_row() -> None:
    content = {"origin": "rtsp://anna@10.0.0.9:554", "secrets": {"password": SESAME}}
    camera = moved(
        camera_with_password(), encrypted_address=in_earlier_form(json.dumps(content)),
        address="rtsp://anna:***@evil.example:554/live",
    )  # fmt: skip
    migrate()
    camera.refresh_from_db()
    assert SESAME not in camera.full_address


def test_secrets_of_a_lost_key_stay_as_they_are_and_doctor_lists_them() -> None:
    rows = [camera_with_password(), sensor_with_password(), channel_with_token(), destination_with_password()]
    before = [ROWS[kind][1] for kind in ("camera", "sensor", "channel", "destination")]
    stored = [getattr(row, column) for row, column in zip(rows, before, strict=True)]
    with override_settings(STATION=settings.STATION.model_copy(update={"address_secret": "k" * 40})):
        migrate()
        [finding] = passwords(Station())
    for row in rows:
        row.refresh_from_db()
    assert [getattr(row, column) for row, column in zip(rows, before, strict=True)] == stored
    assert finding.state == "broken"
    assert finding.detail == (
        "These stored secrets cannot be decrypted: camera yard, destination vault, notification channel phone, "
        "sensor roof."
    )


def test_doctor_lists_a_sensor_whose_place_was_changed_in_the_database() -> None:
    sensor = sensor_with_password()
    moved(sensor, settings={**sensor.settings, "host": "evil.example"})
    [finding] = passwords(Station())
    assert "sensor roof" in finding.detail


def test_doctor_does_not_list_what_was_removed() -> None:
    moved(camera_with_password(), encrypted_address="damaged", removed_at="2026-11-28T18:00:00Z")
    assert [finding.state for finding in passwords(Station())] == ["ok"]
    assert Camera.objects.count() == 1
    assert (Sensor.objects.count(), Webhook.objects.count()) == (0, 0)
