"""The routes of alert rules and maintenance windows."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.idempotency.view import IdempotentView
from monitoring.alert_rules.bodies import (
    PreviewBody,
    RestoredBody,
    RuleBody,
    WindowBody,
    preview_body,
    restored_body,
    rule_body,
    rule_url,
    window_body,
    window_url,
)
from monitoring.alert_rules.preview import preview_rule
from monitoring.alert_rules.requests import (
    DefaultsRequest,
    PreviewRequest,
    RuleChange,
    RuleRequest,
    WindowRequest,
)
from monitoring.alert_rules.selectors import rule_for, rules_for, status_of, statuses_of, window_for, windows_for
from monitoring.alert_rules.services import (
    add_rule,
    change_rule,
    remove_rule,
    restore_default_rules,
    rules_to_restore,
    unsaved_rule,
)
from monitoring.alert_rules.windows import add_window, end_window, remove_window


class RuleList(TypedDict):
    results: list[RuleBody]


class RestoredList(TypedDict):
    dry_run: bool
    results: list[RestoredBody]


class WindowList(TypedDict):
    results: list[WindowBody]


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


class WindowsView(IdempotentView):
    roles = {"GET": "viewer", "POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="maintenance_windows_list", responses=WindowList)
    def get(self, request: Request) -> Response:
        """The newest maintenance windows, the latest begin first."""
        return Response({"results": [window_body(window) for window in windows_for(request.user)]})

    @extend_schema(operation_id="maintenance_windows_add", request=WindowRequest, responses={201: WindowBody})
    def post(self, request: Request) -> Response:
        """Add a maintenance window: the rules open no alerts for its subjects."""
        wanted = WindowRequest.model_validate(request.data)
        window = add_window(wanted, request.user.get_username(), self.reserved_id)
        return Response(window_body(window), 201, headers={"Location": window_url(window)})


class WindowView(APIView):
    roles = {"DELETE": "operator"}

    @extend_schema(operation_id="maintenance_windows_remove", responses={204: None})
    def delete(self, request: Request, window: UUID) -> Response:
        """Remove the window. One that runs has no effect any more."""
        remove_window(window_for(request.user, window), request.user.get_username())
        return Response(status=204)


class EndWindowView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="maintenance_windows_end", request=None, responses=WindowBody)
    def post(self, request: Request, window: UUID) -> Response:
        """End a window that runs."""
        return Response(window_body(end_window(window_for(request.user, window), request.user.get_username())))
