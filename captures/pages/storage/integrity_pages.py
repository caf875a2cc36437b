"""The page of the check of the storage, and the decisions about untracked files."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from cameras.models import Camera
from captures.pages.storage.integrity_display import KINDS, finding_displays, host_checks, open_findings
from captures.pages.storage.paging import page_of
from captures.roots.models import StorageRoot
from captures.storage.integrity.decisions import FindingRefused, adopt, set_aside
from captures.storage.integrity.models import FindingState, IntegrityFinding
from core.jobs.services import enqueue
from core.pages.page import Page, message_response
from core.pages.redirects import redirect_to


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
