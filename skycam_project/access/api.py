from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.bodies import stamp_or_none
from skycam_project.access.permissions import ANYONE
from skycam_project.access.serializers import TokenBody, TokenRequest
from skycam_project.access.services import sign_in
from skycam_project.access.throttling import SignInThrottle


class TokenView(APIView):
    """Name and password for a token. It is shown once; only its hash is kept."""

    roles = {"POST": ANYONE}
    authentication_classes = []
    throttle_classes = [SignInThrottle]

    @extend_schema(request=TokenRequest, responses=TokenBody, auth=[])
    def post(self, request: Request) -> Response:
        asked = TokenRequest.model_validate(request.data)
        token, text = sign_in(
            asked.username, asked.password, request.META.get("REMOTE_ADDR", ""),
            scope=asked.scope, name=asked.name, life=timedelta(seconds=asked.life_s),
        )  # fmt: skip
        body = TokenBody(token=text, scope=token.scope, expires=stamp_or_none(token.expires_at))
        return Response(body, headers={"Cache-Control": "no-store"})
