"""Secrets that were encrypted by an earlier version are bound to their rows and places (core/secrets.py).

What the station's key does not decrypt stays as it is, and is reported like every unreadable secret. All tables in one
migration, at the top of those that have any: this is the one place that knows the earlier forms.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.db import migrations

from core.secrets import Binding, DecryptionFailed, decrypt_text, encrypt

COLUMNS = (
    ("cameras", "Camera", "encrypted_address", "camera", ""),
    ("cameras", "HostInvitation", "verifier_encrypted", "verifier of an invitation", "verifier"),
    ("cameras", "HostInvitation", "shared_encrypted", "addresses of an invitation", ""),
    ("captures", "Destination", "secret", "destination", ""),
    ("monitoring", "NotificationChannel", "settings_encrypted", "notification channel", ""),
    ("monitoring", "Sensor", "secrets_encrypted", "sensor", ""),
    ("monitoring", "Webhook", "url_encrypted", "address of a web-hook", "url"),
    ("monitoring", "Webhook", "secret_encrypted", "key of a web-hook", "key"),
    ("monitoring", "Webhook", "old_secret_encrypted", "key of a web-hook", "key"),
)
"""App, model, column, what its secrets are for, and the name of the one that was stored as plain text."""


PLACE = ("command", "host", "port", "program", "tls", "url")
"""Settings that say where a sensor connects to."""


def place_of_sensor(sensor: Any) -> str:
    place = {name: sensor.settings[name] for name in PLACE if name in sensor.settings}
    return json.dumps({"kind": sensor.kind, **place}, sort_keys=True)


def bind_secrets(apps: Any, _schema_editor: Any) -> None:
    for app, model, column, use, name in COLUMNS:
        for row in apps.get_model(app, model).objects.exclude(**{column: ""}):
            with suppress(DecryptionFailed):
                text = decrypt_text(getattr(row, column))
                setattr(row, column, bound(row, use, {name: text} if name else json.loads(text)))
                row.save(update_fields=[column])


def bound(row: Any, use: str, content: dict[str, Any]) -> str:
    """What the earlier form had in it, encrypted again."""
    place = {"sensor": place_of_sensor, "notification channel": lambda row: row.kind}.get(use, lambda _row: "")(row)
    if use in {"camera", "destination"}:
        # The place that they were given for, whatever the row says now.
        content, place = content["secrets" if use == "camera" else "values"], content["origin"]
    return encrypt(content, Binding(use, str(row.pk), place))


class Migration(migrations.Migration):
    dependencies = [
        ("cameras", "0017_file_servers_of_hosts"),
        ("captures", "0041_indexes_of_simulated_captures"),
        ("monitoring", "0018_partitions_by_month"),
    ]
    operations = [migrations.RunPython(bind_secrets, migrations.RunPython.noop)]
