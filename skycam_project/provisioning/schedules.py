"""The list `schedules`: compares its items with the station's schedules, and adds, changes and removes schedules."""

from __future__ import annotations

from typing import Any

from scheduler.editing.service import ScheduleService
from scheduler.schedules.models import Schedule
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.lists import ScheduleEntry
from skycam_project.provisioning.plan import FieldChange, RowChange, RowsPlan, field_changes
from skycam_project.provisioning.problems import located


def plan_schedules(file: ConfigFile, cameras: set[str], *, prune: bool) -> RowsPlan:
    """`cameras` are those that the station will have. ConfigError for a wrong item."""
    present = {row.name.lower(): row for row in Schedule.objects.prefetch_related("cameras")}
    check_cameras(file, cameras)
    changes = [
        _change(file, number, entry, present.get(entry.name.lower()))
        for number, entry in enumerate(file.config.schedules, start=1)
    ]
    names = {change.name.lower() for change in changes}
    missing = tuple(row.name for name, row in present.items() if name not in names)
    return RowsPlan(
        added=tuple(change for change in changes if change.name.lower() not in present),
        changed=tuple(change for change in changes if change.name.lower() in present and change.fields),
        unchanged=tuple(change.name for change in changes if change.name.lower() in present and not change.fields),
        removed=missing if prune else (),
        kept=() if prune else missing,
    )


def check_cameras(file: ConfigFile, cameras: set[str]) -> None:
    """ConfigError for a camera that the station will not have."""
    wrong = [
        f"{file.place_of('schedules', number, 'cameras')}: there is no camera {slug!r}."
        for number, entry in enumerate(file.config.schedules, start=1)
        for slug in entry.cameras
        if slug not in cameras
    ]
    if wrong:
        raise ConfigError(wrong)


def _change(file: ConfigFile, number: int, entry: ScheduleEntry, row: Schedule | None) -> RowChange:
    with located(file, "schedules", number, {}):
        request = ScheduleRequest.model_validate(entry.model_dump(mode="json", exclude_unset=True))
    wanted = {**request.stored(), "cameras": sorted(request.cameras)}
    if row is None:
        fields = tuple(FieldChange(name, None, value) for name, value in shown(wanted).items() if name != "name")
        return RowChange(entry.name, number, fields, wanted)
    return RowChange(entry.name, number, field_changes(shown(stored(row)), shown(wanted)), wanted)


def stored(row: Schedule) -> dict[str, Any]:
    """The columns of the row, as `ScheduleRequest.stored` has them, and its cameras."""
    columns = {name: getattr(row, name) for name in ScheduleRequest.model_fields if name != "cameras"}
    return {**columns, "cameras": row.camera_slugs}


def shown(values: dict[str, Any]) -> dict[str, Any]:
    """In JSON's types."""
    dates = {name: str(values[name]) for name in ("first_night", "last_night") if values[name]}
    return {**values, **dates}


def plan_later() -> None:
    """To plan a night with a hundred schedules takes 0.4 s, in which no one else may write: the caller plans once."""


def remove_schedules(plan: RowsPlan, user: Any, actor: str) -> None:
    for name in plan.removed:
        ScheduleService(user, actor, plan_later).remove(Schedule.objects.get(name=name))


def store_schedules(file: ConfigFile, plan: RowsPlan, user: Any, actor: str) -> None:
    """Change and add the schedules of the plan. ConfigError with the place of what the service refuses."""
    service = ScheduleService(user, actor, plan_later)
    # As in `plan_schedules`: SQLite compares only ASCII without regard to case.
    present = {row.name.lower(): row for row in Schedule.objects.all()}
    for change in (*plan.changed, *plan.added):
        entry = file.config.schedules[change.number - 1]
        with located(file, "schedules", change.number, {}):
            request = ScheduleRequest.model_validate(entry.model_dump(mode="json", exclude_unset=True))
            row = present.get(entry.name.lower())
            if row is None:
                service.add(request)
            else:
                service.change(row, request)
