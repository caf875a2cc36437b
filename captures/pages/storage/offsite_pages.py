"""Pages and forms of off-site destinations and their copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from pydantic import BaseModel

from cameras.camera_display import StateDisplay
from captures.pages.storage.display import CLASS_LABELS
from captures.pages.storage.display import page_of as page_of_rows
from captures.storage.file_classes import COPIED
from captures.storage.offsite import copy_rows
from captures.storage.offsite.destinations.settings import DESTINATION_KINDS, SECRETS, SETTINGS, DestinationKind
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.storage.offsite.resource import DESTINATIONS, DestinationChange, DestinationRequest
from captures.storage.offsite.selectors import Backlog, backlogs_of
from captures.storage.offsite.senders import closed_reason
from captures.storage.offsite.services import TEST_KIND, change_destination, start_test
from captures.storage.offsite.states import CopyState
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.pages import NAME_ATTRS, Page, UnitInput, message_response
from core.resources.forms import KindForm, ModelForm
from core.resources.pages import FormPage, page_of
from core.templatetags.skycam import format_bytes


@dataclass(frozen=True, slots=True)
class TestDisplay:
    """The last test of a destination. `sentences` is what it found."""

    job: Job
    works: bool | None
    sentences: list[str]

    @property
    def ended(self) -> bool:
        return self.job.state in {state.value for state in FINISHED}


@dataclass(frozen=True, slots=True)
class DestinationDisplay:
    destination: Destination
    backlog: Backlog
    failing: list[DestinationHost]
    test: TestDisplay | None

    @property
    def kind(self) -> str:
        return DESTINATION_KINDS[self.destination.kind][0]

    @property
    def where(self) -> str:
        """Without secrets: `settings` has none."""
        given = self.destination.settings
        if self.destination.kind == "s3":
            return "/".join(filter(None, [str(given.get("endpoint")), str(given.get("bucket")), given.get("prefix")]))
        if self.destination.kind == "sftp":
            return f"{given.get('user')}@{given.get('host')}:{given.get('path') or '.'}"
        return str(given.get("path"))

    @property
    def classes(self) -> str:
        return ", ".join(CLASS_LABELS.get(name, name) for name in self.destination.classes)

    @property
    def hours(self) -> str:
        begin, end = self.destination.begin, self.destination.end
        return f"{begin:%H:%M} to {end:%H:%M}" if begin and end else "at all hours"

    @property
    def bandwidth(self) -> str:
        limit = self.destination.bytes_per_s
        return f"{format_bytes(limit)}/s for each host" if limit else "no limit"

    @property
    def state(self) -> StateDisplay:
        if self.failing:
            return StateDisplay("bad", "Failing", "bad")
        if not self.destination.enabled:
            return StateDisplay("pause", "Paused")
        if self.test is None and not self.backlog.verified:
            return StateDisplay("ready", "Not tested yet", "warn")
        if self.backlog.files and closed_reason(self.destination):
            return StateDisplay("wait", "Outside its hours")
        if self.backlog.sending:
            return StateDisplay("expose", "Sending", "act")
        if self.backlog.files:
            return StateDisplay("wait", "Files wait")
        return StateDisplay("ok", "All copied", "ok")

    @property
    def row_class(self) -> str:
        if self.failing or self.backlog.dead:
            return "is-bad"
        return "is-warn" if self.state.tone == "warn" else ""


def destination_displays(destinations: Iterable[Destination] | None = None) -> list[DestinationDisplay]:
    """All destinations, or these. In a constant number of queries."""
    found = list(Destination.objects.prefetch_related("hosts") if destinations is None else destinations)
    backlogs, tests = backlogs_of(found), _tests()
    return [
        DestinationDisplay(
            one, backlogs[one.pk], [host for host in one.hosts.all() if host.failures],
            tests.get(str(one.pk)),
        )
        for one in found
    ]  # fmt: skip


def _tests() -> dict[str, TestDisplay]:
    """Destination -> its last test."""
    found: dict[str, TestDisplay] = {}
    newest = Job.objects.filter(kind=TEST_KIND).order_by().values_list("subject").annotate(at=Max("created_at"))
    jobs: Any = Job.objects.filter(kind=TEST_KIND, created_at__in=[at for _, at in newest])
    jobs = jobs.defer("arguments", "checkpoint", "result")
    for job in jobs.annotate(works=F("result__works"), said=F("result__said")):
        said = [str(one) for one in job.said] if isinstance(job.said, list) else []
        found.setdefault(job.subject, TestDisplay(job, job.works, said or ([job.error] if job.error else [])))
    return found


MEGABYTE = 1_000_000
NAMES = ("name", "keep_local", "begin", "end")


class SecretText(forms.Textarea):
    """Never shown with its value, as a password is not."""

    def format_value(self, value: Any) -> None:
        return None


class DestinationForm(KindForm):
    """`kind`: one of DESTINATION_KINDS. The limit is written in MB/s."""

    ids = "destination-%s"

    def __init__(self, kind: str, data: Any = None, *, user: Any = None) -> None:
        super().__init__(
            DestinationRequest, DESTINATIONS.settings_model(kind), data, user=user, fixed={"kind": kind}, names=NAMES
        )
        self.kind = kind
        self.fields["classes"] = forms.MultipleChoiceField(
            label="Files", widget=forms.CheckboxSelectMultiple,
            choices=[(name, CLASS_LABELS[name]) for name in COPIED],
            error_messages={"required": "Choose at least one class of files."},
        )  # fmt: skip
        self.fields["keep_local"].initial = True
        self.fields["limit"] = forms.DecimalField(
            required=False, min_value=0, max_value=1_000_000, widget=UnitInput("MB/s"),
            help_text="of each host; empty: no limit",
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Write a number of MB/s, or nothing."),
        )  # fmt: skip
        if "private_key" in self.fields:
            # Of several lines.
            about = self.fields["private_key"]
            self.fields["private_key"] = forms.CharField(
                label=about.label, help_text=about.help_text, required=False, max_length=20_000,
                widget=SecretText(attrs={"rows": 4, **NAME_ATTRS}),
            )  # fmt: skip

    @property
    def own_fields(self) -> list[Any]:
        """Those of its kind, in order."""
        return [self[name] for name in self._settings.model_fields]

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        others = {name: value for name, value in values.items() if name != "limit"}
        limit = values.get("limit")
        return {**super().given(others), "bytes_per_s": None if limit is None else int(limit * MEGABYTE)}

    def checks(self, given: dict[str, Any]) -> list[tuple[type[BaseModel], dict[str, Any]]]:
        """The place and the secrets have a rule each."""
        parts = [SETTINGS[self.kind], SECRETS[self.kind]]
        settings = given["settings"]
        return [
            *super().checks(given),
            *((model, {name: settings[name] for name in model.model_fields if name in settings}) for model in parts),
        ]

    def add_errors(self, error: ValidationError) -> None:
        """A place that can never be used is wrong at its first field."""
        if found := getattr(error, "error_dict", {}).pop("settings", []):
            self.add_error(next(iter(self._settings.model_fields)), found)
        super().add_errors(error)


def found_destination(pk: UUID) -> Destination:
    """Http404."""
    found = Destination.objects.prefetch_related("hosts").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such destination.")
    return found


class DestinationPage(Page):
    """A destination with its dead copies."""

    roles = {"GET": "manager"}
    template = "storage/destination.html"

    def get(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        found = found_destination(destination)
        [display] = destination_displays([found])
        dead = OffsiteCopy.objects.filter(destination=found, state=CopyState.DEAD.value)
        copies, older = page_of_rows(dead, "created_at", request)
        labels: dict[str, Any] = CLASS_LABELS
        return self.render({"display": display, "copies": copies, "older": older, "labels": labels})


class AddDestinationPage(FormPage):
    """The form of one kind, which is in the address."""

    template = "storage/add_destination.html"

    def form(self, row: Any, data: Any = None) -> ModelForm:
        """Http404."""
        kind = self.request.GET.get("kind", DestinationKind.FOLDER)
        if kind not in DESTINATION_KINDS:
            raise Http404("There is no such kind of destination.")
        return DestinationForm(kind, data, user=self.request.user)

    def show(self, form: ModelForm, status: int = 200) -> HttpResponse:
        answer = super().show(form, status)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def context(self) -> dict[str, Any]:
        return {"kinds": DESTINATIONS.form_kinds()}

    def follow(self, row: Any) -> HttpResponse:
        return redirect("destination", row.pk)


add_destination_page = page_of(AddDestinationPage, DESTINATIONS, "add", "storage")


class TestDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Connect, write, read and remove a small file, as a job."""
        found = found_destination(destination)
        try:
            start_test(found, self.actor)
        except ValidationError as error:
            return message_response(request, "bad", " ".join(error.messages))
        return message_response(request, "ok", f"{found.name} is being tested. The result appears beside it.")


class SwitchDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Pause it or resume it: `enabled` is yes or no. Holds at once, also for the file that is being sent."""
        wanted = request.POST.get("enabled", "")
        if wanted not in {"yes", "no"}:
            return message_response(request, "bad", "Nothing was changed: the form says neither pause nor resume.")
        changed = change_destination(
            found_destination(destination), DestinationChange(enabled=wanted == "yes"), self.actor
        )
        if changed.enabled:
            return message_response(request, "ok", f"{changed.name} is resumed.")
        return message_response(request, "ok", f"{changed.name} is paused. Files still wait for their copies.")


class RetryDestinationPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, destination: UUID) -> HttpResponse:
        """Queue all its dead copies again, and try it now."""
        found = found_destination(destination)
        copy_rows.try_now(found)
        moved = copy_rows.retry_dead(found.copies.all(), self.actor)
        if not moved:
            return message_response(request, "warn", f"{found.name} has no dead copies any more. It is tried now.")
        copies = "1 dead copy" if moved == 1 else f"{moved:,} dead copies"
        return message_response(request, "ok", f"{copies} of {found.name} queued again.")


class RetryCopyPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, copy: UUID) -> HttpResponse:
        """Queue one dead copy again."""
        found = OffsiteCopy.objects.filter(pk=copy).first()
        if found is None:
            raise Http404("There is no such copy.")
        if copy_rows.retry_dead(OffsiteCopy.objects.filter(pk=copy), self.actor):
            return message_response(request, "ok", f"{found.path} is queued again.")
        found.refresh_from_db()
        return message_response(request, "warn", f"{found.path} is not dead any more: it is {found.state}.")
