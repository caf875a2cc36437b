"""Tokens over the API: get one for a name and a password, list them, revoke them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.times.timestamps import stamp
from skycam_project.access.models import ApiToken, Role
from skycam_project.access.permissions import ANYONE
from skycam_project.access.serializers import TokenBody, TokenList, TokenQuery, TokenRequest, known_token_body
from skycam_project.access.services import list_tokens, revoke_token, sign_in


class TokenView(APIView):
    """A token for a name and a password. It is shown once; only its hash is stored."""

    roles = {"POST": ANYONE}
    # A client with an expired token must be able to get a new one: TokenAuthentication would refuse it with 401.
    authentication_classes = []

    @extend_schema(request=TokenRequest, responses=TokenBody, auth=[])
    def post(self, request: Request) -> Response:
        sign_in_request = TokenRequest.model_validate(request.data)
        token, text = sign_in(
            sign_in_request.username, sign_in_request.password, request.META.get("REMOTE_ADDR", ""),
            scope=sign_in_request.scope, name=sign_in_request.name, life=timedelta(seconds=sign_in_request.life_s),
        )  # fmt: skip
        body = TokenBody(token=text, scope=token.scope, expires=stamp(token.expires_at))
        return Response(body, headers={"Cache-Control": "no-store"})


class TokensView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="tokens_list", parameters=TokenQuery.parameters(), responses=TokenList)
    def get(self, request: Request) -> Response:
        """List tokens. Managers see all users' tokens, or those of `user`; others see their own."""
        query = TokenQuery.of(request)
        tokens = tokens_for(request.user)
        if query.user is not None:
            tokens = tokens.filter(user__username=query.user)
        return Response({"results": [known_token_body(token) for token in tokens]})


class TokenDetailView(APIView):
    roles = {"DELETE": "viewer"}

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, token: int) -> Response:
        """Revoke one of your tokens; managers can revoke any token. It stops working at once."""
        # 404 for the token of another user, so that ids reveal nothing.
        revoke_token(tokens_for(request.user).get(pk=token), actor=request.user.username)
        return Response(status=204)


def tokens_for(user: Any) -> QuerySet[ApiToken]:
    """The tokens that `user` may see and revoke."""
    return list_tokens(None if user.may(Role.MANAGER) else user)
