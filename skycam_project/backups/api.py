"""The route `backups/`."""

from __future__ import annotations

from typing import TypedDict

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.jobs.answers import JobBody
from core.jobs.api import accepted
from core.jobs.services import enqueue
from skycam_project.backups.jobs import KIND
from skycam_project.backups.service import BackupBody, list_backups


class BackupList(TypedDict):
    results: list[BackupBody]


class BackupsView(APIView):
    """A backup has every camera and every key in it."""

    roles = {"GET": "manager", "POST": "manager"}

    @extend_schema(operation_id="backups_list", responses=BackupList)
    def get(self, request: Request) -> Response:
        """The backups of the machine that answers, the newest first."""
        return Response({"results": list_backups(settings.STATION)})

    @extend_schema(operation_id="backups_make", request=None, responses={202: JobBody})
    def post(self, request: Request) -> Response:
        """Make a backup now. The job fails if `backup.passphrase` is not set."""
        job, _ = enqueue(KIND, settings.STATION.host, camera=None, actor=request.user.get_username())
        return accepted(job, request)
