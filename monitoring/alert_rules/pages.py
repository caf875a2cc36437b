"""The pages of alerts and alert rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from core.api.paging import Cursor, beyond
from core.limits.wait_limiter import TooManyWaiting
from core.pages.page import Page
from monitoring.alert_rules.built_in import BUILT_IN_ALERTS
from monitoring.alert_rules.forms import RuleForm
from monitoring.alert_rules.kinds import RULE_KINDS
from monitoring.alert_rules.preview import preview_rule
from monitoring.alert_rules.requests import RuleChange, RuleRequest, UnsavedRule
from monitoring.alert_rules.rows import rule_of
from monitoring.alert_rules.selectors import (
    RuleStatus,
    known_subjects,
    rule_for,
    rules_for,
    status_of,
    statuses_of,
)
from monitoring.alert_rules.sentences import condition_text
from monitoring.alert_rules.services import (
    add_rule,
    change_rule,
    remove_rule,
    restore_default_rules,
    rules_to_restore,
    unsaved_rule,
)
from monitoring.alert_rules.validation import readable_kinds
from monitoring.models import Alert, AlertRule
from monitoring.notifications.alert_display import alert_displays
from monitoring.notifications.selectors import active_silences_for
from monitoring.pages import searchable
from monitoring.selectors import alerts_for
from monitoring.severity import Severity

ROWS = 50
UNRESOLVED = ""
STATES = {**{state.value: state.value for state in Alert.State}, "all": "all"}
FIRST_KIND = "reading_above"
FORM_CHANGES = "input from:#rule-form delay:600ms, change from:#rule-form delay:600ms"
"""When htmx asks for the preview. A stored rule has one at once."""


class AlertsPage(Page):
    """Alerts, newest first. The filters are in the URL, also for the partial that refreshes the list."""

    template = "alerts/alerts.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(self._context(request))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        chosen = {name: searchable(request.GET.get(name, "")) for name in ("state", "severity", "camera", "key")}
        before = request.GET.get("before", "")
        found = filtered_alerts(request.user, chosen)
        # One row more than a page shows whether there are older ones.
        rows = list(beyond(found, "opened_at", cursor_of(before)).order_by("-opened_at", "-id")[: ROWS + 1])
        older = Cursor(rows[ROWS - 1].opened_at, rows[ROWS - 1].pk, newer=False).text() if len(rows) > ROWS else ""
        visible = {rule.name for rule in rules_for(request.user)}
        return {
            "alerts": [(display, rule_of_alert(display.alert, visible)) for display in alert_displays(rows[:ROWS])],
            "silences": list(active_silences_for(request.user)),
            "chosen": chosen,
            "is_filtered": any(chosen.values()),
            "states": STATES,
            "severities": {severity: severity for severity in Severity},
            "query": urlencode({name: value for name, value in {**chosen, "before": before}.items() if value}),
            "older": urlencode({**chosen, "before": older}) if older else "",
        }


class AlertsNow(AlertsPage):
    """The parts of the page that change by themselves."""

    template = "alerts/_alerts_now.html"


def filtered_alerts(user: Any, chosen: Mapping[str, str]) -> Any:
    found = alerts_for(user)
    if chosen["state"] in Alert.State.values:
        found = found.filter(state=chosen["state"])
    elif chosen["state"] != "all":
        found = found.exclude(state=Alert.State.RESOLVED)
    if chosen["severity"] in list(Severity):
        found = found.filter(severity=chosen["severity"])
    if chosen["camera"]:
        found = found.filter(camera=chosen["camera"])
    return found.filter(key__startswith=chosen["key"]) if chosen["key"] else found


def rule_of_alert(alert: Alert, visible: set[str]) -> str:
    """The name of the rule that opened it, if the reader may see it and it still exists."""
    name = str(alert.data.get("rule", ""))
    return name if name in visible else ""


def cursor_of(text: str) -> Cursor | None:
    """404 for a bad cursor."""
    try:
        return Cursor.parse(text) if text else None
    except ValueError:
        raise Http404 from None


class RulesPage(Page):
    template = "alerts/rules.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({**rules_context(request.user), "built_in": BUILT_IN_ALERTS})


class RulesNow(Page):
    """The list, which changes by itself."""

    template = "alerts/_rules_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(rules_context(request.user))


def rules_context(user: Any) -> dict[str, Any]:
    return {"rules": [shown(status) for status in statuses_of(rules_for(user), user)]}


def shown(status: RuleStatus) -> dict[str, Any]:
    rule, kind = status.rule, RULE_KINDS.get(status.rule.kind)
    condition = f"{rule.severity}: {condition_text(rule_of(rule), status.unit)}" if kind else rule.severity
    return {"status": status, "rule": rule, "kind": kind, "condition": condition}


class PageOfRule(Page):
    """A page of the rule in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except AlertRule.DoesNotExist:
            raise Http404 from None

    def rule(self) -> AlertRule:
        """AlertRule.DoesNotExist also for a kind that this version does not have."""
        rule = rule_for(self.request.user, self.kwargs["rule"])
        if rule.kind not in RULE_KINDS:
            raise AlertRule.DoesNotExist
        return rule

    def form_page(
        self, form: RuleForm, kind: str, rule: AlertRule | None, status: int = 200, **more: Any
    ) -> HttpResponse:
        """The form, or for those who may not change rules what it would have. Without JavaScript the button Preview
        shows the preview."""
        known = known_subjects(self.request.user).get(RULE_KINDS[kind].signal, {})
        context = {"form": form, "kind": kind, "kinds": readable_kinds(), "subjects": known, **more}
        context["preview_trigger"] = FORM_CHANGES if rule is None else f"load, {FORM_CHANGES}"
        if rule is not None:
            context |= shown(status_of(rule, self.request.user)) | {"kind": kind}
        return self.render(context, status=status)


