"""The job `admin_action`: an action of the admin on many rows, or on files where they are."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from core.jobs.context import JobContext, JobError
from core.text.sentences import pluralize
from skycam_project.access.models import User
from skycam_project.admin.actions.run import ActionRun, BadSelection, Outcome, Selection
from skycam_project.admin.actions.table import Action, ItemRequest, action_named
from skycam_project.admin.site import SITE


def run_action(context: JobContext) -> dict[str, Any]:
    """Arguments: those that `actions.views` writes. Continues behind the last row of the checkpoint. JobError when the
    person who began it is no manager any more, or the action does not exist in this version."""
    given, checkpoint = context.arguments, context.checkpoint or {}
    action, rows = _action_and_rows(context)
    outcome = Outcome(**checkpoint.get("outcome", {}))
    request = ItemRequest(context.actor, given["reason"], context.should_stop)
    done, after = int(checkpoint.get("rows", 0)), checkpoint.get("after", "")

    def report(*, always: bool = False) -> None:
        sentence = f"{pluralize(outcome.done, 'row')} {action.done}, {outcome.failed:,} with an error"
        context.progress(
            done, max(done, given["count"]), sentence, always=always, after=after, rows=done, outcome=outcome.as_json()
        )

    for row in ActionRun(action, rows, request, outcome).run(after):
        done, after = done + 1, row
        report()
    if context.was_asked_to_stop:
        # The next attempt finds no row that was deleted or pinned since the last report, and would not count it.
        report(always=True)
    return outcome.as_json()


def _action_and_rows(context: JobContext) -> tuple[Action, Any]:
    given = context.arguments
    model = apps.get_model(given["model"])
    action = action_named(model, given["action"])
    user = User.objects.filter(username=context.actor).first()
    if action is None or action.apply is None:
        raise JobError(f"This version of the station has no action {given['action']!r}.", permanent=True)
    if user is None or not user.may(action.role):
        raise JobError(f"{context.actor} is no {action.role} any more.", permanent=True)
    chosen = given["selection"]
    ids, query = (chosen, "") if isinstance(chosen, list) else ([], chosen)
    try:
        # A job of an earlier version has no times.
        until, since = given.get("until", ""), given.get("since", "")
        selection = Selection(given["model"], ids, query, given["newest"], until, since)
        rows = selection.rows(SITE.get_model_admin(model), user)
    except BadSelection as error:
        raise JobError(str(error), permanent=True) from error
    if action.places:
        rows = rows.filter(action.places.has_host(settings.STATION.host))
    return action, rows
