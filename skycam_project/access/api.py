"""A token over the API for a name and a password, and EXCEPTIONS: the API's problems for the exceptions of sign-in
and tokens."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.exceptions import CHALLENGE
from core.api.problems import ExceptionTable, Problem
from core.resources.resource import body_of
from skycam_project.access.authentication import ANYONE
from skycam_project.access.resource import TokenBody, TokenRequest
from skycam_project.access.services import Denied, sign_in
from skycam_project.access.sign_in_limits import TooManyAttempts


class TokenView(APIView):
    """A token for a name and a password. It is shown once; only its hash is stored."""

    roles = {"POST": ANYONE}
    # A client with an expired token must be able to get a new one: TokenAuthentication would refuse it with 401.
    authentication_classes = []

    @extend_schema(request=TokenRequest, responses=TokenBody, auth=[])
    def post(self, request: Request) -> Response:
        sign_in_request = TokenRequest.model_validate(request.data)
        token, _ = sign_in(
            sign_in_request.username, sign_in_request.password, request.META.get("REMOTE_ADDR", ""),
            scope=sign_in_request.scope, name=sign_in_request.name, life=timedelta(seconds=sign_in_request.life_s),
        )  # fmt: skip
        return Response(body_of(TokenBody, token), headers={"Cache-Control": "no-store"})


def denied(error: Denied) -> Problem:
    return Problem("not-signed-in", str(error), headers={"WWW-Authenticate": CHALLENGE})


def too_many_attempts(error: TooManyAttempts) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.wait_s)})


EXCEPTIONS: ExceptionTable = {Denied: denied, TooManyAttempts: too_many_attempts}
