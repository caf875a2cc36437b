"""The routes that bring files back from their off-site copies."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import actor
from captures.capturing.selectors import captures_for
from captures.storage.bring_back.answers import BringBackBody
from captures.storage.bring_back.bodies import bring_back_body
from captures.storage.bring_back.planning import make_plan
from captures.storage.bring_back.requests import BringBackOne, BringBackRequest
from captures.storage.bring_back.selection import check_names
from captures.storage.bring_back.services import start_bring_back
from core.idempotency.view import IdempotentView


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