class AddRulePage(PageOfRule):
    roles = {"GET": "manager", "POST": "manager"}
    template = "alerts/rule.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form of the chosen kind."""
        kind = kind_of(request.GET.get("kind", FIRST_KIND))
        return self.form_page(RuleForm(kind), kind, None)

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = kind_of(request.POST.get("kind", FIRST_KIND))
        form = RuleForm(kind, request.POST)
        if "preview" in request.POST:
            return self.form_page(form, kind, None, **preview_context(form, kind, request.user))
        if not form.is_valid():
            return self.form_page(form, kind, None, 400)
        try:
            rule = add_rule(RuleRequest(kind=kind, **form.cleaned_data), self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self.form_page(form, kind, None, 400)
        messages.success(request, f"The rule {rule.name} was added.")
        return redirect("alert-rules")


class RulePage(PageOfRule):
    roles = {"GET": "viewer", "POST": "manager"}
    template = "alerts/rule.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        rule = self.rule()
        return self.form_page(RuleForm(rule.kind, rule=rule), rule.kind, rule)

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Change the rule."""
        rule = self.rule()
        form = RuleForm(rule.kind, request.POST, rule)
        if "preview" in request.POST:
            return self.form_page(form, rule.kind, rule, **preview_context(form, rule.kind, request.user))
        if not form.is_valid():
            return self.form_page(form, rule.kind, rule, 400)
        try:
            change_rule(rule, RuleChange(**form.cleaned_data), self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self.form_page(form, rule.kind, rule, 400)
        messages.success(request, f"The rule {rule.name} was changed.")
        return redirect("alert-rules")


class PreviewRulePage(Page):
    """The preview alone, while the form is filled in."""

    roles = {"POST": "manager"}
    template = "alerts/_preview.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = kind_of(request.POST.get("kind", FIRST_KIND))
        form = RuleForm(kind, request.POST)
        # A name that is missing yet changes nothing.
        form.fields["name"].required = False
        return self.render(preview_context(form, kind, request.user))


def preview_context(form: RuleForm, kind: str, user: Any) -> dict[str, Any]:
    """The preview of the form's rule, or what to correct."""
    if not form.is_valid():
        labels = {name: str(form.fields[name].label or name.capitalize()) for name in form.fields}
        return {"wrong": [(labels.get(name, ""), " ".join(map(str, errors))) for name, errors in form.errors.items()]}
    columns = {name: value for name, value in form.cleaned_data.items() if name != "name"}
    try:
        rule = unsaved_rule(UnsavedRule(kind=kind, **columns))
    except ValidationError as error:
        return {"wrong": [("", " ".join(error.messages))]}
    try:
        return {"preview": preview_rule(rule, user, user.get_username())}
    except TooManyWaiting as error:
        return {"busy": str(error)}


def kind_of(text: str) -> str:
    """404 for a kind that does not exist."""
    if text not in RULE_KINDS:
        raise Http404
    return text


class SwitchRulePage(PageOfRule):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Switch it on or off."""
        enabled = request.POST.get("enabled") == "yes"
        rule = change_rule(self.rule(), RuleChange(enabled=enabled), self.actor)
        closed = "" if enabled else " Its alerts are closed."
        messages.success(request, f"The rule {rule.name} is {'on' if enabled else 'off'}.{closed}")
        return redirect("alert-rules")


class RemoveRulePage(PageOfRule):
    """Asks first what is kept and what is removed."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "alerts/remove_rule.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render({"status": status_of(self.rule(), request.user)})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        rule = self.rule()
        remove_rule(rule, self.actor)
        messages.success(request, f"The rule {rule.name} was removed.")
        return redirect("alert-rules")


class DefaultRulesPage(Page):
    """Asks first what would be added and reset."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "alerts/defaults.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({"restored": rules_to_restore()})

    def post(self, request: HttpRequest) -> HttpResponse:
        restored = restore_default_rules(self.actor)
        messages.success(request, f"Restored: {', '.join(one.name for one in restored) or 'nothing was missing'}.")
        return redirect("alert-rules")
