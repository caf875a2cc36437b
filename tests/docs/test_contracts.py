"""docs/clients/contracts.md and the code name the same things."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest
from django.conf import settings
from pydantic import BaseModel

from cameras.child_environment import VENDOR_VARIABLES
from cameras.leases.bodies import LeaseBody
from cameras.live.viewer import ViewerBody
from cameras.models import Observed
from cameras.presets.bodies import Comparison, PresetBody
from cameras.runtime.messages import Command, CommandType, Report, ReportType
from cameras.runtime.recording_state import Recorder
from cameras.settings.bodies import CapabilitiesBody, SettingsBody
from cameras.supervision.camera_alerts import RECORDER_ALERTS
from cameras.supervision.storage_alerts import STORAGE_ALERTS
from captures.capturing.answers import FileBody
from captures.capturing.models import Reason
from captures.capturing.notices import CaptureUpdate, LatestImage
from captures.capturing.requests import CaptureRequest
from captures.experiments.answers import AccountBody, CameraAccount
from captures.experiments.models import EXPERIMENT_TRANSITIONS
from captures.experiments.resource import PlaceBody
from captures.models import Capture
from captures.recordings.clips.answers import ClipBody, HoldBody, HoleBody, TimelineBody
from captures.recordings.control.claim_bodies import ClaimBody, ClaimsBody
from captures.recordings.control.commands import RecordingBody
from captures.recordings.control.requests import RecordBody, StopRecordingBody
from captures.sessions.answers import ForecastBody, SessionGapBody
from captures.sessions.models import SESSION_TRANSITIONS
from captures.sessions.queries import StartBody
from captures.storage.api.requests import CheckBody, CleanupBody
from captures.storage.archives.answers import ArchiveBody, ArchiveFileBody, ArchiveFolderBody
from captures.storage.archives.findings import VerifiedFile
from captures.storage.archives.models import ARCHIVE_TRANSITIONS
from captures.storage.integrity.answers import FindingBody
from captures.storage.integrity.models import FINDING_TRANSITIONS
from captures.storage.offsite.copy_states import COPY_TRANSITIONS
from captures.storage.offsite.resource import (
    BacklogBody,
    DestinationHostBody,
)
from captures.storage.retention.answers import KeptFile, PlanBody, PlannedFile
from captures.storage.retention.bodies import DeletedBody
from captures.storage.usage.answers import RootUsageBody, SpaceForecastBody, UsageBody
from core.child_environment import PASSED_VARIABLES
from core.events.answers import EventBody
from core.events.models import Alert
from core.events.severity import Severity
from core.jobs.answers import JobBody
from core.jobs.states import JOB_TRANSITIONS
from core.readings.latest import HOSTS
from core.readings.notices import ReadingBody
from monitoring.alert_rules.resource import (
    OpeningBody,
    PreviewBody,
    PreviewRequest,
    RestoredBody,
)
from monitoring.alert_rules.rows import KEY as RULE_KEY
from monitoring.health import HEALTH
from monitoring.notification_states import NOTIFICATION_TRANSITIONS
from monitoring.readings.answers import ChannelReadingsBody, PointsBody, ReadingsBody
from monitoring.sensor_management.resource import ChannelBody, ChannelChange, FoundBody
from monitoring.webhook_models import DELIVERY_TRANSITIONS
from monitoring.webhooks.payload import PayloadBody
from monitoring.webhooks.resource import AttemptBody
from scheduler.planning.plan import Reason as ReasonOfNight
from scheduler.reports.bodies import CalendarNightBody, CameraNightBody, LossBody, ReportBody
from scheduler.schedules.resource import (
    NightChangeBody,
    NightRunBody,
)
from scheduler.telescope.field_lists.bodies import (
    FieldBody,
    FieldListPreview,
    NightPlanBody,
    ObservationEntry,
    PassedOverBody,
    PlannedBody,
)
from scheduler.telescope.field_lists.requests import ObserveRequest
from scheduler.tonight.bodies import NightBody, RunBody, RunReasonBody, WarningBody
from skycam_project.health import HealthBody, HostBody
from skycam_project.hosts.host_list import CameraHostBody, DiskBody, PartBody
from skycam_project.hosts.retiring import RetirementBody
from skycam_project.station_settings import SettingBody
from tests.harness.documents.pages import first_cells, page, section
from tests.harness.documents.sources import nodes, sources, text

pytestmark = pytest.mark.usefixtures("parsed_sources")

PAGE = "docs/clients/contracts.md"
EVENT = re.compile(
    r"(?:alert|archive|backup|camera|capture|experiment|files|gate|job|live|maintenance|night|notification|offsite|part|recording|rule|schedule|sensor|session|spool|station|storage|telescope|user|webhook)\.[a-z_]+|command"
)
ALERT = re.compile(
    r'"((?:archive|backup|camera|capture|experiment|gate|health|host|metrics|night|notification|offsite|part|recording|schedule|sensor|session|spool|storage|supervisor|telescope|webhook)\.[a-z_]+):'
)


def field_names(model: type[BaseModel]) -> list[str]:
    """As JSON has them."""
    return [about.alias or name for name, about in model.model_fields.items()]


FIELDS = {
    "event": field_names(EventBody),
    "host": CameraHostBody.__annotations__,
    "part of a host": PartBody.__annotations__,
    "disk of a host": DiskBody.__annotations__,
    "retirement": RetirementBody.__annotations__,
    "readings": field_names(ReadingsBody),
    "readings of a channel": field_names(ChannelReadingsBody),
    "points": field_names(PointsBody),
    "job": JobBody.model_fields,
    "clip": field_names(ClipBody),
    "hold": field_names(HoldBody),
    "hole": field_names(HoleBody),
    "timeline": field_names(TimelineBody),
    "file": field_names(FileBody),
    "gap": field_names(SessionGapBody),
    "settings": SettingsBody.__annotations__,
    "preset": field_names(PresetBody),
    "comparison": field_names(Comparison),
    "capabilities": CapabilitiesBody.__annotations__,
    "lease": LeaseBody.__annotations__,
    "recording": RecordingBody.__annotations__,
    "recorder": Recorder.__annotations__,
    "claims of a camera": field_names(ClaimsBody),
    "claim": field_names(ClaimBody),
    "camera of an experiment": field_names(PlaceBody),
    "account": field_names(AccountBody),
    "camera of an account": field_names(CameraAccount),
    "archive": field_names(ArchiveBody),
    "folder of an archive": field_names(ArchiveFolderBody),
    "finding of an archive": VerifiedFile.__annotations__,
    "file of an archive": field_names(ArchiveFileBody),
    "setting": SettingBody.__annotations__,
    "deleted clip": field_names(DeletedBody),
    "storage root": RootUsageBody.model_fields,
    "forecast of a root": SpaceForecastBody.model_fields,
    "usage": field_names(UsageBody),
    "cleanup plan": field_names(PlanBody),
    "planned file": field_names(PlannedFile),
    "kept file": field_names(KeptFile),
    "finding": FindingBody.model_fields,
    "to clean up": CleanupBody.model_fields,
    "to check the storage": CheckBody.model_fields,
    "viewer": ViewerBody.__annotations__,
    "night change": NightChangeBody.model_fields,
    "run of a changed night": NightRunBody.model_fields,
    "night": NightBody.model_fields,
    "warning of a night": WarningBody.model_fields,
    "reason of a night": RunReasonBody.model_fields,
    "run": RunBody.model_fields,
    "report": ReportBody.model_fields,
    "loss": field_names(LossBody),
    "camera of a report": CameraNightBody.model_fields,
    "field": FieldBody.model_fields,
    "observation": ObservationEntry.model_fields,
    "planned observation": PlannedBody.model_fields,
    "passed-over field": PassedOverBody.model_fields,
    "plan of a telescope's night": NightPlanBody.model_fields,
    "preview of a field list": FieldListPreview.model_fields,
    "to observe": ObserveRequest.model_fields,
    "night of a month": CalendarNightBody.model_fields,
    "host of a destination": DestinationHostBody.model_fields,
    "backlog": BacklogBody.model_fields,
    "channel": field_names(ChannelBody),
    "found sensor": field_names(FoundBody),
    "to change a channel": ChannelChange.model_fields,
    "attempt": field_names(AttemptBody),
    "request to a web-hook": PayloadBody.__annotations__,
    "restored rule": field_names(RestoredBody),
    "preview of a rule": field_names(PreviewBody),
    "opening of a preview": field_names(OpeningBody),
    "to preview an alert rule": PreviewRequest.model_fields,
    "health": HealthBody.__annotations__,
    "host of the health": HostBody.__annotations__,
    "to capture": CaptureRequest.model_fields,
    "to record": RecordBody.model_fields,
    "to stop recording": StopRecordingBody.model_fields,
    "to start": StartBody.model_fields,
    "forecast": field_names(ForecastBody),
    "capture update": CaptureUpdate.__annotations__,
    "latest image": LatestImage.__annotations__,
    "live reading": ReadingBody.__annotations__,
}
OUTCOMES = [f"capture.{status}" for status in Capture.Status.values if status != "planned"]


def calls(function: str, folder: str = "") -> Iterator[ast.expr]:
    """The first argument of each call of a function or method of this name."""
    for path in sources(folder):
        for node in nodes(path):
            if isinstance(node, ast.Call) and node.args and called(node) == function:
                yield node.args[0]


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def texts(*found: ast.AST) -> set[str]:
    return {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def event_kinds() -> set[str]:
    """The event kinds in the code: literal, from a table, or composed of an outcome."""
    written = {kind for path in sources() for kind in texts(*nodes(path)) if EVENT.fullmatch(kind)}
    direct = texts(*calls("record_event"), *calls("event"), *calls("log"))
    return written - {"command"} - {*texts(*calls("Column"))} | direct | set(OUTCOMES)


def line(name: str) -> list[str]:
    """The code in the line of the page that begins with `- name:`."""
    found = next(line for line in page(PAGE).splitlines() if line.startswith(f"- {name}:"))
    return re.findall(r"`([^`]+)`", found)


def transitions(name: str) -> dict[str, set[str]]:
    """The transitions `a -> b | c; b -> d` in the line of this name."""
    found = re.search(rf"^- {name}: ([^.]+)\.", page(PAGE), re.MULTILINE)
    assert found
    pairs = [move.split(" -> ") for move in found[1].split(";")]
    return {state.strip(): set(re.split(r" \| ", after.strip())) for state, after in pairs}


def test_the_documented_events_are_those_of_the_code() -> None:
    assert first_cells(section(PAGE, "Events")) == sorted(event_kinds())


def test_the_documented_alerts_are_those_of_the_code() -> None:
    recordings = [f"recording.{about}" for about in RECORDER_ALERTS]
    checks = [f"health.{name}" for name in HEALTH]
    keys = [re.split(r"[:<]", key)[0] for key in first_cells(section(PAGE, "Alerts"))]
    assert keys == sorted({*keys_in_strings(), *STORAGE_ALERTS, *recordings, *checks, RULE_KEY.rstrip(":")})


def keys_in_strings() -> set[str]:
    """The keys of alerts in strings, which a colon follows."""
    return {key for path in sources() for key in re.findall(ALERT, text(path))}


def test_each_body_has_the_documented_fields() -> None:
    differing = {name: sorted({*line(name)} ^ {*fields}) for name, fields in FIELDS.items()}
    assert {name: fields for name, fields in differing.items() if fields} == {}


def test_the_documented_transitions_are_those_of_the_code() -> None:
    assert transitions("session states") == {state: after for state, after in SESSION_TRANSITIONS.items() if after}
    assert transitions("archive states") == {state: after for state, after in ARCHIVE_TRANSITIONS.items() if after}
    assert transitions("experiment states") == {
        state: after for state, after in EXPERIMENT_TRANSITIONS.items() if after
    }
    assert transitions("finding states") == {state: after for state, after in FINDING_TRANSITIONS.items() if after}
    assert transitions("off-site states") == {state: after for state, after in COPY_TRANSITIONS.items() if after}
    assert transitions("alert states") == {
        str(state): set(map(str, after)) for state, after in Alert.MOVES.items() if after
    }
    assert transitions("job states") == {
        state.value: {one.value for one in after} for state, after in JOB_TRANSITIONS.items() if after
    }
    assert transitions("delivery states") == {
        state.value: {one.value for one in after} for state, after in DELIVERY_TRANSITIONS.items()
    }
    assert transitions("notification states") == {
        state.value: {one.value for one in after} for state, after in NOTIFICATION_TRANSITIONS.items() if after
    }
    assert line("camera observed") == Observed.values


def test_the_documented_reasons_of_a_night_are_those_of_the_planner() -> None:
    listed = re.search(r"^- reason of a night: .* Reasons: (.+)$", page(PAGE), re.MULTILINE)
    assert listed
    # Tonight shows a run that has begun, and no reason.
    assert listed[1].split(", ") == [reason for reason in get_args(ReasonOfNight) if reason != "begun"]


def test_the_documented_reasons_are_those_of_the_code() -> None:
    assert first_cells(section(PAGE, "Reasons")) == Reason.values
    assert re.findall(r"`(\w+)`", section(PAGE, "Events"))[: len(Severity)] == list(Severity)


def test_the_documented_redis_names_are_those_of_the_code() -> None:
    own = texts(*calls("key", "cameras/"), *calls("key", "monitoring/"), *calls("NoticeKind")) | {"live", HOSTS}
    written = {re.split(r"[:<]", name)[0] for name in first_cells(section(PAGE, "Names in Redis"))}
    assert written == own | {"cache"}


def test_the_documented_messages_of_the_link_are_those_of_the_code() -> None:
    down, up = section(PAGE, "The link to a camera process").split("| up | what |")
    assert set(first_cells(down)) == set(get_args(CommandType)) == message_types(Command)
    assert set(first_cells(up)) == set(get_args(ReportType)) == message_types(Report)


def message_types(union: object) -> set[str]:
    """The values of `type` in the messages of a union."""
    return {name for message in get_args(union) for name in get_args(get_type_hints(message)["type"])}


def test_the_environment_of_a_camera_process_is_documented() -> None:
    passing = section(PAGE, "The link to a camera process").partition("Environment that passes:")[2]
    assert re.findall(r"`([A-Z_]+\*?)`", passing.partition(", and what")[0]) == [
        *PASSED_VARIABLES[:3],
        "LC_*",
        *PASSED_VARIABLES[3:],
        *VENDOR_VARIABLES,
    ]


def test_the_settings_of_celery_exist() -> None:
    assert [name for name in first_cells(section(PAGE, "Celery")) if not hasattr(settings, name)] == []
