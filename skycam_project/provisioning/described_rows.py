"""A list whose items are the request that adds such a row, as the description of a resource says it. A change
replaces the row as a whole if its operation does; else it has only the keys that the item gives and that differ.
Settings of kinds are compared without secrets. Rows that are no `KindRow` have `services.checked_settings(kind,
given)`, `services.replaced_settings(row, given)` and `services.readable_settings(row)`, which return the settings of
the kind, or None if they cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from pydantic.fields import FieldInfo

from core.registry import resolve
from core.resources.fields import KindSettings
from core.resources.kind_rows import KindRow
from core.resources.resource import Resource
from core.resources.values import Reference, marker_of
from skycam_project.config.lists import singular
from skycam_project.config.manager import ConfigFile
from skycam_project.config.redaction import escape_references, secret_settings, setting_reference
from skycam_project.provisioning.rows import (
    HIDDEN_CHANGE,
    FieldChange,
    ListRows,
    Plans,
    RowChange,
    RowsPlan,
    field_changes,
    known_after,
    refuse,
)


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


NOT_COMPARED = frozenset({"name", "kind", "settings"})


class DescribedRows(ListRows):
    """`values` of its changes are the fields of the operation's request, with names in place of references."""

    def __init__(self, resource: Resource, file: ConfigFile, user: Any, actor: str) -> None:
        super().__init__(file, user, actor)
        self.resource, self.settings = resource, DescribedSettings(resource, user)
        self.name, self.noun = resource.name, resource.noun
        self.keys = {"kind": "type"} if resource.kinds else {}
        self.change_operation, self.add_operation = resource.operation("change"), resource.operation("add")
        fields = self.request.model_fields
        self.references = {name: found for name in fields if (found := marker_of(fields[name], Reference))}

    @property
    def request(self) -> Any:
        return self.add_operation.request

    def stored(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.resource.all_rows(self.user)
        return rows

    def kind_of(self, entry: Any) -> str:
        return str(entry.type) if self.resource.kinds else ""

    def check(self, plans: Plans) -> None:
        """Whether the rows that items refer to will exist."""
        for key, reference in self.references.items():
            referred = resolve(reference.resource)
            present = (row.name for row in referred.all_rows(self.user))
            known = known_after(plans.get(referred.name, RowsPlan()), present)
            refuse(
                f"{self.place(number, key)}: there is no {singular(referred.name)} {name!r}."
                for number, entry in self.entries()
                if (name := getattr(entry, key)) and name not in known
            )

    def check_kept(self, rows: list[Any], plans: Plans) -> None:
        for key, reference in self.references.items():
            leaving = plans.get(resolve(reference.resource).name, RowsPlan()).removed
            refuse(
                f"{self.name}: the {self.noun} {row.name} has {key}: {found.name}, which is not in the file and would "
                f"be removed. Add the {self.noun} to the file, or {found.name}."
                for row in rows
                if (found := getattr(row, key)) and found.name in leaving
            )

    def is_removed(self, row: Any, plans: Plans, *, prune: bool) -> bool:
        """A row ends with one that it cannot be without."""
        return prune or any(
            getattr(row, key).name in plans.get(resolve(reference.resource).name, RowsPlan()).removed
            for key, reference in self.references.items()
            if self.field(key).is_required()
        )

    def field(self, key: str) -> FieldInfo:
        found: FieldInfo = self.request.model_fields[key]
        return found

    def change(self, number: int, entry: Any, row: Any) -> RowChange:
        is_whole = row is None or self.change_operation.replaces
        given = entry.model_dump(mode="json", exclude_unset=not is_whole, exclude={"name", "type", "settings"})
        fields = added(given) if row is None else field_changes(self.shown(row), given)
        values = given if is_whole else {change.field: change.new for change in fields}
        if self.resource.kinds and (row is None or "settings" in entry.model_fields_set):
            with self.located(number):
                wanted = self.settings.wanted(entry, row)
            if changed := self.settings.change(row, wanted):
                fields += (changed,)
                # All of them: what a change does not give stays as it is.
                values = {**values, "settings": entry.settings if row is None else wanted.model_dump(mode="json")}
        kind = added({"type": entry.type}) if self.resource.kinds and row is None else ()
        return RowChange(entry.name, number, (*kind, *fields), values)

    def shown(self, row: Any) -> dict[str, Any]:
        """The keys of an item, without those of its kind."""
        body = self.resource.body(row, self.user)
        names = {key: getattr(getattr(row, key), "name", "") for key in self.references}
        return {name: names.get(name, body.get(name)) for name in self.request.model_fields if name not in NOT_COMPARED}

    def wanted(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a request, with ids in place of names."""
        return {**values, **{key: self.id_of(key, values[key]) for key in self.references if key in values}}

    def id_of(self, key: str, name: str) -> Any:
        """None for an empty name: `check` has refused unknown ones."""
        rows = resolve(self.references[key].resource).all_rows(self.user)
        return next((row.pk for row in rows if row.name == name), None)

    def add(self, entry: Any, change: RowChange) -> None:
        kind, named = ({"kind": entry.type}, self.settings.from_file(entry.type)) if self.resource.kinds else ({}, {})
        wanted = self.request.model_validate({"name": change.name, **kind, **self.wanted(change.values)})
        self.resource.run(self.add_operation, self.user, self.actor, wanted, **named)

    def update(self, row: Any, change: RowChange) -> None:
        request: Any = self.change_operation.request
        name = {"name": change.name} if self.change_operation.replaces else {}
        named = self.settings.from_file(row.kind) if self.resource.kinds else {}
        wanted = request.model_validate({**name, **self.wanted(change.values)})
        self.resource.run(self.change_operation, self.user, self.actor, row, wanted, **named)

    def remove(self, row: Any) -> None:
        self.resource.run(self.resource.operation("remove"), self.user, self.actor, row)

    def item(self, row: Any) -> dict[str, Any]:
        """A row that a file replaces as a whole is without what has its default."""
        found = {"name": row.name, **({"type": row.kind} if self.resource.kinds else {}), **self.shown(row)}
        if self.change_operation.replaces:
            found = {name: value for name, value in found.items() if name == "name" or value != self.default(name)}
        return {**escape_references(found), **({"settings": self.settings.item(row)} if self.resource.kinds else {})}

    def default(self, name: str) -> Any:
        about = self.field(name)
        value = None if about.is_required() else about.get_default(call_default_factory=True)
        return "" if name in self.references and not about.is_required() else value


def added(values: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields of a new row."""
    return tuple(FieldChange(name, None, value) for name, value in values.items())
