"""Services that change something, with a user who may not see a camera that it concerns.

A service gets the row of a camera, or of what a camera left, which selectors give out by user; or it changes what
cameras share, and gets the user; or only managers reach it, who see all cameras. The routes of the first kind are
requested by `test_route_table.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError

from cameras.models import Camera
from captures.experiments.resource import (
    AttachmentRequest,
    ExperimentFields,
    ExperimentRequest,
    NoteRequest,
    ReasonBody,
)
from captures.experiments.selectors import cameras_of
from captures.experiments.service import ExperimentService
from captures.models import Experiment, ExperimentCamera
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from core.jobs.services import enqueue, request_cancel
from scheduler.editing.service import ScheduleService
from scheduler.models import NightlyStart
from scheduler.schedules.resource import NightRequest, ScheduleChange, ScheduleRequest
from scheduler.telescope.field_lists.night_start import start_night
from scheduler.telescope.field_lists.nightly import end_nightly_start, set_nightly_start
from scheduler.telescope.field_lists.resource import FieldListChange, NightOptions, ObserveRequest
from scheduler.telescope.field_lists.service import FieldListService
from tests.harness.clients.people import World
from tests.harness.documents.route_table import Line, lines
from tests.harness.documents.sources import sources, tree
from tests.harness.project import PROJECT

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINE = "2.00 -30 Y 100 0 1 0\n"
REFUSALS = (ValidationError, PermissionDenied, ObjectDoesNotExist)
ROWS = {"Camera", "Session", "Capture", "Clip", "Alert", "AlertSilence", "Job"}
"""Rows of a camera. Selectors give them out by user."""
OWN_TABLES = ("access", "sessions", "admin", "contenttypes", "auth")
"""Apps whose rows a request changes by itself."""

Call = Callable[[World, Any], object]


class Lists:
    """Field lists. The camera `sky` observes `survey` each night."""

    @staticmethod
    def service(user: Any) -> FieldListService:
        return FieldListService(user, "excluded")

    CALLS: dict[str, Call] = {
        "rename": lambda world, user: Lists.service(user).change(world.field_list, FieldListChange(name="other")),
        "edit": lambda world, user: Lists.service(user).change(world.field_list, FieldListChange(text=LINE)),
        "restore": lambda world, user: Lists.service(user).change(world.field_list, FieldListChange(archived=False)),
        "add fields": lambda world, user: Lists.service(user).add_fields(world.field_list, LINE),
        "archive": lambda world, user: Lists.service(user).archive(world.field_list),
        "end nights": lambda world, user: end_nightly_start(world.field_list, user=user, actor="excluded"),
        "take nights": lambda world, user: set_nightly_start(
            world.field_list, yard(), NightOptions(camera="yard"), user=user, actor="excluded", now=NOON
        ),
        "give nights": lambda world, user: set_nightly_start(
            world.field_list, world.camera, NightOptions(camera="sky"), user=user, actor="excluded", now=NOON
        ),
        "observe": lambda world, user: start_night(
            world.field_list, world.camera, ObserveRequest(camera="sky"), user=user, actor="excluded", now=NOON
        ),
        "start over": lambda world, user: start_night(
            world.field_list, yard(), ObserveRequest(camera="yard", start_over=True), user=user, actor="excluded",
            now=NOON,
        ),
    }  # fmt: skip


class Schedules:
    @staticmethod
    def service(user: Any) -> ScheduleService:
        return ScheduleService(user, "excluded")

    @staticmethod
    def request(**fields: Any) -> ScheduleRequest:
        wanted = {
            "name": "mine",
            "cameras": ["sky"],
            "programme": {"kind": "interval", "exposure_us": 1000, "cadence_s": 60},
        }
        return ScheduleRequest.model_validate(wanted | {"window": {"begin": "20:00", "end": "05:00"}} | fields)

    CALLS: dict[str, Call] = {
        "add": lambda world, user: Schedules.service(user).add(Schedules.request()),
        "change": lambda world, user: Schedules.service(user).change(
            world.schedule, Schedules.request(cameras=["yard"])
        ),
        "change fields": lambda world, user: Schedules.service(user).change_given(
            world.schedule, ScheduleChange(name="b")
        ),
        "remove": lambda world, user: Schedules.service(user).remove(world.schedule),
        "skip a night": lambda world, user: Schedules.service(user).change_night(
            world.schedule, NightRequest(night=date(2026, 11, 22), skip=True)
        ),
        "restore a night": lambda world, user: Schedules.service(user).restore_night(
            world.schedule, date(2026, 11, 22)
        ),
    }


class Experiments:
    """`dew` has the camera `sky` and `yard`, and `frost` has `sky` alone."""

    @staticmethod
    def service(user: Any) -> ExperimentService:
        return ExperimentService(user, "excluded")

    @staticmethod
    def frost() -> Experiment:
        return Experiment.objects.get(name="frost")

    CALLS: dict[str, Call] = {
        "create": lambda world, user: Experiments.service(user).create(ExperimentRequest(name="a", cameras=["sky"])),
        "change": lambda world, user: Experiments.service(user).change(world.experiment, ExperimentFields(name="b")),
        "start": lambda world, user: Experiments.service(user).start(world.experiment),
        "abort": lambda world, user: Experiments.service(user).abort(world.experiment, ReasonBody()),
        "complete": lambda world, user: Experiments.service(user).complete(world.experiment),
        "release": lambda world, user: Experiments.service(user).release(world.experiment),
        "note": lambda world, user: Experiments.service(user).add_note(Experiments.frost(), NoteRequest(text="Seen.")),
        "attach": lambda world, user: Experiments.service(user).add_attachment(
            Experiments.frost(), AttachmentRequest(label="a", reference="b")
        ),
    }


class Archives:
    """Of `dew`."""

    CALLS: dict[str, Call] = {
        "archive": lambda world, user: request_archive(world.experiment, actor="excluded", user=user),
        "verify": lambda world, user: request_verification(world.archive, "excluded", user=user),
    }


class Jobs:
    @staticmethod
    def of_experiment(world: World) -> Any:
        return enqueue("archive", "main", camera=cameras_of(world.experiment))[0]

    CALLS: dict[str, Call] = {
        "cancel": lambda world, user: request_cancel(world.job, "excluded", user=user),
    }


WALKED: dict[str, dict[str, Call]] = {
    "scheduler.telescope.field_lists": Lists.CALLS,
    "scheduler.editing": Schedules.CALLS,
    "captures.experiments": Experiments.CALLS,
    "captures.storage.archives": Archives.CALLS,
    "core.jobs": Jobs.CALLS,
}
"""Package of services that get the user -> what each does."""
FOR_MANAGERS = {
    "core.station_settings", "monitoring.alert_rules", "monitoring.maintenance", "monitoring.notifications",
    "monitoring.sensor_management", "monitoring.webhooks", "captures.storage.offsite", "captures.storage.integrity",
    "captures.storage.retention", "skycam_project.access", "skycam_project.admin", "skycam_project.pages",
    "skycam_project.provisioning", "skycam_project.station_settings", "skycam_project.cli", "skycam_project.hosts",
    "skycam_project.backups", "cameras.editing",
}  # fmt: skip
"""Packages of services whose routes and commands are refused to operators, or which change no camera's work: the end of
a maintenance window, a token of one's own."""
FACADES = {
    "captures.camera_service.CameraService", "captures.capturing.service.CaptureService",
    "captures.sessions.service.SessionService", "captures.storage.trash.services.trash_captures",
    "captures.storage.trash.services.purge_files", "captures.storage.trash.services.delete_rows",
    "core.jobs.services.enqueue",
    "core.events.service.record_event", "core.events.service.new_event",
    "cameras.leases.take_over_for_run", "core.text.names.person",
    "captures.storage.archives.reports.report_event", "captures.storage.archives.services.enqueue_for",
    "cameras.camera_display.held_sentence",
    "scheduler.telescope.field_lists.nightly.record_change", "captures.storage.bring_back.planning.start_bring_back",
}  # fmt: skip
"""Get the rows of cameras with each call, or are called by services."""
BODIES: dict[str, Any] = {
    "POST /api/v1/schedules/": Schedules.request().model_dump(mode="json", exclude_unset=True),
    "POST /api/v1/experiments/": {"name": "a", "cameras": ["sky"]},
    "PATCH /api/v1/telescope/field-lists/<uuid:field_list>/": {"text": LINE},
    "DELETE /api/v1/telescope/field-lists/<uuid:field_list>/": None,
    "POST /api/v1/telescope/field-lists/<uuid:field_list>/add/": {"text": LINE},
    "POST /api/v1/telescope/field-lists/<uuid:field_list>/observe/": {"camera": "sky"},
    "PUT /api/v1/telescope/field-lists/<uuid:field_list>/nightly/": {"camera": "yard"},
    "DELETE /api/v1/telescope/field-lists/<uuid:field_list>/nightly/": None,
    "POST /api/camera/connect/": None,
    "POST /api/camera/disconnect/": None,
    "POST /api/camera/start/": {"exposure_us": 1000},
    "POST /api/camera/stop/": None,
}
FORMS: dict[str, dict[str, str]] = {
    "POST /schedules/add/": {"name": "a", "cameras": "sky"},
    "POST /experiments/add/": {"name": "a", "cameras": "sky"},
    "POST /telescope/<uuid:field_list>/edit/": {"name": "survey", "text": LINE, "revision": "1"},
    "POST /telescope/<uuid:field_list>/add/": {"text": LINE},
    "POST /telescope/<uuid:field_list>/observe/": {"camera": "sky"},
    "POST /telescope/<uuid:field_list>/nightly/": {"end": "yes"},
    "POST /telescope/<uuid:field_list>/archive/": {"archived": "yes"},
}
OF_NO_CAMERA = {
    "live/viewers/<uuid:viewer>/end/", "schedules/preview/", "telescope/add/", "telescope/preview/",
    "telescope/<uuid:field_list>/preview/", "alerts/maintenance/<uuid:window>/end/",
    "alerts/maintenance/<uuid:window>/remove/", "alerts/link/<str:link>/", "accounts/tokens/",
    "accounts/tokens/<int:token>/revoke/", "accounts/sign-ins/<uuid:sign_in>/revoke/", "accounts/login/",
    "accounts/logout/", "accounts/password/", "preferences/", "api/v1/auth/token/", "api/v1/tokens/<int:token>/",
    "api/v1/viewers/<uuid:viewer>/", "api/v1/telescope/field-lists/",
    "api/v1/telescope/field-lists/<uuid:field_list>/preview/", "api/v1/maintenance-windows/<uuid:window>/",
    "api/v1/maintenance-windows/<uuid:window>/end/", "api/v1/hosts/join/", "admin/logout/",
}  # fmt: skip
"""Routes that change nothing, or only what is of no camera or of the user."""
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
OPEN_TO_EXCLUDED = [line for line in lines() if line.method in CHANGING and line.answers["excluded"] == "in"]


