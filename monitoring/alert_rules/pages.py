"""The pages of alerts and alert rules, and the form of a rule, whose labels are those of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path

from core.api.paging import beyond, cursor_of
from core.api.queries import Cursor
from core.events.models import Alert
from core.events.selectors import alerts_for
from core.events.severity import Severity
from core.limits.refusals import TooManyWaiting
from core.pages import Page, UnitInput
from core.resources.forms import ModelForm
from core.resources.pages import FormPage, PressPage, ResourcePage, SwitchPage, page_of
from monitoring.alert_rules.preview import preview_rule
from monitoring.alert_rules.resource import RULES, RuleChange, RuleRequest, UnsavedRule
from monitoring.alert_rules.rows import rule_of
from monitoring.alert_rules.rule import BUILT_IN_ALERTS, EVENTS, RULE_KINDS, condition_text
from monitoring.alert_rules.selectors import known_subjects, rules_for, with_status
from monitoring.alert_rules.services import readable_kinds, restore_default_rules, rules_to_restore, unsaved_rule
from monitoring.models import AlertRule
from monitoring.notifications.selectors import active_silences_for, alert_displays
from monitoring.pages import AcknowledgePage, searchable

NAMES = ("label", "subject", "threshold", "clear", "for_s", "clear_for_s", "severity")


class RuleForm(ModelForm):
    """A rule of one kind. Fields that the kind does not have are left out."""

    ids = "rule-%s"

    def __init__(self, kind: str, data: Any = None, rule: AlertRule | None = None) -> None:
        if rule is None:
            super().__init__(RuleRequest, data, names=("name", *NAMES), fixed={"kind": kind})
        else:
            super().__init__(RuleChange, data, names=NAMES, row=rule)
        self.kind_name, self.kind = kind, RULE_KINDS[kind]
        self.fields["subject"].help_text = f"{self.kind.subject}; * and ? are wildcards."
        self.fields["subject"].widget.attrs["list"] = "rule-subjects"
        if self.kind.fixed is not None:
            del self.fields["threshold"], self.fields["clear"]
            return
        for name in ("threshold", "clear") if self.kind.unit else ():
            self.fields[name].widget = UnitInput(self.kind.unit, self.fields[name].widget.attrs)
        self.fields["threshold"].label = f"Opens {self.kind.comparison}"
        if self.kind.signal == EVENTS:
            self._shape_for_events()

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A program that leaves the subject out means everything; a person who has emptied it may not.
        return {**super().given(values), "subject": values.get("subject", "")}

    def _shape_for_events(self) -> None:
        del self.fields["clear"]
        threshold = self.fields["threshold"]
        threshold.label, threshold.initial = "Opens at", "1"
        threshold.help_text = "The number of events that open the alert."
        self.fields["for_s"].label = "Within"
        self.fields["for_s"].help_text = "The time in which these events must come, if they are several."
        self.fields["clear_for_s"].help_text = "The time without another event."


ROWS = 50
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
    return {"rules": [shown(rule) for rule in with_status(rules_for(user), user)]}


def shown(rule: AlertRule) -> dict[str, Any]:
    kind = RULE_KINDS.get(rule.kind)
    condition = f"{rule.severity}: {condition_text(rule_of(rule), rule.unit)}" if kind else rule.severity
    return {"rule": rule, "kind": kind, "condition": condition}


class KnownRule(ResourcePage):
    """A page of the rule in the URL."""

    def row(self) -> AlertRule:
        """404 also for a kind that this version does not have."""
        rule: AlertRule = super().row()
        if rule.kind not in RULE_KINDS:
            raise Http404
        return rule


class RuleFormPage(KnownRule, FormPage):
    """The form of a rule, or for those who may not change rules what it would have. Without JavaScript the button
    Preview shows the preview."""

    template = "alerts/rule.html"

    def form(self, row: AlertRule | None, data: Any = None) -> RuleForm:
        given = self.request.GET if data is None else data
        return RuleForm(row.kind if row else kind_of(given.get("kind", FIRST_KIND)), data, row)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if "preview" not in request.POST:
            return super().post(request, **kwargs)
        row = self.stored()
        form = self.form(row, request.POST)
        return self.show_rule(form, row, preview_context(form, request.user))

    def show(self, form: ModelForm, status: int = 200) -> HttpResponse:
        return self.show_rule(cast(RuleForm, form), self.stored(), {}, status)

    def show_rule(
        self, form: RuleForm, row: AlertRule | None, preview: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        known = known_subjects(self.request.user).get(form.kind.signal, {})
        context = {"form": form, "kinds": readable_kinds(), "subjects": known, **preview}
        context["preview_trigger"] = FORM_CHANGES if row is None else f"load, {FORM_CHANGES}"
        if row is not None:
            context |= shown(*with_status([row], self.request.user))
        return self.render({**context, "kind": form.kind_name}, status=status)


class PreviewRulePage(Page):
    """The preview alone, while the form is filled in."""

    roles = {"POST": "manager"}
    template = "alerts/_preview.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = kind_of(request.POST.get("kind", FIRST_KIND))
        form = RuleForm(kind, {**request.POST.dict(), "name": "preview"})
        return self.render(preview_context(form, request.user))


def preview_context(form: RuleForm, user: Any) -> dict[str, Any]:
    """The preview of the form's rule, or what to correct."""
    if not form.is_valid():
        labels = {name: str(form.fields[name].label or name.capitalize()) for name in form.fields}
        return {"wrong": [(labels.get(name, ""), " ".join(map(str, errors))) for name, errors in form.errors.items()]}
    columns = form.wanted.model_dump(exclude={"name", "kind", "enabled"})
    try:
        rule = unsaved_rule(UnsavedRule(kind=form.kind_name, **columns))
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


class SwitchRulePage(KnownRule, SwitchPage):
    effect = "Its alerts are closed."


class RemoveRulePage(KnownRule, PressPage):
    """Asks first what is kept and what is removed."""

    template = "alerts/remove_rule.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(shown(*with_status([self.row()], request.user)))


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


def rule_page(kind: type[ResourcePage], name: str, readers: str = "") -> Any:
    return page_of(kind, RULES, name, "alert-rules", readers=readers)


urlpatterns: list[URLPattern | URLResolver] = [
    path("", AlertsPage.as_view(), name="alerts"),
    path("now/", AlertsNow.as_view(), name="alerts-now"),
    path("<uuid:alert>/acknowledge/", AcknowledgePage.as_view(), name="acknowledge"),
    path("rules/", RulesPage.as_view(), name="alert-rules"),
    # These come before the rules: a name would match them too.
    path("rules/now/", RulesNow.as_view(), name="alert-rules-now"),
    path("rules/add/", rule_page(RuleFormPage, "add"), name="add-alert-rule"),
    path("rules/preview/", PreviewRulePage.as_view(), name="preview-alert-rule"),
    path("rules/defaults/", DefaultRulesPage.as_view(), name="default-alert-rules"),
    path("rules/<slug:rule>/", rule_page(RuleFormPage, "change", "viewer"), name="alert-rule"),
    path("rules/<slug:rule>/switch/", rule_page(SwitchRulePage, "change"), name="switch-alert-rule"),
    path("rules/<slug:rule>/remove/", rule_page(RemoveRulePage, "remove"), name="remove-alert-rule"),
    path("maintenance/", include("monitoring.maintenance.pages")),
]
