"""A program that gets the message as JSON. It is named in the configuration file alone. Django-free."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar

from pydantic import Field

from core.commands import CommandResult, run_command
from core.resources.fields import field
from core.text.names import readable
from monitoring.notifications.channels.base import Channel, ChannelSettings, SendResult
from monitoring.notifications.message import Notification

OUTPUT_BYTES = 64 * 1024
MAX_LINE = 300
Argument = Annotated[str, Field(min_length=1, max_length=4000)]


class CommandSettings(ChannelSettings):
    """The first of `command` is the program."""

    command: Annotated[list[Argument], Field(min_length=1, max_length=50)] = field(title="Program", file_only=True)


class CommandChannel(Channel[CommandSettings]):
    """The program reads the message from its standard input. Status 0 means that it was sent."""

    settings_model: ClassVar = CommandSettings

    def send(self, notification: Notification) -> SendResult:
        content = json.dumps(notification.body(), ensure_ascii=False).encode()
        try:
            result = run_command(self.settings.command, self.deadline_s, OUTPUT_BYTES, captured="errors", stdin=content)
        except TimeoutError:
            return SendResult(
                f"The program has not ended within {self.deadline_s:g} s and was stopped. Find out what it waits for."
            )
        except (OSError, ValueError) as error:
            why = readable(str(getattr(error, "strerror", None) or type(error).__name__))
            return SendResult(f"The program cannot be started ({why}). Correct `command`.")
        if refused := error_of(result):
            return SendResult(refused)
        return SendResult("", "The program ended with status 0.")


def error_of(result: CommandResult) -> str:
    """Empty if the program has sent the message."""
    if not result.was_found:
        return "The program cannot be started: it was not found, or is not executable. Correct `command`."
    if len(result.output) > OUTPUT_BYTES:
        return f"The program wrote more than {OUTPUT_BYTES // 1024} kB to its standard error and was stopped."
    if result.status:
        return f"The program ended with status {result.status}. {last_line(result.output)}".strip()
    return ""


def last_line(output: bytes) -> str:
    lines = [readable(line).strip() for line in output.decode(errors="replace").splitlines()]
    return next((line[:MAX_LINE] for line in reversed(lines) if line), "")
