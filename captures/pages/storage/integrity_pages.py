"""Pages of checks and their findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, F, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from cameras.models import Camera
from captures.pages.storage.display import page_of
from captures.pages.storage.plan_pages import file_links
from captures.roots.models import StorageRoot
from captures.storage.integrity.decisions import FindingRefused, adopt, set_aside
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.jobs.states import FINISHED
from core.pages import Page, message_response, redirect_to


@dataclass(frozen=True, slots=True)
class KindText:
    label: str
    meaning: str
    advice: str


KINDS: dict[str, KindText] = {
    FindingKind.MISSING: KindText(
        "Missing",
        "A row without its file.",
        "Mount or move back the folder, then check again. If the file has an off-site copy or is in an archive, copy "
        "it back to its path. Without one it is lost: its row stays until you delete the clip or capture.",
    ),
    FindingKind.MISMATCHING: KindText(
        "Mismatching",
        "A file whose size or content differs from its row.",
        "Something changed the file, or the disk damaged it. Check the disk, copy the file back from its off-site copy "
        "or archive, then check again.",
    ),
    FindingKind.UNTRACKED: KindText(
        "Untracked",
        "A file without a row: no page shows it, and no rule deletes it.",
        "Adopt a picture or a clip that belongs here: it becomes a capture or a manual clip, in its place. Set aside "
        "everything else: it is moved to the folder set-aside of its root, and nothing is deleted.",
    ),
}
STATES: dict[str, str] = {
    FindingState.OPEN: "Open",
    FindingState.ADOPTED: "Adopted",
    FindingState.SET_ASIDE: "Set aside",
    FindingState.GONE: "Not found again",
}


@dataclass(frozen=True, slots=True)
class HostCheck:
    """The last check of a host; `job` is None before the first one."""

    host: str
    job: Any
    rows: int | None
    files: int | None
    problems: list[str]
    open: int

    @property
    def runs(self) -> bool:
        return self.job is not None and self.job.state not in {state.value for state in FINISHED}

    @property
    def took_s(self) -> float | None:
        if self.job is None or self.job.started_at is None or self.job.ended_at is None:
            return None
        return float((self.job.ended_at - self.job.started_at).total_seconds())


def host_checks() -> list[HostCheck]:
    """The hosts with storage roots. In a constant number of queries."""
    hosts = list(StorageRoot.objects.order_by("host").values_list("host", flat=True).distinct())
    last: dict[str, Any] = {}
    newest = Job.objects.filter(kind="integrity").order_by().values_list("host").annotate(at=Max("created_at"))
    jobs = Job.objects.filter(kind="integrity", created_at__in=[at for _, at in newest]).defer("checkpoint", "result")
    for job in jobs.annotate(rows=F("result__rows"), files=F("result__files"), problems=F("result__problems")):
        last.setdefault(job.host, job)
    counted = open_findings().values_list("host").annotate(number=Count("pk"))
    numbers = dict(counted.order_by())
    return [_host_check(host, last.get(host), numbers.get(host, 0)) for host in hosts]


def _host_check(host: str, job: Any, number: int) -> HostCheck:
    if job is None:
        return HostCheck(host, None, None, None, [], number)
    problems = [str(one) for one in job.problems] if isinstance(job.problems, list) else []
    return HostCheck(host, job, job.rows, job.files, [*problems, *([job.error] if job.error else [])], number)


def open_findings() -> Any:
    return IntegrityFinding.objects.filter(state=FindingState.OPEN)


@dataclass(frozen=True, slots=True)
class FindingDisplay:
    finding: IntegrityFinding
    link: str
    """The page of its row; empty without one."""

    @property
    def kind(self) -> KindText:
        return KINDS[self.finding.kind]

    @property
    def state(self) -> str:
        return STATES[self.finding.state]

    @property
    def may_be_decided(self) -> bool:
        return self.finding.kind == FindingKind.UNTRACKED and self.finding.state == FindingState.OPEN


def finding_displays(findings: list[IntegrityFinding]) -> list[FindingDisplay]:
    links = file_links((one.table, one.row) for one in findings)
    return [FindingDisplay(one, links[one.table, one.row]) for one in findings]


def all_findings() -> QuerySet[IntegrityFinding]:
    return IntegrityFinding.objects.select_related("root", "camera")


class IntegrityPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "storage/integrity.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        checks = host_checks()
        hosts = {check.host: check.host for check in checks}
        allowed = {"kind": set(KINDS), "host": set(hosts)}
        chosen = {name: value for name, values in allowed.items() if (value := request.GET.get(name, "")) in values}
        found = all_findings().filter(state=FindingState.OPEN, **chosen)
        findings, older = page_of(found, "found_at", request)
        counts = dict(open_findings().order_by().values_list("kind").annotate(number=Count("pk")))
        context = {
            "checks": checks, "runs": any(check.runs for check in checks), "hosts": hosts, "chosen": chosen,
            "findings": finding_displays(findings), "older": older,
            "kinds": {name: kind.label for name, kind in KINDS.items()},
            "counts": [(KINDS[name], counts.get(name, 0)) for name in KINDS], "host": settings.STATION.host,
        }  # fmt: skip
        return self.render(context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check the storage of a host, as a job."""
        host = request.POST.get("host", "") or settings.STATION.host
        if host not in StorageRoot.objects.values_list("host", flat=True):
            return message_response(request, "bad", "No host of that name has a storage root.")
        arguments = {"hash": request.POST.get("hash") == "yes"}
        job, is_new = enqueue("integrity", host, camera=None, arguments=arguments, actor=self.actor)
        if is_new:
            return message_response(request, "ok", f"The storage of {host} is being checked.")
        by = job.requested_by or "the station"
        unread = arguments["hash"] and not job.arguments.get("hash")
        hint = " It does not read the contents: check again after it." if unread else ""
        return message_response(request, "warn", f"A check of {host} is under way already, begun by {by}.{hint}")