def yard() -> Camera:
    return Camera.objects.get(slug="yard")


@pytest.fixture
def shared(shared_world: World, db: None) -> World:
    """What the camera `sky`, which is hidden from `excluded`, shares with `yard`, which is not."""
    world = shared_world
    telescope = Camera.objects.create(slug="yard", name="Yard", kind="telescope", host="main")
    ExperimentCamera.objects.create(experiment=world.experiment, camera=telescope, position=2)
    frost = Experiment.objects.create(name="frost", operator="operator", still_interval_s=60)
    ExperimentCamera.objects.create(experiment=frost, camera=world.camera, position=1)
    NightlyStart.objects.create(
        field_list=world.field_list, camera=world.camera, options={"rule": "priority", "clears": True, "add_file": ""}
    )
    return world


def rows() -> dict[str, list[Any]]:
    """All that the station has stored, without what each request stores."""
    models = [model for model in apps.get_models() if model._meta.app_label not in OWN_TABLES]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


def services() -> Iterator[tuple[str, set[str], set[str]]]:
    """Each function that gets an actor, or class whose objects do: its name, parameters, and the types of these."""
    for path in sources():
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", *signature(node)
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    yield f"{module}.{node.name}", *signature(method)


def signature(node: ast.FunctionDef) -> tuple[set[str], set[str]]:
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    types = [part for one in parameters if one.annotation for part in ast.walk(one.annotation)]
    return {one.arg for one in parameters}, {part.id for part in types if isinstance(part, ast.Name)}


