"""`Provisioning` plans what a file changes in the rows of its lists and in its settings, and applies the plan in one
transaction through the services that pages and API use. Keys of the Settings page are stored, all others are read
when a station starts. The functions raise ConfigError with the place in the file of what is wrong there. The present
configuration as YAML: the values that were set, and the rows of its lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from core import station_settings
from core.registry import resolve
from core.station_settings import clear_cache
from core.station_settings import value_at as section_value
from skycam_project.config.document import REFERENCE
from skycam_project.config.keys import Key
from skycam_project.config.lists import LISTS
from skycam_project.config.manager import ConfigFile
from skycam_project.config.model import FIRST_CAMERA, FIRST_SENSOR, KEYS
from skycam_project.config.redaction import escape_references, redacted
from skycam_project.config.writing import nest_keys, to_yaml, value_at, written_values
from skycam_project.provisioning.described_rows import DescribedRows
from skycam_project.provisioning.lists import CameraRows, ScheduleRows, SensorRows
from skycam_project.provisioning.rows import FieldChange, ListRows, NotApplied, Plan, Plans, RowsPlan, refuse
from skycam_project.resources import IN_FILE, RESOURCES
from skycam_project.station_settings import change_settings, values_from_page


def present_rows(rows: ListRows) -> dict[str, Any]:
    """By what is compared of their ids."""
    return {rows.key(rows.label(row)): row for row in rows.stored()}


def lock_rows(rows: ListRows) -> None:
    """Until the end of the transaction: of two people at once, the second compares with what the first stored."""
    list(rows.stored().select_related(None).order_by().select_for_update())


def plan_rows(rows: ListRows, plans: Plans, *, prune: bool) -> RowsPlan:
    present = present_rows(rows)
    check_kinds(rows, present)
    rows.check(plans)
    keyed = [(rows.key_of(entry), number, entry) for number, entry in rows.entries()]
    changes = {key: rows.change(number, entry, present.get(key)) for key, number, entry in keyed}
    missing = [row for key, row in present.items() if key not in changes]
    leaving = {rows.label(row): row for row in missing if rows.is_removed(row, plans, prune=prune)}
    rows.check_kept([row for row in missing if rows.label(row) not in leaving], plans)
    blocked = {name: found for name, row in leaving.items() if (found := rows.blocked(row))}
    return rows.arranged(
        RowsPlan(
            added=tuple(change for key, change in changes.items() if key not in present),
            changed=tuple(change for key, change in changes.items() if key in present and change.fields),
            unchanged=tuple(change.name for key, change in changes.items() if key in present and not change.fields),
            removed=tuple(name for name in leaving if name not in blocked),
            kept=tuple(name for row in missing if (name := rows.label(row)) not in leaving),
            blocked=tuple(blocked.values()),
        )
    )


def check_kinds(rows: ListRows, present: Mapping[str, Any]) -> None:
    """The kind of a row cannot be changed."""
    refuse(
        f"{rows.place(number, 'type')}: {rows.label(row)} is a {rows.noun} of the type {row.kind}, and its type cannot "
        f"be changed. Remove it first, or choose another {rows.id_key}."
        for number, entry in rows.entries()
        if (row := present.get(rows.key_of(entry))) and (kind := rows.kind_of(entry)) and kind != row.kind
    )


def remove_rows(rows: ListRows, plan: RowsPlan) -> None:
    present = present_rows(rows) if plan.removed else {}
    # One may have gone with the row that it referred to.
    for row in filter(None, (present.get(rows.key(name)) for name in plan.removed)):
        rows.remove(row)


def store_rows(rows: ListRows, plan: RowsPlan) -> None:
    """Change and add the rows of the plan."""
    present, entries = present_rows(rows) if plan.changed else {}, dict(rows.entries())
    for change in plan.changed:
        with rows.located(change.number):
            rows.update(present[rows.key(change.name)], change)
    for change in plan.added:
        with rows.located(change.number):
            rows.add(entries[change.number], change)
    if plan.has_changes:
        rows.finish()


AT_START = (
    "because it is read when a station starts (set it in the station's own file, or start the station with this one)"
)


def plan_settings(file: ConfigFile) -> tuple[list[FieldChange], dict[str, Any], list[NotApplied]]:
    """The keys of the Settings page that change, what to store for them (None: the file of the station says it), and
    the keys that cannot be stored."""
    changes: list[FieldChange] = []
    stored: dict[str, Any] = {}
    not_applied: list[NotApplied] = []
    for key in file.given:
        if key[0] in LISTS:
            continue
        name = ".".join(key)
        if not is_on_page(key):
            not_applied += _at_start(file, key, name)
            continue
        old, new = (
            section_value(station_settings.section(key[0]), key),
            section_value(getattr(file.config, key[0]), key),
        )
        if old == new:
            continue
        if key in settings.STATION.fixed:
            origin = settings.STATION.origin(key)
            # In the station's own file: its site.
            is_own = origin == file.given[key].where
            message = AT_START if is_own else f"because {origin} overrides what is stored"
            not_applied.append(NotApplied(name, old, new, message))
            continue
        changes.append(FieldChange(name, old, new))
        stored[name] = None if section_value(getattr(settings.STATION, key[0]), key) == new else new
    return changes, stored, not_applied


def is_on_page(key: Key) -> bool:
    return key[0] in station_settings.SECTIONS and key in station_settings.fields(key[0])


def _at_start(file: ConfigFile, key: Key, name: str) -> list[NotApplied]:
    station, origin = settings.STATION, settings.STATION.origin(key)
    # In the station's own file the value is the one in effect, also where it was completed.
    if origin == file.given[key].where or value_at(station, key) == value_at(file.config, key):
        return []
    old, new = redacted(key, value_at(station, key)), redacted(key, value_at(file.config, key))
    overrides = key in station.fixed
    message = f"because {origin} overrides the file" if overrides else AT_START
    return [NotApplied(name, old, new, message)]


def lists_of(file: ConfigFile, user: Any, actor: str) -> list[ListRows]:
    """In the order in which they are stored: what others refer to first, and cameras before sensors, because a host
    with a camera may have sensors."""
    described = [DescribedRows(resolve(RESOURCES[name]), file, user, actor) for name in IN_FILE]
    own = [kind(file, user, actor) for kind in (CameraRows, SensorRows)]
    return [*own, *described, ScheduleRows(file, user, actor)]


class PlanOutdated(Exception):
    """The station has changed since the plan was made; nothing was applied."""


class Provisioning:
    """`user` decides which cameras schedules may use; `actor` stands in the events. With `prune`, rows that are not in
    the file's list are removed."""

    def __init__(self, file: ConfigFile, user: Any, actor: str, *, prune: bool = False) -> None:
        self._file, self._actor, self._prune = file, actor, prune
        self._lists = lists_of(file, user, actor)

    def plan(self) -> Plan:
        """Nothing is changed. ConfigError with a sentence for each wrong value in the file; LeaseHeld when a camera to
        be changed is held by another user."""
        try:
            with transaction.atomic():
                plan = self._compare()
                # What the services refuse is known before anyone confirms the plan.
                self._store(plan)
                transaction.set_rollback(True)
        finally:
            clear_cache()
        return plan

    def apply(self, plan: Plan) -> None:
        """Make the changes of the plan, all or none. PlanOutdated when it is no longer the plan; else as `plan`."""
        try:
            with transaction.atomic():
                for one in self._lists:
                    lock_rows(one)
                clear_cache()
                if self._compare() != plan:
                    raise PlanOutdated("The station has changed since the plan was made, and nothing was applied.")
                self._store(plan)
        finally:
            clear_cache()

    def _compare(self) -> Plan:
        rows: dict[str, RowsPlan] = {}
        for one in self._lists:
            # A file without the list does not say that the station has none; an empty list does.
            rows[one.name] = plan_rows(one, rows, prune=self._prune and (one.name,) in self._file.given)
        changes, stored, not_applied = plan_settings(self._file)
        return Plan(
            rows={name: rows[name] for name in LISTS},
            settings=tuple(changes),
            setting_values=stored,
            not_applied=tuple(not_applied),
        )

    def _store(self, plan: Plan) -> None:
        # Removals first: they make room for new cameras. Settings before cameras: they say how many there may be.
        for one in reversed(self._lists):
            remove_rows(one, plan.rows[one.name])
        if plan.setting_values:
            change_settings(plan.setting_values, self._actor)
        for one in self._lists:
            store_rows(one, plan.rows[one.name])


