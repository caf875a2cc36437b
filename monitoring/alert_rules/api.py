"""The routes of alert rules."""

from __future__ import annotations

from typing import TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.idempotency.view import IdempotentView
from monitoring.alert_rules.bodies import (
    PreviewBody,
    RestoredBody,
    RuleBody,
    preview_body,
    restored_body,
    rule_body,
    rule_url,
)
from monitoring.alert_rules.preview import preview_rule
from monitoring.alert_rules.requests import (
    DefaultsRequest,
    PreviewRequest,
    RuleChange,
    RuleRequest,
)
from monitoring.alert_rules.selectors import rule_for, rules_for, status_of, statuses_of
from monitoring.alert_rules.services import (
    add_rule,
    change_rule,
    remove_rule,
    restore_default_rules,
    rules_to_restore,
    unsaved_rule,
)


class RuleList(TypedDict):
    results: list[RuleBody]


class RestoredList(TypedDict):
    dry_run: bool
    results: list[RestoredBody]


class RulesView(IdempotentView):
    roles = {"GET": "viewer", "POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alert_rules_list", responses=RuleList)
    def get(self, request: Request) -> Response:
        """All alert rules, by name."""
        rules = rules_for(request.user)
        return Response({"results": [rule_body(status) for status in statuses_of(rules, request.user)]})

    @extend_schema(operation_id="alert_rules_add", request=RuleRequest, responses={201: RuleBody})
    def post(self, request: Request) -> Response:
        """Add a rule. It is evaluated within some seconds."""
        wanted = RuleRequest.model_validate(request.data)
        rule = add_rule(wanted, request.user.get_username(), self.reserved_id)
        return Response(rule_body(status_of(rule, request.user)), 201, headers={"Location": rule_url(rule)})


class RuleView(APIView):
    roles = {"GET": "viewer", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="alert_rules_show", responses=RuleBody)
    def get(self, request: Request, rule: str) -> Response:
        return Response(rule_body(status_of(rule_for(request.user, rule), request.user)))

    @extend_schema(operation_id="alert_rules_change", request=RuleChange, responses=RuleBody)
    def patch(self, request: Request, rule: str) -> Response:
        """Change the fields that are given. The open alerts of the rule close."""
        found, wanted = rule_for(request.user, rule), RuleChange.model_validate(request.data)
        changed = change_rule(found, wanted, request.user.get_username())
        return Response(rule_body(status_of(changed, request.user)))

    @extend_schema(operation_id="alert_rules_remove", responses={204: None})
    def delete(self, request: Request, rule: str) -> Response:
        """Remove the rule. Its open alerts close."""
        remove_rule(rule_for(request.user, rule), request.user.get_username())
        return Response(status=204)


class PreviewView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alert_rules_preview", request=PreviewRequest, responses=PreviewBody)
    def post(self, request: Request) -> Response:
        """What a rule would have done in the last days, by the stored readings and events. Nothing is stored."""
        wanted = PreviewRequest.model_validate(request.data)
        actor = request.user.get_username()
        return Response(preview_body(preview_rule(unsaved_rule(wanted), request.user, actor, wanted.days)))


class DefaultRulesView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="alert_rules_restore", request=DefaultsRequest, responses=RestoredList)
    def post(self, request: Request) -> Response:
        """Restore the rules of a new station, or with `dry_run` only list what would be added and reset."""
        dry_run = DefaultsRequest.model_validate(request.data).dry_run
        restored = rules_to_restore() if dry_run else restore_default_rules(request.user.get_username())
        return Response({"dry_run": dry_run, "results": [restored_body(one) for one in restored]})