def is_in(name: str, packages: set[str]) -> bool:
    return name in packages or any(name.startswith(f"{package}.") for package in packages)


def test_each_service_gets_a_row_or_the_user_or_is_for_managers() -> None:
    actors = {name: (given, types) for name, given, types in services() if "actor" in given}
    by_row = {name for name, (_, types) in actors.items() if types & ROWS}
    by_user = {name for name, (given, _) in actors.items() if "user" in given}
    others = actors.keys() - by_row - by_user
    assert {name for name in others if not is_in(name, FOR_MANAGERS | FACADES)} == set()
    assert {name for name in by_user if not is_in(name, {*WALKED} | FOR_MANAGERS)} == set()


CASES = [
    pytest.param(call, id=f"{package.rpartition('.')[2]}-{what}".replace(" ", "-"))
    for package, calls in WALKED.items()
    for what, call in calls.items()
]


@pytest.mark.parametrize("call", CASES)
def test_a_service_changes_nothing_of_a_camera_that_its_user_may_not_see(call: Call, shared: World) -> None:
    before = rows()
    with pytest.raises(REFUSALS):
        call(shared, shared.users["excluded"])
    assert rows() == before


def test_the_job_of_an_experiment_with_a_hidden_camera_is_not_cancelled(shared: World) -> None:
    job = Jobs.of_experiment(shared)
    with pytest.raises(ObjectDoesNotExist):
        request_cancel(job, "excluded", user=shared.users["excluded"])
    job.refresh_from_db()
    assert (job.state, job.cancel_requested_at) == ("waiting", None)


