"""The list `schedules`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cameras.models import Camera
from scheduler.editing.service import ScheduleService
from scheduler.runs.replanning import replan
from scheduler.schedules.models import Schedule
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config.lists import ScheduleEntry
from skycam_project.config.redaction import escape_references
from skycam_project.provisioning.plan import FieldChange, RowChange, field_changes, known_after
from skycam_project.provisioning.rows import ListRows, Plans


class ScheduleRows(ListRows):
    name, noun = "schedules", "schedule"

    def stored(self) -> QuerySet[Schedule]:
        return Schedule.objects.prefetch_related("cameras").order_by("name")

    def key(self, text: str) -> str:
        # SQLite compares only ASCII without regard to case.
        return text.lower()

    def check(self, plans: Plans) -> None:
        """ConfigError for a camera that the station will not have."""
        known = known_after(plans["cameras"], Camera.objects.present().values_list("slug", flat=True))
        self.refuse(
            f"{self.place(number, 'cameras')}: there is no camera {slug!r}."
            for number, entry in self.entries()
            for slug in entry.cameras
            if slug not in known
        )

    def change(self, number: int, entry: ScheduleEntry, row: Schedule | None) -> RowChange:
        with self.located(number):
            request = requested(entry)
        wanted = {**request.stored(), "cameras": sorted(request.cameras)}
        if row is None:
            fields = tuple(FieldChange(name, None, value) for name, value in shown(wanted).items() if name != "name")
            return RowChange(entry.name, number, fields, wanted)
        return RowChange(entry.name, number, field_changes(shown(stored(row)), shown(wanted)), wanted)

    @property
    def service(self) -> ScheduleService:
        return ScheduleService(self.user, self.actor, plan_later)

    def add(self, entry: ScheduleEntry, change: RowChange) -> None:
        self.service.add(requested(entry))

    def update(self, row: Schedule, change: RowChange) -> None:
        self.service.change(row, requested(dict(self.entries())[change.number]))

    def remove(self, row: Schedule) -> None:
        self.service.remove(row)

    def finish(self) -> None:
        replan()

    def item(self, row: Schedule) -> dict[str, Any]:
        """Without what is not set: in the file, a missing key means the default. Nothing if its cameras were all
        removed: a file cannot have it."""
        found: dict[str, Any] = escape_references(shown(stored(row)))
        return {name: value for name, value in found.items() if value is not None} if found["cameras"] else {}


def requested(entry: ScheduleEntry) -> ScheduleRequest:
    return ScheduleRequest.model_validate(entry.model_dump(mode="json", exclude_unset=True))


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
