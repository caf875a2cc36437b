"""The output of a command as the source of a gate. Django-free."""

from __future__ import annotations

from collections.abc import Sequence

from cameras.gates.gate import Reading
from cameras.gates.sources import LONGEST_BYTES, text_reading
from core.commands import run_command


class CommandSource:
    """Runs the command for each reading, and kills all that it has started after `deadline_s`."""

    def __init__(self, command: Sequence[str], deadline_s: float) -> None:
        self._command, self._deadline_s = tuple(command), deadline_s

    def read(self) -> Reading:
        try:
            result = run_command(self._command, self._deadline_s, LONGEST_BYTES)
        except TimeoutError:
            return Reading(None, f"The command has not ended within {self._deadline_s:g} s.")
        except (OSError, ValueError) as error:
            return Reading(None, f"The command cannot be started ({getattr(error, 'strerror', None) or error}).")
        if len(result.output) > LONGEST_BYTES:
            return text_reading(result.output, "The output of the command")
        if not result.was_found:
            return Reading(None, "The command cannot be started: it was not found, or is not executable.")
        if result.status != 0:
            return Reading(None, f"The command ended with status {result.status}.")
        return text_reading(result.output, "The output of the command")
