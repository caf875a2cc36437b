"""All models of the app: Django finds them here."""

from scheduler.reports.models import CameraNight, ReportedNight
from scheduler.runs.models import PlannedRun
from scheduler.schedules.models import NightChange, Schedule
from scheduler.telescope.field_lists.models import Field, FieldList, NightlyStart, Observation

__all__ = [
    "CameraNight",
    "Field",
    "FieldList",
    "NightChange",
    "NightlyStart",
    "Observation",
    "PlannedRun",
    "ReportedNight",
    "Schedule",
]