FIRST_ROWS = (("camera", "cameras", FIRST_CAMERA), ("sensor", "sensors", FIRST_SENSOR))
"""Sections of which the first start makes a row, with its list and its id."""


class Export(NamedTuple):
    """`variables` are the names of the variables that the text refers to: secrets, which it does not contain.
    `left_out` are schedules whose cameras were all removed: a file cannot have them."""

    text: str
    variables: list[str]
    left_out: list[str]


def export_configuration(user: Any) -> Export:
    """With the rows that the user may see."""
    values = {**written_values(settings.STATION), **escape_references(values_from_page())}
    left_out: list[str] = []
    for rows in lists_of(ConfigFile(Path(), settings.STATION, {}), user, actor=""):
        items = {rows.label(row): rows.item(row) for row in rows.stored()}
        values[(rows.name,)] = [item for item in items.values() if item]
        left_out += [name for name, item in items.items() if not item]
    for section, list_name, first in FIRST_ROWS:
        if any(first in (item.get("id"), item.get("name")) for item in values[(list_name,)]):
            # It is in the list, as it is now. The file would describe it twice.
            values.pop((section, "type"), None)
            values.pop((section, "port"), None)
    text = to_yaml(nest_keys(in_order(values)))
    return Export(text, sorted({match[1] for match in REFERENCE.finditer(text) if match[1]}), left_out)


def in_order(values: dict[Key, Any]) -> dict[Key, Any]:
    return {key: values[key] for key in KEYS if key in values}
