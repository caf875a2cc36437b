"""Rows with settings of their kind: those that are secret are encrypted in a column of their own, and some are set by
the configuration file alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic
from django.core.exceptions import ValidationError
from django.db import models

from core.api.model import describe_error
from core.registry import resolve
from core.resources.fields import REDACTED, KindSettings, settings_model
from core.secrets import DecryptionFailed, SecretsField, decrypt_secrets, encrypt_secrets, kept_secrets


def checked(model: type[KindSettings], given: Mapping[str, Any]) -> KindSettings:
    """ValidationError with a sentence for each setting, without the refused value, which may be a secret."""
    try:
        return model.model_validate(given)
    except pydantic.ValidationError as error:
        raise ValidationError({"settings": [setting_sentence(item) for item in error.errors()]}) from None


def setting_sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    return f"{where}: {describe_error(error)}" if where else describe_error(error)


class KindRow(models.Model):
    """A subclass has the path of the table of its kinds, as its resource. Its secrets are bound to `secrets_use`, a
    text that no other table has and that never changes, and to the settings named in `destinations`, which lead to the
    place that they are sent to."""

    kinds: ClassVar[str]
    secrets_use: ClassVar[str]
    destinations: ClassVar[tuple[str, ...]] = ()

    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict, blank=True)
    secrets_encrypted = SecretsField(
        blank=True, help_text="The secret settings as JSON, encrypted.", place=lambda row: row.place
    )

    class Meta:
        abstract = True

    @classmethod
    def checked_settings(cls, kind: str, given: Mapping[str, Any]) -> KindSettings:
        """Those of a new row. ValidationError."""
        table = resolve(cls.kinds)
        if kind not in table:
            raise ValidationError({"kind": f"Choose one of {', '.join(table)}."})
        return checked(settings_model(table[kind][1]), given)

    @property
    def place(self) -> str:
        """With the kind: another one may have a setting of the same name."""
        place = {name: self.settings[name] for name in self.destinations if name in self.settings}
        return json.dumps({"kind": self.kind, **place}, sort_keys=True)

    @property
    def settings_model(self) -> type[KindSettings]:
        """KeyError for a kind of another version."""
        return settings_model(resolve(self.kinds)[self.kind][1])

    @property
    def secret_names(self) -> list[str]:
        """Nothing for a kind of another version."""
        return self.settings_model.secret_fields() if self.kind in resolve(self.kinds) else []

    @property
    def settings_shown(self) -> dict[str, Any]:
        """With *** in place of the secrets. Nothing is decrypted: they are shown also without the key."""
        hidden = sorted(self.secret_names) if self.secrets_encrypted else []
        return {**self.settings, **dict.fromkeys(hidden, REDACTED)}

    def stored_secrets(self) -> dict[str, Any]:
        """DecryptionFailed."""
        return decrypt_secrets(self, "secrets_encrypted")

    def readable_settings(self) -> KindSettings | None:
        """None if the secrets cannot be decrypted, or another version refuses the settings."""
        try:
            return self.settings_model.model_validate({**self.settings, **self.stored_secrets()})
        except (DecryptionFailed, pydantic.ValidationError):
            return None

    def changed_settings(self, given: Mapping[str, Any], *, replaces: bool = False) -> KindSettings:
        """The stored settings with those that are given; with `replaces` only the stored secrets stay. ValidationError,
        also if a stored secret cannot be read, or would be sent to another place."""
        hidden = set(self.secret_names)
        given = {name: value for name, value in given.items() if name not in hidden or value != REDACTED}
        try:
            # Nothing is decrypted for a change that gives all secrets: it works while the key is lost.
            kept = kept_secrets(self.stored_secrets(), given, "") if hidden - given.keys() else {}
            found = checked(self.settings_model, {**({} if replaces else self.settings), **kept, **given})
            values = found.model_dump(mode="json")
            moved = [name for name in self.destinations if values.get(name) != self.settings.get(name)]
            kept_secrets(kept, given, " and ".join(moved))
        except DecryptionFailed as error:
            raise ValidationError({"settings": str(error)}) from None
        return found

    def store_settings(self, complete: Mapping[str, Any]) -> None:
        """In the columns of the row, whose kind they are of. `complete`: with the secrets, in JSON's types."""
        hidden = self.secret_names
        self.settings = {name: value for name, value in complete.items() if name not in hidden}
        secrets = {name: value for name, value in complete.items() if name in hidden and value not in (None, "")}
        self.secrets_encrypted = encrypt_secrets(self, "secrets_encrypted", secrets)


def only_from_file(name: str) -> ValidationError:
    sentence = f"{name} is set by the configuration file alone (`skycam config apply`): it names a program to run."
    return ValidationError({"settings": sentence})
