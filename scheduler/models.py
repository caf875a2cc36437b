"""All models of the app: Django finds them here."""

from scheduler.runs.models import PlannedRun
from scheduler.schedules.models import NightChange, Schedule

__all__ = ["NightChange", "PlannedRun", "Schedule"]
