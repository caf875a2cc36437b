"""Settings of kinds in lists of described resources: those of an item compared with those of a row, without secrets.

Rows that are no `KindRow` have `services.checked_settings(kind, given)`, `services.replaced_settings(row, given)` and
`services.readable_settings(row)` instead, which return the settings of the kind, or None if they cannot be read.
"""

from __future__ import annotations

from typing import Any

from core.registry import resolve
from core.resources.fields import KindSettings
from core.resources.kind_rows import KindRow
from core.resources.resource import Resource
from skycam_project.config.described_lists import secret_settings
from skycam_project.config.secret_references import escape_references, setting_reference
from skycam_project.provisioning.plan import FieldChange
from skycam_project.provisioning.rows import HIDDEN_CHANGE


class DescribedSettings:
    """`user` may see the rows."""

    def __init__(self, resource: Resource, user: Any) -> None:
        self._resource, self._user = resource, user

    def wanted(self, entry: Any, row: Any) -> KindSettings:
        """The complete settings of an item, with the stored secrets that it does not give. ValidationError."""
        if row is None:
            model: Any = self._resource.all_rows(self._user).model
            check = model.checked_settings if issubclass(model, KindRow) else self._service("checked_settings")
            new: KindSettings = check(entry.type, entry.settings)
            return new
        if isinstance(row, KindRow):
            return row.changed_settings(entry.settings, replaces=True)
        found: KindSettings = self._service("replaced_settings")(row, entry.settings)
        return found

    def change(self, row: Any, wanted: KindSettings) -> FieldChange | None:
        """None if nothing changes."""
        if row is None:
            return FieldChange("settings", None, wanted.shown())
        old, new = self._shown(row), wanted.shown()
        # Settings that cannot be read any more are written again.
        if old == new and self._readable(row) == wanted:
            return None
        return FieldChange("settings", old, HIDDEN_CHANGE if old == new else new)

    def item(self, row: Any) -> dict[str, Any]:
        """With references in place of the secrets that the row has. Nothing is decrypted."""
        shown, secrets = self._shown(row), secret_settings(self._resource, row.kind)
        flags = [f"{name}_set" for name in secrets]
        plain = {name: value for name, value in shown.items() if name not in (*secrets, *flags)}
        stored = [name for name, flag in zip(secrets, flags, strict=True) if shown.get(name) or shown.get(flag)]
        hidden = {name: setting_reference(self._resource.noun, row.name, name) for name in stored}
        return {**escape_references(plain), **hidden}

    def from_file(self, kind: str) -> dict[str, bool]:
        """What a service is told for a kind with settings that the file alone may set."""
        return {"from_file": True} if self._resource.settings_model(kind).file_only_fields() else {}

    def _shown(self, row: Any) -> dict[str, Any]:
        shown: dict[str, Any] = self._resource.body(row, self._user)["settings"]
        return shown

    def _readable(self, row: Any) -> KindSettings | None:
        if isinstance(row, KindRow):
            return row.readable_settings()
        found: KindSettings | None = self._service("readable_settings")(row)
        return found

    def _service(self, name: str) -> Any:
        return resolve(f"{self._resource.package}.services.{name}")