def test_a_manager_changes_what_hidden_cameras_share(shared: World) -> None:
    manager = shared.users["manager"]
    renamed = FieldListService(manager, "manager").change(shared.field_list, FieldListChange(name="other"))
    started = ExperimentService(manager, "manager").start(shared.experiment)
    cancelled = request_cancel(Jobs.of_experiment(shared), "manager", user=manager)
    assert (renamed.name, started.state, cancelled.state) == ("other", "running", "cancelled")


def test_each_route_that_an_excluded_operator_may_use_is_walked() -> None:
    assert {str(line) for line in OPEN_TO_EXCLUDED if line.route not in OF_NO_CAMERA} == {*BODIES, *FORMS}


def addressed(world: World, line: Line) -> str:
    return world.address(line.route, world.users["excluded"])


@pytest.mark.parametrize("line", [line for line in OPEN_TO_EXCLUDED if str(line) in {*BODIES, *FORMS}], ids=str)
def test_a_request_changes_nothing_of_a_camera_that_its_user_may_not_see(line: Line, shared: World) -> None:
    before, client = rows(), shared.client("excluded")
    body, form = BODIES.get(str(line)), FORMS.get(str(line))
    asked = {"data": form} if form else {"data": body, "content_type": "application/json"}
    answer = getattr(client, line.method.lower())(addressed(shared, line), **asked)
    assert answer.status_code in {302, 400, 403, 404, 409}
    assert rows() == before
