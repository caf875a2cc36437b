"""The settings of a sensor: checked by its kind, with the secrets in a column of their own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError

from core.resources.fields import REDACTED
from core.resources.kind_rows import only_from_file
from core.secrets import DecryptionFailed, kept_secrets
from core.text.suggestions import did_you_mean
from monitoring.models import Sensor
from monitoring.sensors.kinds import SENSORS
from monitoring.sensors.settings import SettingsRefused, checked_settings, completed_settings, settings_model


def check_kind(kind: str) -> None:
    """ValidationError for a kind that does not exist."""
    if kind not in SENSORS:
        meant = did_you_mean(kind, SENSORS)
        raise ValidationError(
            {"kind": f"There is no kind {kind[:40]!r}.{meant} Known are {', '.join(sorted(SENSORS))}."}
        )


def program_setting(kind: str) -> str:
    """The setting that names a program to run, which the configuration file alone may set and the kind needs; empty
    without one."""
    model = settings_model(kind)
    return next((name for name in model.file_only_fields() if model.model_fields[name].is_required()), "")


def readable_settings(sensor: Sensor) -> dict[str, Any]:
    """Complete, with the secrets unless they cannot be decrypted."""
    secrets: dict[str, Any] = {}
    with suppress(DecryptionFailed):
        secrets = sensor.stored_secrets()
    return completed_settings(sensor.kind, {**sensor.settings, **secrets})


def check_settings(
    kind: str, given: Mapping[str, Any], stored: Sensor | None = None, *, from_file: bool = False
) -> dict[str, Any]:
    """The complete settings, with secrets. What is not given stays as it is in `stored`; None is the default.

    ValidationError with a sentence: a wrong value, a setting that the file alone may have (unless `from_file`), or a
    stored secret that cannot be read, or would go to another place.
    """
    # Before the settings are checked: a missing program would be asked for, and then refused.
    if not from_file and stored is None and (name := program_setting(kind)):
        raise only_from_file(name)
    secrets = set(settings_model(kind).secret_fields())
    given = {name: value for name, value in given.items() if name not in secrets or value != REDACTED}
    before = dict(stored.settings) if stored else {}
    try:
        # Nothing is decrypted for a change that gives all secrets: it works while the key is lost.
        kept = kept_secrets(stored.stored_secrets(), given, "") if stored and secrets - given.keys() else {}
        complete = checked_settings(kind, {**before, **kept, **given})
        if not from_file:
            check_file_only(kind, complete, before)
        kept_secrets(kept, given, moved_setting(complete, before))
    except SettingsRefused as error:
        raise ValidationError({"settings": error.sentences}) from None
    # DecryptionFailed is one, too.
    except ValueError as error:
        raise ValidationError({"settings": str(error)}) from None
    return complete


def check_file_only(kind: str, complete: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    stored = completed_settings(kind, before)
    for name in settings_model(kind).file_only_fields():
        if complete[name] != stored.get(name):
            raise only_from_file(name)


def moved_setting(complete: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The first setting that leads to another place than before, or nothing."""
    return next((name for name in Sensor.destinations if name in complete and complete[name] != before.get(name)), "")
