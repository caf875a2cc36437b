"""The routes of alert rules."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.idempotency.view import IdempotentView
from core.resources.fields import Fields
from core.resources.resource import body_of
from monitoring.alert_rules.preview import preview_rule
from monitoring.alert_rules.resource import DefaultsRequest, PreviewBody, PreviewRequest, RestoredBody
from monitoring.alert_rules.services import restore_default_rules, rules_to_restore, unsaved_rule


class RestoredList(Fields):
    dry_run: bool
    results: list[RestoredBody]


class PreviewView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alert_rules_preview", request=PreviewRequest, responses=PreviewBody)
    def post(self, request: Request) -> Response:
        """What a rule would have done in the last days, by the stored readings and events. Nothing is stored."""
        wanted = PreviewRequest.model_validate(request.data)
        actor = request.user.get_username()
        return Response(body_of(PreviewBody, preview_rule(unsaved_rule(wanted), request.user, actor, wanted.days)))


class DefaultRulesView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alert_rules_restore", request=DefaultsRequest, responses=RestoredList)
    def post(self, request: Request) -> Response:
        """Restore the rules of a new station, or with `dry_run` only list what would be added and reset."""
        dry_run = DefaultsRequest.model_validate(request.data).dry_run
        restored = rules_to_restore() if dry_run else restore_default_rules(request.user.get_username())
        return Response({"dry_run": dry_run, "results": [body_of(RestoredBody, one) for one in restored]})


urlpatterns = [
    path("preview/", PreviewView.as_view()),
    path("defaults/", DefaultRulesView.as_view()),
]
