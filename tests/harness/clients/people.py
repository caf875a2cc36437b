"""Six kinds of people who request the routes of a station that has one object of each kind."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from django.db import transaction
from django.test import Client
from django.utils import timezone
from PIL import Image

from cameras.models import Camera, CameraHost, HostInvitation, SettingsPreset
from captures.models import Archive, Experiment, ExperimentCamera, IntegrityFinding, Session, StorageRoot
from captures.storage.retention.plan import CleanupPlan
from captures.storage.retention.stored_plans import store_plan
from core.events.service import raise_alert, record_event
from core.jobs.models import Job
from monitoring.models import AlertRule, MaintenanceWindow, SensorChannel, WebhookDelivery
from monitoring.notifications.links import link_token
from monitoring.notifications.silences import silence_alert
from scheduler.models import FieldList, Schedule
from skycam_project.access.models import ApiToken, SignIn, User
from tests.harness.documents.route_table import PEOPLE, Line
from tests.harness.rows.archived_files import archived_clip
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clips import clip_of
from tests.harness.rows.notifications import route_to, webhook_channel
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row
from tests.harness.rows.sensors import make_sensor
from tests.harness.rows.webhooks import added

SIGN_IN = "/accounts/login/?next="
ADMIN_SIGN_IN = "/admin/login/?next="
LEAST_RIGHTS_FIRST = sorted(PEOPLE, key=("stranger", "none", "viewer", "excluded", "operator", "manager").index)
WORDS = {401: "sign in", 403: "refused", 404: "not there", 405: "no such method"}


OTHER_ROW = re.compile("<(uuid|slug):[a-z_]+>")
"""A row or kind that is not in the world: there is none."""
NO_ROW = {"uuid": "00000000-0000-4000-8000-000000000000", "slug": "nothing"}


class World:
    """A camera that `excluded` may not see, with its objects; and the cookies of a sign-in of each person."""

    def __init__(self, camera: Camera, root: StorageRoot) -> None:
        self.camera, self.root = camera, root
        self.users = {name: user_named(name) for name in PEOPLE}
        self.cookies = {name: signed_in(user) for name, user in self.users.items()}
        self.cookies["stranger"] = SimpleCookie()
        only_for(camera, *(name for name in self.users if name != "excluded"))
        self.capture = file_of(saved(camera), root, content=jpeg()).capture
        self.clip = clip_of(camera, root)
        self.session = Session.objects.create(camera=camera, programme={"exposure_us": 1000})
        self.alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=camera)
        self.job = Job.objects.create(kind="verify", host="main", camera=camera.slug, camera_uuid=str(camera.pk))
        SettingsPreset.objects.create(kind=camera.kind, name="night", settings={"gain": 2.0})
        window = {"begin": "20:00", "end": "05:00"}
        self.schedule = Schedule.objects.create(name="night", programme={}, window=window)
        self.schedule.cameras.add(camera)
        self.field_list = FieldList.objects.create(name="survey", text="1.00 -25 Y 100 0 1 0\n")
        self.experiment = Experiment.objects.create(name="dew", operator="operator", still_interval_s=60)
        ExperimentCamera.objects.create(experiment=self.experiment, camera=camera, position=1)
        self.host = CameraHost.objects.create(name="barn")
        self.invitation = HostInvitation.objects.create(name="roof", expires_at=timezone.now())
        self.sensor = make_sensor()
        self.channel = SensorChannel.objects.create(sensor=self.sensor, key="t", quantity="temperature")
        self.webhook = added(kinds=("storage.full",))
        record_event("storage.full", "The disk is full.", camera=None)
        self.delivery = WebhookDelivery.objects.get()
        self.notification_channel = webhook_channel()
        self.route = route_to(self.notification_channel)
        self.silence = silence_alert(self.alert, "manager")
        self.rule = AlertRule.objects.create(name="damp", kind="reading_above", threshold=90)
        self.window = MaintenanceWindow.objects.create(
            subject="balcony", begins_at=timezone.now(), ends_at=timezone.now() + timedelta(hours=1)
        )
        self.archive = Archive.objects.create(
            experiment=self.experiment, folder="experiments/dew", wait_until=timezone.now(), manifest="{}"
        )
        self.archived = archived_clip(self.archive, self.clip)
        self.finding = IntegrityFinding.objects.create(
            host="main", root=root, kind="untracked", path="clips/a.mp4", raw_path=b"clips/a.mp4", path_digest="",
            message="The file has no row.", check_job="", found_at=timezone.now(),
        )  # fmt: skip
        self.destination = folder_destination_row()
        self.copy = copy_row(self.destination)
        self.plan = CleanupPlan("main", ())
        store_plan(self.plan, "manager")
        self.files = {path: path.read_bytes() for path in Path(root.path).rglob("*") if path.is_file()}

    def address(self, route: str, user: User) -> str:
        return f"/{OTHER_ROW.sub(lambda place: NO_ROW[place[1]], self._with_rows(route, user))}"

    def expected(self, line: Line) -> dict[str, str]:
        """The answers of the line. Of a row that is not in the world, those who may use the route get that it is not
        there."""
        is_there = OTHER_ROW.search(self._with_rows(line.route, self.users["manager"])) is None
        return {
            person: answer if is_there or answer != "in" else "not there" for person, answer in line.answers.items()
        }

    def _with_rows(self, route: str, user: User) -> str:
        places: dict[str, Any] = {
            "<slug:slug>": "sky", "<uuid:capture>": self.capture.pk, "<uuid:session>": self.session.pk,
            "<uuid:schedule>": self.schedule.pk, "<uuid:clip>": self.clip.pk, "<uuid:job>": self.job.pk,
            "<uuid:destination>": self.destination.pk, "<uuid:copy>": self.copy.pk,
            "<uuid:plan>": self.plan.id,
            "<uuid:experiment>": self.experiment.pk, "<uuid:field_list>": self.field_list.pk,
            "<uuid:archive>": self.archive.pk, "<uuid:file>": self.archived.pk,
            "<uuid:alert>": self.alert.pk, "<int:user>": self.users["none"].pk,
            "<uuid:finding>": self.finding.pk,
            "<str:name>": "night", "<str:night>": "2026-11-22", "<uuid:viewer>": self.session.pk,
            "<slug:name>": self.host.name, "<uuid:invitation>": self.invitation.pk,
            "<slug:sensor>": self.sensor.name, "<int:channel>": self.channel.pk,
            "<slug:rule>": self.rule.name, "<uuid:window>": self.window.pk,
            "<uuid:webhook>": self.webhook.pk, "<uuid:delivery>": self.delivery.pk,
            "<uuid:channel>": self.notification_channel.pk, "<uuid:route>": self.route.pk,
            "<uuid:silence>": self.silence.pk,
            "channels/add/<slug:kind>": "channels/add/mail",
            "<str:link>": link_token(self.alert.pk, self.notification_channel.pk),
            "<uuid:storageroot>": self.root.pk, "<uuid:camera>": self.camera.pk, "<slug:action>": "verify",
            "(?P<url>.*)$": "nothing/",
        }  # fmt: skip
        route = route.replace("nights/go/", "nights/go/?night=2026-11-22")
        span = "from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z"
        route = route.replace("readings/marks/", f"readings/marks/?{span}")
        if "<int:token>" in route:
            places["<int:token>"] = ApiToken.issue(user)[0].pk
        if "<uuid:sign_in>" in route:
            places["<uuid:sign_in>"] = SignIn.objects.create(user=user).pk
        for place, value in places.items():
            route = route.replace(place, str(value))
        return route

    def answers(self, line: Line) -> dict[str, str]:
        """The answer to each person as a word of the route table."""
        return self.requests(line.method, line.route)

    def requests(self, method: str, route: str) -> dict[str, str]:
        """As `answer` for each person. None sees what the request of another changed."""
        return {person: self.answer(method, route, person) for person in LEAST_RIGHTS_FIRST}

    def answer(self, method: str, route: str, person: str) -> str:
        """The answer to a request as a word of the route table, after which the world is as before."""
        with self.unchanged():
            return self._request(method, route, person)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What is changed in it is rolled back, also on the disk."""
        before = transaction.savepoint()
        try:
            yield
        finally:
            transaction.savepoint_rollback(before)
            self._restore_files()

    def _restore_files(self) -> None:
        for path, content in self.files.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def client(self, person: str) -> Client:
        """A new window of this person."""
        client = Client()
        client.cookies = SimpleCookie({name: morsel.value for name, morsel in self.cookies[person].items()})
        return client

    def _request(self, method: str, route: str, person: str) -> str:
        client = self.client(person)
        answer = client.generic(method, self.address(route, self.users[person]))
        if answer.get("Location", "").startswith(ADMIN_SIGN_IN):
            answer = client.get(answer["Location"])
        return "sign in" if answer.get("Location", "").startswith(SIGN_IN) else WORDS.get(answer.status_code, "in")


def user_named(person: str) -> User:
    """Create the user for one of PEOPLE."""
    role = {"stranger": "none", "excluded": "operator"}.get(person, person)
    manages = role == "manager"
    return User.objects.create_user(person, role=role, is_staff=manages, is_superuser=manages)


def signed_in(user: User) -> SimpleCookie:
    """The cookies of a new sign-in."""
    client = Client()
    client.force_login(user)
    return client.cookies


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "JPEG")
    return file.getvalue()
