"""All models of the app: Django finds them here."""

from scheduler.reports.models import CameraNight, ReportedNight
from scheduler.runs.models import PlannedRun
from scheduler.schedules.models import NightChange, Schedule

__all__ = ["CameraNight", "NightChange", "PlannedRun", "ReportedNight", "Schedule"]
