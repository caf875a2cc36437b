"""docs/clients/contracts.md and the code name the same things."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest
from django.conf import settings

from cameras.child_environment import VENDOR_VARIABLES
from cameras.models import Observed
from cameras.runtime.messages import Command, CommandType, Report, ReportType
from cameras.supervision.alerts import RECORDER_ALERTS, STORAGE_ALERTS
from captures.capturing.models import Reason
from captures.capturing.outcomes import CaptureUpdate, LatestImage
from captures.experiments.states import EXPERIMENT_TRANSITIONS
from captures.models import Capture
from captures.sessions.models import SESSION_TRANSITIONS
from captures.storage.archives.models import ARCHIVE_TRANSITIONS
from captures.storage.integrity.models import FINDING_TRANSITIONS
from captures.storage.offsite.states import COPY_TRANSITIONS
from core.commands import PASSED_VARIABLES
from core.events.models import Alert
from core.events.severity import Severity
from core.jobs.states import JOB_TRANSITIONS
from core.readings.latest import HOSTS, ReadingBody
from monitoring.alert_rules.rows import KEY as RULE_KEY
from monitoring.health import HEALTH
from monitoring.notification_states import NOTIFICATION_TRANSITIONS
from monitoring.webhook_models import DELIVERY_TRANSITIONS
from scheduler.planning.rules import Reason as ReasonOfNight
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


FIELDS = {
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
    folders = ("cameras/", "core/periodic/", "monitoring/")
    own = texts(*(call for folder in folders for call in calls("key", folder)), *calls("NoticeKind")) | {"live", HOSTS}
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
