"""`skycam alerts rules` and `skycam alerts maintenance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, DurationParam, Group, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitoring.models import AlertRule
    from skycam_project.cli.identity import Caller

SECONDS = DurationParam(0, 30 * 86_400)


@click.group("rules", cls=Group)
def rules() -> None:
    """Manage the rules that open alerts."""


def rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a new rule and a changed one have in common."""
    options = [
        shared_option("--label", "Begins the sentence of its alerts."),
        click.option("--subject", help="What it concerns, such as balcony:temperature; * and ? are wildcards."),
        click.option("--threshold", type=float, help="Value beyond which the alert opens; of events, their number."),
        click.option("--clear", type=float, help="Value that closes the alert; the threshold by default."),
        shared_option("--for", "How long the value must be beyond the threshold.", type=SECONDS),
        click.option("--clear-for", "clear_for_s", type=SECONDS, help="How long the value must be clear."),
        shared_option("--severity", "Severity of its alerts."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@rules.command("list", cls=Command)
def list_rules() -> None:
    """List the rules with the number of their open alerts."""
    caller = current().authorize("viewer")
    from monitoring.alert_rules.bodies import rule_body
    from monitoring.alert_rules.selectors import rules_for, statuses_of

    found = statuses_of(rules_for(caller.user), caller.user)
    print_result({"results": [dict(rule_body(status)) for status in found]}, print_rules)


@rules.command("show", cls=Command)
@click.argument("name")
@click.option("--preview", is_flag=True, help="Also what it would have done in the last days. Role: manager.")
@click.option("--days", type=click.IntRange(1, 31), default=7, show_default=True, help="Days of the preview.")
def show(name: str, preview: bool, days: int) -> None:
    """Show the rule NAME and what it concerns now."""
    caller = current().authorize("manager" if preview else "viewer")
    from monitoring.alert_rules.bodies import preview_body
    from monitoring.alert_rules.preview import preview_rule

    rule = find_rule(caller, name)
    body = body_of(caller, rule)
    if preview:
        body["preview"] = dict(preview_body(preview_rule(rule, caller.user, caller.actor, days)))
    print_result(body, print_rule)


@rules.command("add", cls=Command)
@click.argument("name")
@click.argument("kind")
@rule_options
@shared_option("--disabled", "Add it switched off.")
@click.option("--preview", is_flag=True, help="Only show what it would have done in the last days; nothing is stored.")
@click.option("--days", type=click.IntRange(1, 31), default=7, show_default=True, help="Days of the preview.")
def add(name: str, kind: str, disabled: bool, preview: bool, days: int, **columns: Any) -> None:
    """Add a rule of a kind such as reading_above.

    Example: skycam alerts rules add hot reading_above --subject balcony:t --threshold 30 --for 5min
    """
    caller = current().authorize("manager")
    from monitoring.alert_rules.bodies import preview_body
    from monitoring.alert_rules.preview import preview_rule
    from monitoring.alert_rules.requests import RuleRequest
    from monitoring.alert_rules.services import add_rule, unsaved_rule

    wanted = RuleRequest(name=name, kind=kind, enabled=not disabled, **given(**columns))
    if preview:
        body = dict(preview_body(preview_rule(unsaved_rule(wanted), caller.user, caller.actor, days)))
        print_result(body, print_preview)
        return
    rule = add_rule(wanted, caller.actor)
    print_result(body_of(caller, rule), lambda body: print_line(f"Added the rule {body['name']}."))


@rules.command("change", cls=Command)
@click.argument("name")
@rule_options
@click.option("--no-clear", is_flag=True, help="The threshold closes the alert.")
def change(name: str, no_clear: bool, **columns: Any) -> None:
    """Change the rule NAME.

    Its open alerts close; those whose condition still holds open again.

    Example: skycam alerts rules change disk-low --threshold 15 --clear 20
    """
    caller = current().authorize("manager")
    from monitoring.alert_rules.requests import RuleChange

    changes = given(**columns) | ({"clear": None} if no_clear else {})
    print_changed(caller, name, RuleChange(**changes), f"Changed the rule {name}.")


@rules.command("enable", cls=Command)
@click.argument("name")
def enable(name: str) -> None:
    """Switch the rule NAME on."""
    caller = current().authorize("manager")
    from monitoring.alert_rules.requests import RuleChange

    print_changed(caller, name, RuleChange(enabled=True), f"The rule {name} is on.")


@rules.command("disable", cls=Command)
@click.argument("name")
def disable(name: str) -> None:
    """Switch the rule NAME off. Its open alerts close."""
    caller = current().authorize("manager")
    from monitoring.alert_rules.requests import RuleChange

    print_changed(caller, name, RuleChange(enabled=False), f"The rule {name} is off.")


@rules.command("remove", cls=Command)
@click.argument("name")
def remove(name: str) -> None:
    """Remove the rule NAME. Its open alerts close."""
    caller = current().authorize("manager")
    from monitoring.alert_rules.services import remove_rule

    rule = find_rule(caller, name)
    body = body_of(caller, rule)
    remove_rule(rule, caller.actor)
    print_result(body, lambda body: print_line(f"Removed the rule {body['name']}."))


@rules.command("restore", cls=Command)
@shared_option("--yes", "Do it; without this option it is only listed.")
def restore(confirmed: bool) -> None:
    """Restore the rules of a new station. Other rules stay."""
    caller = current().authorize("manager")
    from monitoring.alert_rules.bodies import restored_body
    from monitoring.alert_rules.services import restore_default_rules, rules_to_restore

    found = restore_default_rules(caller.actor) if confirmed else rules_to_restore()
    print_result({"dry_run": not confirmed, "results": [dict(restored_body(one)) for one in found]}, print_restored)


def find_rule(caller: Caller, name: str) -> AlertRule:
    from monitoring.alert_rules.selectors import rule_for
    from monitoring.models import AlertRule

    try:
        return rule_for(caller.user, name)
    except AlertRule.DoesNotExist:
        detail = f"There is no alert rule {name}. `skycam alerts rules list` lists all."
        raise CliError("not-found", detail) from None


def body_of(caller: Caller, rule: AlertRule) -> dict[str, Any]:
    from monitoring.alert_rules.bodies import rule_body
    from monitoring.alert_rules.selectors import status_of

    return dict(rule_body(status_of(rule, caller.user)))


def print_changed(caller: Caller, name: str, wanted: Any, said: str) -> None:
    from monitoring.alert_rules.services import change_rule

    rule = change_rule(find_rule(caller, name), wanted, caller.actor)
    print_result(body_of(caller, rule), lambda _: print_line(said))


def print_rules(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No alert rules. `skycam alerts rules restore --yes` restores those of a new station.")
        return
    from monitoring.alert_rules.sentences import with_unit

    columns = ["name", "kind", "subject", "threshold", "clear", "for", "severity", "on", "open alerts"]
    rows = [
        [
            one["name"],
            one["kind"],
            one["subject"],
            with_unit(one["threshold"], one["unit"]),
            "" if one["clear"] is None else with_unit(one["clear"], one["unit"]),
            f"{one['for_s']:g} s",
            one["severity"],
            one["enabled"],
            one["open_alerts"],
        ]
        for one in body["results"]
    ]
    print_table(make_table(columns, rows))


def print_rule(body: dict[str, Any]) -> None:
    shown = {name: value for name, value in body.items() if name not in {"subjects", "preview"}}
    print_table(make_table(["", ""], [[name, "" if value is None else value] for name, value in shown.items()]))
    if body["subjects"] is not None:
        print_line(f"Concerns now: {', '.join(body['subjects']) or 'nothing'}.")
    if "preview" in body:
        print_preview(body["preview"])


def print_preview(body: dict[str, Any]) -> None:
    print_line(body["sentence"])
    if body["results"]:
        rows = [
            [
                one["subject"],
                format_time(one["begin"]),
                format_time(one["end"]) or "still open",
                "" if one["extreme"] is None else f"{one['extreme']:g} {body['unit']}".strip(),
            ]
            for one in body["results"]
        ]
        print_table(make_table(["subject", "begin", "end", "extreme"], rows))


def print_restored(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("All rules of a new station are here, with their first values.")
        return
    rows = [
        [one["name"], one["action"], ", ".join(f"{name} {value}" for name, value in one["changes"].items())]
        for one in body["results"]
    ]
    print_table(make_table(["name", "action", "values"], rows))
    if body["dry_run"]:
        print_line("Nothing was changed. With --yes they are restored.")


maintenance = ResourceGroup(
    "maintenance", "Plan times in which rules open no alerts.", "monitoring.maintenance.resource.WINDOWS"
)
