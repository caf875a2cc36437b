"""A program that prints values. It is named in the configuration file alone. Django-free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.commands import CommandResult, run_command
from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.values import (
    channel_of,
    parse_json,
    parse_sources,
    quantity_and_unit,
    samples_of_document,
    samples_of_members,
    value_of,
)  # fmt: skip

OUTPUT_BYTES = 64 * 1024
MAX_LINES = 100
VALUE = "value"
"""The channel of an output that is one number."""


class CommandSensor(SensorDriver):
    """The output is one number, lines `name=value`, or a JSON object. What the program writes to its standard error is
    not shown: it may hold secrets."""

    settings_model = SettingsAt("monitoring.sensors.settings.CommandSettings")

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._sources = parse_sources(settings["values"], "values") if settings["values"] else []

    def read(self, deadline_s: float) -> list[Sample]:
        result = self._run(deadline_s)
        samples = list(self._samples(result.output.decode("utf-8-sig", errors="replace").strip()))
        if not samples:
            raise SensorError(
                "The output of the command has no value. It may be a number, lines such as temperature=21.5, or a JSON"
                " object."
            )
        return samples

    def _run(self, deadline_s: float) -> CommandResult:
        try:
            result = run_command(self.settings["command"], deadline_s, OUTPUT_BYTES)
        except TimeoutError as error:
            message = f"The command has not ended within {deadline_s:g} s and was stopped. Find out what it waits for."
            raise SensorError(message) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise SensorError(f"The command cannot be started ({why}). Correct `command`.") from error
        if not result.was_found:
            raise SensorError(
                "The command cannot be started: it was not found, or is not executable. Correct `command`.",
                permanent=True,
            )
        if len(result.output) > OUTPUT_BYTES:
            raise SensorError(f"The command printed more than {OUTPUT_BYTES // 1024} kB. It should print its values.")
        if result.status != 0:
            raise SensorError(f"The command ended with status {result.status}. Run it in a shell to see its message.")
        return result

    def _samples(self, text: str) -> Iterator[Sample]:
        number = value_of(text, self.settings["quantity"])
        if number is not None:
            yield Sample(VALUE, self.settings["quantity"], number)
        elif text.startswith(("{", "[")):
            yield from self._samples_of_json(text)
        else:
            yield from samples_of_lines(text)

    def _samples_of_json(self, text: str) -> Iterator[Sample]:
        try:
            document = parse_json(text)
        except ValueError as error:
            raise SensorError("The output of the command is no valid JSON. Run it in a shell to see it.") from error
        if self._sources:
            yield from samples_of_document(document, self._sources)
        elif isinstance(document, dict):
            yield from samples_of_members(document)


def samples_of_lines(text: str) -> Iterator[Sample]:
    """Of `name=value` lines. A name that is no quantity is a number; of equal names, the last counts."""
    found: dict[str, Sample] = {}
    for line in text.splitlines()[:MAX_LINES]:
        name, _, given = (part.strip() for part in line.partition("="))
        known, unit = quantity_and_unit(name)
        quantity = known or "number"
        if name and (value := value_of(given, quantity, unit)) is not None:
            channel = channel_of(name)
            found[channel] = Sample(channel, quantity, value)
    yield from found.values()
