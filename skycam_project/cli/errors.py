"""Errors as problems with a sentence, and their exit statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from core.text.sentences import did_you_mean

INTERRUPTED = 130
FAILED = 1
UNKNOWN_CAMERA = 2
"""Exit status for a camera that does not exist, wherever a command names one: it is a mistake in the command line."""
STATUSES = {
    "invalid": 2,
    "camera-not-reachable": 3,
    "host-down": 3,
    "broker-down": 3,
    "held": 4,
    "busy": 4,
    "forbidden": 5,
}
"""Problem type -> exit status; every other problem is FAILED."""

HTTP_STATUSES = {
    "invalid": (400, "Invalid request"),
    "forbidden": (403, "Not permitted"),
    "not-found": (404, "Not found"),
    "held": (409, "Held by another"),
    "busy": (409, "Busy"),
    "not-recording": (409, "Nothing is recorded"),
    "session-ended": (409, "The session has ended"),
    "job-ended": (409, "The job has ended"),
    "recording-claimed": (409, "Experiments record the camera"),
    "experiment-state": (409, "The state of the experiment does not allow it"),
    "not-ready": (503, "It is not ready yet"),
    "too-many-silences": (409, "There are too many silences"),
    "webhook-disabled": (409, "The web-hook is switched off"),
    "webhook-busy": (409, "The web-hook sends another delivery"),
    "capture-kept": (409, "The capture must stay"),
    "not-in-trash": (409, "The capture is not in the trash"),
    "plan-refused": (409, "The plan cannot be executed"),
    "finding-refused": (409, "The file cannot be adopted or set aside"),
    "host-draining": (409, "The camera host is being drained"),
    "host-refused": (409, "The state of the host does not allow it"),
    "not-shareable": (409, "Another machine could not use the station"),
    "camera-not-reachable": (503, "The camera cannot be reached"),
    "host-down": (503, "The camera host does not answer"),
    "broker-down": (503, "The broker does not answer"),
    "too-slow": (504, "No answer in time"),
    "disk-full": (507, "The disk is full"),
}
OTHER_PROBLEM = (500, "It failed")


class CliError(Exception):
    """A problem (a type of docs/clients/cli.md) with one or two sentences that say what to do."""

    def __init__(
        self, problem: str, detail: str, *, errors: Iterable[tuple[str, str]] = (), status: int | None = None,
        more: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
        self.errors = list(errors)
        self.more = more or {}
        self.status = STATUSES.get(problem, FAILED) if status is None else status

    def body(self, command: str) -> dict[str, Any]:
        http, title = HTTP_STATUSES.get(self.problem, OTHER_PROBLEM)
        found = {"type": f"/problems/{self.problem}", "title": title, "status": http, "detail": self.detail}
        found |= {"instance": command, **self.more}
        if self.errors:
            found["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return found


def to_cli_error(error: Exception) -> CliError | None:
    """The CliError for an exception of the project's boundaries; None for an unexpected exception."""
    for ancestor in type(error).__mro__:
        # In the order of the MRO, so that the most specific class decides.
        if translate := TRANSLATIONS.get(f"{ancestor.__module__}.{ancestor.__qualname__}"):
            return translate(error)
    return None


def unexpected_error(error: Exception) -> CliError:
    return CliError("failed", f"Unexpected error: {type(error).__name__}: {error}. `--verbose` shows the traceback.")


def unchanged(error: Any) -> CliError:
    found: CliError = error
    return found


def usage(error: Any) -> CliError:
    click_error: click.ClickException = error
    context = getattr(error, "ctx", None)
    hint = f" `{context.command_path} --help` says more." if context else ""
    return CliError("invalid", f"{click_error.format_message()}{hint}", status=click_error.exit_code)


def unknown_option(error: Any) -> CliError:
    """Suggests the option that was meant. `-c` once named the configuration file."""
    options = [name for option in error.ctx.command.params for name in (*option.opts, *option.secondary_opts)]
    meant = did_you_mean(error.option_name, [name for name in options if name.startswith("--")])
    if error.option_name == "-c":
        meant = " The configuration file is `--config FILE`; `-c` names a camera, after a command that takes one."
    hint = f" `{error.ctx.command_path} --help` says more."
    return CliError("invalid", f"There is no option {error.option_name}.{meant}{hint}", status=error.exit_code)


def configuration(error: Any) -> CliError:
    """A folder that this user cannot access is not a mistake in the configuration."""
    closed = isinstance(error.__context__, PermissionError)
    # Not the status of `invalid`, which says that the command line is wrong.
    return CliError("forbidden" if closed else "invalid", "\n".join(error.problems), status=None if closed else FAILED)


def launching(error: Any) -> CliError:
    closed = isinstance(error.__context__, PermissionError)
    return CliError("forbidden" if closed else "failed", str(error))


def control(error: Any) -> CliError:
    return CliError(error.problem, error.detail or "The camera refused without saying why.")


def held(error: Any) -> CliError:
    detail = f"{error.detail} `skycam take {error.holder.camera.slug} --over` takes it over."
    return CliError(error.problem, detail, more={"title": error.title, **error.members})


def session_runs(error: Any) -> CliError:
    return CliError(error.problem, error.detail, more={"title": error.title, **error.members})


