"""The bodies of docs/clients/contracts.md that are no resources: the names of their fields."""

from __future__ import annotations

from core.registry import resolve

BODIES = {
    "status": "cameras.status.messages.Status",
    "session": "captures.sessions.answers.SessionBody",
    "capture": "captures.capturing.answers.CaptureBody",
    "event": "core.events.answers.EventBody",
    "host": "skycam_project.hosts.host_list.CameraHostBody",
    "part of a host": "skycam_project.hosts.host_list.PartBody",
    "disk of a host": "skycam_project.hosts.host_list.DiskBody",
    "retirement": "skycam_project.hosts.retiring.RetirementBody",
    "readings": "monitoring.readings.answers.ReadingsBody",
    "readings of a channel": "monitoring.readings.answers.ChannelReadingsBody",
    "points": "monitoring.readings.answers.PointsBody",
    "job": "core.jobs.answers.JobBody",
    "clip": "captures.recordings.clips.answers.ClipBody",
    "hold": "captures.recordings.clips.answers.HoldBody",
    "hole": "captures.recordings.clips.answers.HoleBody",
    "timeline": "captures.recordings.clips.answers.TimelineBody",
    "file": "captures.capturing.answers.FileBody",
    "gap": "captures.sessions.answers.SessionGapBody",
    "settings": "cameras.settings.service.SettingsBody",
    "preset": "cameras.settings.presets.PresetBody",
    "comparison": "cameras.settings.presets.Comparison",
    "capabilities": "cameras.settings.service.CapabilitiesBody",
    "lease": "cameras.leases.LeaseBody",
    "recording": "captures.recordings.control.commands.RecordingBody",
    "recorder": "cameras.runtime.spec.Recorder",
    "claims of a camera": "captures.recordings.control.api.ClaimsBody",
    "claim": "captures.recordings.control.api.ClaimBody",
    "camera of an experiment": "captures.experiments.resource.PlaceBody",
    "account": "captures.experiments.resource.AccountBody",
    "camera of an account": "captures.experiments.resource.CameraAccount",
    "archive": "captures.storage.archives.answers.ArchiveBody",
    "folder of an archive": "captures.storage.archives.answers.ArchiveFolderBody",
    "finding of an archive": "captures.storage.archives.answers.ArchiveFindingBody",
    "file of an archive": "captures.storage.archives.answers.ArchiveFileBody",
    "setting": "skycam_project.station_settings.SettingBody",
    "deleted clip": "captures.storage.retention.jobs.DeletedBody",
    "storage root": "captures.storage.usage.measurements.RootUsageBody",
    "forecast of a root": "captures.storage.usage.measurements.SpaceForecastBody",
    "usage": "captures.storage.usage.measurements.UsageBody",
    "cleanup plan": "captures.storage.retention.plan.PlanBody",
    "planned file": "captures.storage.retention.plan.PlannedFile",
    "kept file": "captures.storage.retention.plan.KeptFile",
    "finding": "captures.storage.integrity.check.FindingBody",
    "viewer": "cameras.live.viewer.ViewerBody",
    "night change": "scheduler.schedules.resource.NightChangeBody",
    "run of a changed night": "scheduler.schedules.resource.NightRunBody",
    "night": "scheduler.tonight.bodies.NightBody",
    "warning of a night": "scheduler.tonight.bodies.WarningBody",
    "reason of a night": "scheduler.tonight.bodies.RunReasonBody",
    "run": "scheduler.tonight.bodies.RunBody",
    "report": "scheduler.reports.bodies.ReportBody",
    "loss": "scheduler.reports.bodies.LossBody",
    "camera of a report": "scheduler.reports.bodies.CameraNightBody",
    "field": "scheduler.telescope.field_lists.resource.FieldBody",
    "observation": "scheduler.telescope.field_lists.resource.ObservationEntry",
    "planned observation": "scheduler.telescope.field_lists.resource.PlannedBody",
    "passed-over field": "scheduler.telescope.field_lists.resource.PassedOverBody",
    "plan of a telescope's night": "scheduler.telescope.field_lists.resource.NightPlanBody",
    "preview of a field list": "scheduler.telescope.field_lists.resource.FieldListPreview",
    "night of a month": "scheduler.reports.bodies.CalendarNightBody",
    "host of a destination": "captures.storage.offsite.resource.DestinationHostBody",
    "backlog": "captures.storage.offsite.resource.BacklogBody",
    "channel": "monitoring.sensor_management.resource.ChannelBody",
    "found sensor": "monitoring.sensor_management.resource.FoundBody",
    "attempt": "monitoring.webhooks.resource.AttemptBody",
    "request to a web-hook": "monitoring.webhooks.deliveries.PayloadBody",
    "restored rule": "monitoring.alert_rules.resource.RestoredBody",
    "preview of a rule": "monitoring.alert_rules.resource.PreviewBody",
    "opening of a preview": "monitoring.alert_rules.resource.OpeningBody",
    "health": "skycam_project.health.HealthBody",
    "host of the health": "skycam_project.health.HostBody",
    "forecast": "captures.sessions.answers.ForecastBody",
}
"""Name -> the path of its type."""
REQUESTS = {
    "to clean up": "captures.storage.api.CleanupBody",
    "to check the storage": "captures.storage.api.CheckBody",
    "to observe": "scheduler.telescope.field_lists.resource.ObserveRequest",
    "to change a channel": "monitoring.sensor_management.resource.ChannelChange",
    "to preview an alert rule": "monitoring.alert_rules.resource.PreviewRequest",
    "to capture": "captures.capturing.requests.CaptureRequest",
    "to record": "captures.recordings.control.api.RecordBody",
    "to stop recording": "captures.recordings.control.api.StopRecordingBody",
    "to start": "captures.sessions.api.StartBody",
}


def body_lines() -> str:
    bodies, requests = lines(BODIES), lines(REQUESTS)
    return f"{bodies}\n\nRequests:\n\n{requests}"


def lines(table: dict[str, str]) -> str:
    return "\n".join(
        f"- {name}: {' '.join(f'`{field}`' for field in field_names(path))}" for name, path in table.items()
    )


def field_names(path: str) -> list[str]:
    """As JSON has them."""
    model = resolve(path)
    fields = getattr(model, "model_fields", None)
    if fields is None:
        return [*model.__annotations__]
    return [about.alias or name for name, about in fields.items()]
