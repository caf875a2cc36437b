"""How files are requested back: the API, and the buttons of the pages of a capture and of an archive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import actor
from captures.capturing.selectors import captures_for
from captures.experiments.selectors import sees_all
from captures.storage.archives.selectors import archives_for
from captures.storage.bring_back.planning import (
    DAYS,
    BringBackOne,
    BringBackPlan,
    BringBackRequest,
    NoSpace,
    check_names,
    make_plan,
    start_bring_back,
)
from core.idempotency.view import IdempotentView
from core.jobs.answers import JobBody
from core.jobs.models import Job
from core.jobs.services import job_body
from core.pages import Page, message_response
from core.resources.fields import Fields
from core.resources.resource import body_of


class ReturningRootBody(Fields):
    """`free_bytes` is null while it is unknown. `problem` is empty when the files fit. `lost`: files without a verified
    copy, which stay away."""

    host: str
    path: str
    files: int
    bytes: int
    lost: int
    free_bytes: int | None
    problem: str


class PlannedBody(Fields):
    files: int
    bytes: int
    lost: int
    roots: list[ReturningRootBody]


class BringBackBody(PlannedBody):
    """`jobs`: one on each host; none when all files are here, or with `dry_run`."""

    jobs: list[JobBody]


def bring_back_body(plan: BringBackPlan, jobs: Iterable[Job], user: Any) -> dict[str, Any]:
    return {**body_of(PlannedBody, plan), "jobs": [job_body(job, user) for job in jobs]}


class BringBackBulk(BringBackRequest):
    dry_run: Annotated[bool, Field(strict=True, description="Only say what would come back, and whether it fits.")] = (
        False
    )


class CaptureBringBackView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=BringBackOne, responses={200: BringBackBody, 202: BringBackBody})
    def post(self, request: Request, capture: UUID) -> Response:
        """Bring the files of the capture back to their host, as a job; 200 when they are there. 507 when they do not
        fit."""
        found = captures_for(request.user).get(pk=capture)
        wanted = BringBackOne.model_validate(request.data)
        return answer(request, BringBackRequest(capture=found.pk, days=wanted.days))


class BringBackView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=BringBackBulk, responses={200: BringBackBody, 202: BringBackBody})
    def post(self, request: Request) -> Response:
        """Bring files back that only destinations have, as a job on each of their hosts. 507 when they do not fit: then
        nothing begins."""
        wanted = BringBackBulk.model_validate(request.data)
        check_names(wanted)
        if wanted.dry_run:
            return Response(bring_back_body(make_plan(wanted), [], request.user))
        return answer(request, wanted)


def answer(request: Request, wanted: BringBackRequest) -> Response:
    plan, jobs = start_bring_back(wanted, actor(request))
    return Response(bring_back_body(plan, jobs, request.user), 202 if jobs else 200)


class BringBackPage(Page):
    def start(self, wanted: BringBackRequest) -> HttpResponse:
        """Bring the files back, as a job on each of their hosts."""
        try:
            _, jobs = start_bring_back(wanted, self.actor)
        except NoSpace as error:
            return message_response(self.request, "bad", str(error))
        if not jobs:
            return message_response(self.request, "warn", "No file is only off-site with a verified copy.")
        return message_response(
            self.request, "ok", f"The files come back, and stay for {DAYS} days. Their progress is on the page Jobs."
        )


class BringCaptureBackPage(BringBackPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, capture: UUID) -> HttpResponse:
        found = captures_for(request.user).filter(pk=capture).first()
        if found is None:
            raise Http404("No such capture.")
        return self.start(BringBackRequest(capture=found.pk))


class BringArchiveBackPage(BringBackPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, archive: UUID) -> HttpResponse:
        found = archives_for(request.user).filter(pk=archive).first()
        if found is None or not sees_all(request.user, found.experiment):
            raise Http404("No such archive.")
        return self.start(BringBackRequest(archive=found.pk))
