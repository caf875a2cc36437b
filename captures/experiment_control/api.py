"""The route of an experiment's account. Its other routes are derived from `captures.experiments.resource`."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from captures.experiments.account import account_body
from captures.experiments.answers import AccountBody
from captures.experiments.selectors import experiment_for


class ExperimentAccountView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=AccountBody)
    def get(self, request: Request, experiment: UUID) -> Response:
        """What it has of each camera: time with video, gaps with their reasons, captures, sessions; and its notes."""
        return Response(account_body(experiment_for(request.user, experiment), request.user))