def experiment_names(error: Any) -> str:
    return ", ".join(repr(one.name) for one in error.experiments)


def recording_claimed(error: Any) -> CliError:
    return CliError(
        "recording-claimed",
        f"The camera is recorded for {experiment_names(error)}. With --keep-experiments only the recording that people "
        "requested ends; with --suspend-experiments the recording for experiments stops too, and their account shows "
        "the gap.",
    )


def session_claimed(error: Any) -> CliError:
    return CliError(
        "recording-claimed",
        f"The session takes stills for {experiment_names(error)}. With --suspend-experiments it stops nevertheless, "
        "and their account shows the gap, with your name.",
    )


def not_saved(error: Any) -> CliError:
    return CliError(error.problem, str(error))


def django_validation(error: Any) -> CliError:
    """Django's messages by field; messages without a field have an empty name."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    return invalid(
        (field if field != "__all__" else "", message) for field, messages in by_field.items() for message in messages
    )


def pydantic_validation(error: Any) -> CliError:
    """Pydantic's errors in Skycam's words."""
    from core.api.model import describe_error  # it imports pydantic, and `skycam help` needs none

    return invalid((".".join(map(str, item["loc"])), describe_error(item)) for item in error.errors())


def invalid(found: Iterable[tuple[str, str]]) -> CliError:
    errors = list(found)
    return CliError("invalid", "\n".join(lines(errors)), errors=errors)


def lines(errors: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line per error, with its field; the message of a setting names the setting itself."""
    for field, message in errors:
        yield message if not field or field == "settings" else f"{field}: {message}"


def database(error: Any) -> CliError:
    # The words of SQLite, and of PostgreSQL.
    if "no such table" in str(error) or "does not exist" in str(error):
        return CliError(
            "failed",
            "The database is not prepared. Start the station once with `skycam up`. If it is starting, wait: until "
            "then `skycam ps` shows its parts as preparing.",
        )
    return CliError("failed", f"The database does not answer: {str(error).strip()}. `skycam doctor` says more.")


def permission(error: Any) -> CliError:
    return CliError("forbidden", f"This user may not use {error.filename or 'the station'}. Ask its owner.")


TRANSLATIONS: dict[str, Callable[[Any], CliError]] = {
    "skycam_project.cli.errors.CliError": unchanged,
    "click.exceptions.ClickException": usage,
    "click.exceptions.NoSuchOption": unknown_option,
    "skycam_project.config.folder.ConfigError": configuration,
    "skycam_project.launch.preflight.LaunchError": launching,
    "cameras.errors.ControlError": control,
    "cameras.leases.LeaseHeld": held,
    "cameras.leases.SessionRunning": session_runs,
    "cameras.models.Camera.DoesNotExist": lambda _: CliError(
        "not-found", "The camera was removed.", status=UNKNOWN_CAMERA
    ),
    "cameras.settings.presets.NoPreset": lambda error: CliError("not-found", str(error)),
    "cameras.selectors.NoPrimaryCamera": lambda error: CliError("not-found", str(error)),
    "core.broker.hiredis_client.BrokerDown": lambda error: CliError("broker-down", str(error)),
    "captures.capturing.outcomes.NotSaved": not_saved,
    "captures.experiments.service.WrongState": lambda error: CliError("experiment-state", str(error)),
    "captures.roots.roots.UnusableRoot": lambda error: CliError("not-ready", str(error)),
    "captures.storage.retention.manager.PlanRefused": lambda error: CliError("plan-refused", str(error)),
    "captures.storage.integrity.decisions.FindingRefused": lambda error: CliError("finding-refused", str(error)),
    "captures.storage.trash.services.CaptureKept": lambda error: CliError("capture-kept", str(error)),
    "captures.storage.trash.services.NotInTrash": lambda error: CliError("not-in-trash", str(error)),
    "captures.recordings.control.commands.RecordingClaimed": recording_claimed,
    "captures.sessions.service.SessionClaimed": session_claimed,
    "core.jobs.services.NotCancellable": lambda error: CliError("job-ended", str(error)),
    "monitoring.sensor_management.commands.SensorHostDown": lambda error: CliError("host-down", str(error)),
    "monitoring.sensor_management.commands.SensorHostSlow": lambda error: CliError("too-slow", str(error)),
    "monitoring.notifications.silences.TooManySilences": lambda error: CliError("too-many-silences", str(error)),
    "monitoring.webhooks.services.WebhookBusy": lambda error: CliError("webhook-busy", str(error)),
    "monitoring.webhooks.services.WebhookDisabled": lambda error: CliError("webhook-disabled", str(error)),
    "skycam_project.hosts.invitations.HostRefused": lambda error: CliError("host-refused", str(error)),
    "skycam_project.hosts.shared.NotShareable": lambda error: CliError("not-shareable", "\n".join(error.problems)),
    "skycam_project.hosts.join_line.LineRefused": lambda error: CliError("invalid", str(error)),
    "django.core.exceptions.PermissionDenied": lambda error: CliError("forbidden", str(error)),
    "django.core.exceptions.ValidationError": django_validation,
    "pydantic_core._pydantic_core.ValidationError": pydantic_validation,
    "django.db.utils.Error": database,
    "builtins.PermissionError": permission,
}
"""By dotted name, so that no module must be imported for the lookup."""
