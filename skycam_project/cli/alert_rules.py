"""`skycam alerts rules` and `skycam alerts maintenance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.cli.identity import Caller

PREVIEW_DAYS: dict[str, Any] = {
    "type": click.IntRange(1, 31),
    "default": 7,
    "show_default": True,
    "help": "Days of the preview.",
}


class RuleGroup(ResourceGroup):
    def derive(self) -> dict[str, click.Command]:
        found = super().derive()
        return {**found, "add": with_preview(found["add"])}


def with_preview(add: click.Command) -> click.Command:
    """The command, or with --preview what the rule would have done."""
    only = "Only show what it would have done in the last days; nothing is stored."
    add.params += [click.Option(["--preview"], is_flag=True, help=only), click.Option(["--days"], **PREVIEW_DAYS)]
    store = add.callback

    def callback(preview: bool, days: int, **values: Any) -> None:
        from monitoring.alert_rules.resource import RULES
        from skycam_project.cli.resources import requested

        if not preview:
            assert store is not None
            store(**values)
            return
        caller = current().authorize("manager")
        from monitoring.alert_rules.services import unsaved_rule

        wanted: Any = requested(RULES, RULES.operation("add"), caller, values, "")
        print_result(preview_of(caller, unsaved_rule(wanted), days), print_preview)

    add.callback = callback
    return add


rules = RuleGroup("rules", "Manage the rules that open alerts.", "monitoring.alert_rules.resource.RULES")
maintenance = ResourceGroup(
    "maintenance", "Plan times in which rules open no alerts.", "monitoring.maintenance.resource.WINDOWS"
)


@rules.command("show", cls=Command)
@click.argument("name")
@click.option("--preview", is_flag=True, help="Also what it would have done in the last days. Role: manager.")
@click.option("--days", **PREVIEW_DAYS)
def show(name: str, preview: bool, days: int) -> None:
    """Show the rule NAME and what it concerns now."""
    caller = current().authorize("manager" if preview else "viewer")
    from monitoring.alert_rules.resource import RULES
    from skycam_project.cli.resources import find_row

    rule = find_row(RULES, caller, name)
    body = RULES.body(rule, caller.user)
    if preview:
        body["preview"] = preview_of(caller, rule, days)
    print_result(body, print_rule)


def preview_of(caller: Caller, rule: Any, days: int) -> dict[str, Any]:
    from core.resources.resource import body_of
    from monitoring.alert_rules.preview import preview_rule
    from monitoring.alert_rules.resource import PreviewBody

    return body_of(PreviewBody, preview_rule(rule, caller.user, caller.actor, days))


@rules.command("restore", cls=Command)
@shared_option("--yes", "Do it; without this option it is only listed.")
def restore(confirmed: bool) -> None:
    """Restore the rules of a new station. Other rules stay."""
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.alert_rules.resource import RestoredBody
    from monitoring.alert_rules.services import restore_default_rules, rules_to_restore

    found = restore_default_rules(caller.actor) if confirmed else rules_to_restore()
    print_result({"dry_run": not confirmed, "results": [body_of(RestoredBody, one) for one in found]}, print_restored)


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