class IntegrityNow(Page):
    """The progress of a check; once none runs, the whole page is loaded."""

    roles = {"GET": "manager"}
    template = "storage/_integrity_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        checks = host_checks()
        if not any(check.runs for check in checks):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return self.render({"checks": checks})


class FindingPageBase(Page):
    template = "storage/finding.html"

    def finding(self) -> IntegrityFinding:
        """Http404."""
        found = all_findings().filter(pk=self.kwargs["finding"]).first()
        if found is None:
            raise Http404("There is no such finding.")
        return found

    def finding_page(self, finding: IntegrityFinding, refusal: str = "") -> HttpResponse:
        [display] = finding_displays([finding])
        cameras = {camera.slug: camera.name for camera in Camera.objects.present().order_by("name")}
        context = {
            "display": display, "finding": finding, "cameras": cameras, "refusal": refusal,
            "chosen": finding.camera.slug if finding.camera and finding.camera.slug in cameras else "",
        }  # fmt: skip
        return self.render(context, status=409 if refusal else 200)

    def done(self, sentence: str) -> HttpResponse:
        messages.success(self.request, sentence)
        return redirect_to(self.request, reverse("integrity"))


class FindingPage(FindingPageBase):
    """One finding: what it is and what to do about it. It asks before anything is changed."""

    roles = {"GET": "manager"}

    def get(self, request: HttpRequest, finding: UUID) -> HttpResponse:
        return self.finding_page(self.finding())


class AdoptPage(FindingPageBase):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, finding: UUID) -> HttpResponse:
        """Make a capture or a manual clip of an untracked file."""
        found, slug = self.finding(), request.POST.get("camera", "")
        camera = None
        if slug:
            camera = Camera.objects.present().filter(slug=slug).first() if "\0" not in slug else None
            if camera is None:
                return self.finding_page(found, "There is no such camera. Choose one of the list.")
        try:
            adopt(found, camera, self.actor)
        except FindingRefused as error:
            return self.finding_page(self.finding(), str(error))
        return self.done(f"Adopted: {found.path}.")


class SetAsidePage(FindingPageBase):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, finding: UUID) -> HttpResponse:
        """Move an untracked file to the folder `set-aside` of its root. Nothing is deleted."""
        try:
            moved = set_aside(self.finding(), self.actor)
        except FindingRefused as error:
            return self.finding_page(self.finding(), str(error))
        return self.done(f"Set aside: it is in {moved.target} of {moved.root.path}.")
