"""Secrets in the database: encrypted with the station's key (`address_secret` in the configuration), which is the same
on all its hosts. A stolen database alone reveals none.

A stored secret is bound to its row and to the place that it may be sent to. A person who can write to the database but
has no key can neither have it sent elsewhere nor move it to another row.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

LOST_KEY = (
    "The stored secret cannot be read: the station's key for it is lost or has changed. "
    "Put the key back (docs/station/security.md says where it is), or write the secret itself again."
)
EARLIER_FORM = (
    "The stored secret was not converted to the form of this version of Skycam, because the station's key was missing "
    "when it was updated. Write the secret again."
)
MOVED_ROW = "The stored secret belongs to another row of the database. Write it again."


class DecryptionFailed(ValueError):
    """The secret cannot be decrypted, or not for this use. The message says what to do."""


class BoundElsewhere(DecryptionFailed):
    """The secret was given for `place`, which is not in the message: that of S3 has the access key."""

    def __init__(self, place: str) -> None:
        super().__init__("The stored secret is for another place than that of the settings. Write it again.")
        self.place = place


class SecretsNeeded(DecryptionFailed):
    """A change would send stored secrets to another place. `moved` names what leads there."""

    def __init__(self, names: Iterable[str], moved: str) -> None:
        super().__init__(
            f"{' and '.join(sorted(names))} must be given again, because {moved} changes: a stored secret is not sent "
            "to another place."
        )


class Binding(NamedTuple):
    """What secrets are for: `use` never changes for a column, `owner` is the id of the row, and `place` is where the
    secrets may be sent to; empty if it is itself one of them, or if they are sent nowhere."""

    use: str
    owner: str
    place: str = ""


class SecretsField(models.TextField):  # type: ignore[type-arg]  # only the stubs have any
    """Named secrets of a row, encrypted; empty without any. `use` is a short text of its own for what they are, which a
    renamed column keeps; without it the row has it as `secrets_use`. `place` gives the place that those of a row may be
    sent to."""

    def __init__(
        self, *args: Any, use: str = "", place: Callable[[Any], str] = lambda _row: "", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.use, self.place = use, place

    def deconstruct(self) -> Any:
        """The database has a text: what it is bound to changes no column."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options


def rows_with_secrets() -> Iterator[tuple[models.Model, str]]:
    """Every row of the station's tables that has secrets, with the column of them."""
    for model in apps.get_models():
        for column in (field.name for field in model._meta.concrete_fields if isinstance(field, SecretsField)):
            yield from ((row, column) for row in model._base_manager.exclude(**{column: ""}))


def binding_of(row: models.Model, column: str) -> Binding:
    field = row._meta.get_field(column)
    assert isinstance(field, SecretsField)
    return Binding(field.use or row.secrets_use, str(row.pk), field.place(row))  # type: ignore[attr-defined]


def encrypt_secrets(row: models.Model, column: str, secrets: Mapping[str, Any]) -> str:
    """The value of the column. `row` has its settings already: they say the place."""
    return encrypt(secrets, binding_of(row, column))


def decrypt_secrets(row: models.Model, column: str) -> dict[str, Any]:
    """DecryptionFailed."""
    return decrypt(getattr(row, column), binding_of(row, column))


def decrypt_secret(row: models.Model, column: str, name: str) -> str:
    """One that the row cannot be without. DecryptionFailed, also if it is missing."""
    secrets = decrypt_secrets(row, column)
    if name not in secrets:
        raise DecryptionFailed(LOST_KEY)
    return str(secrets[name])


def encrypt(secrets: Mapping[str, Any], binding: Binding) -> str:
    """Empty without secrets. Their values are those of JSON."""
    if not secrets:
        return ""
    # The version before reads `origin` and `secrets` of cameras: they go on while a host waits for its update.
    content = {"use": [binding.use, binding.owner], "origin": binding.place, "secrets": secrets}
    return _fernet().encrypt(json.dumps(content).encode()).decode()


def decrypt(encrypted: str, binding: Binding) -> dict[str, Any]:
    """The secrets that `encrypt` was given for this binding. DecryptionFailed for damaged text, another key or another
    row, BoundElsewhere for another place."""
    if not encrypted:
        return {}
    content = _content(encrypted)
    if content["use"] != [binding.use, binding.owner]:
        raise DecryptionFailed(MOVED_ROW)
    if content["origin"] != binding.place:
        raise BoundElsewhere(content["origin"])
    secrets: dict[str, Any] = content["secrets"]
    return secrets


def decrypt_unbound(encrypted: str) -> dict[str, Any]:
    """The secrets of any column and row, to recognise them in texts and for nothing else. DecryptionFailed."""
    secrets: dict[str, Any] = _content(encrypted)["secrets"]
    return secrets


def kept_secrets(stored: Mapping[str, Any], given: Collection[str], moved: str) -> dict[str, Any]:
    """The stored secrets that a change keeps, because it does not give them. SecretsNeeded if there are some and
    `moved`, the name of what leads to another place then, is not empty."""
    kept = {name: value for name, value in stored.items() if value and name not in given}
    if kept and moved:
        raise SecretsNeeded(kept, moved)
    return kept


def decrypt_text(encrypted: str) -> str:
    """DecryptionFailed for damaged text or another key."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().decrypt(encrypted).decode()
    except (InvalidToken, ValueError):
        raise DecryptionFailed(LOST_KEY) from None


def _content(encrypted: str) -> dict[str, Any]:
    with suppress(json.JSONDecodeError):
        content = json.loads(decrypt_text(encrypted))
        if isinstance(content, dict) and "use" in content:
            return content
    raise DecryptionFailed(EARLIER_FORM)


def _fernet() -> Fernet:
    from cryptography.fernet import Fernet

    # Fernet needs exactly 32 bytes. The secret is at least 32 characters long and usually random, so a plain hash
    # suffices.
    key = hashlib.sha256(settings.STATION.address_secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
