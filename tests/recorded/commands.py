"""The command line: the help of each command, and what commands print, for good and for wrong values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from functools import cache

import click
import yaml

from core.station_settings import clear_cache
from skycam_project.cli.root import cli
from tests.harness.clients.people import World
from tests.harness.stations.command_line import skycam
from tests.recorded.answers import filled, placeholders, to_yaml
from tests.recorded.recordings import FOLDER, Entries

COLUMNS = "100"
WRONG = ("-1", "no such")


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of the group, of its commands, and of theirs."""
    yield words
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


def helps() -> Entries:
    return {" ".join(("skycam", *words)): skycam(*words, "--help").stdout for words in commands(cli)}


@cache
def lines() -> dict[str, list[str]]:
    """Subject -> command lines. What follows ` <<< ` is their input."""
    found: dict[str, list[str]] = yaml.safe_load((FOLDER / "commands.yaml").read_text(encoding="utf-8"))
    return found


class CommandRecorder:
    """Runs command lines. What they change is taken back."""

    def __init__(self, world: World) -> None:
        self._world, self._placeholders = (
            world,
            placeholders(world, "\n".join(line for one in lines().values() for line in one)),
        )
        self._known = sorted(commands(cli), key=len, reverse=True)

    def record(self, subject: str) -> Entries:
        return {name: text for line in lines()[subject] for name, text in self._of_line(line).items()}

    def _of_line(self, line: str) -> Entries:
        text, _, given = line.partition(" <<< ")
        words = shlex.split(text)
        wrong = "".join(
            f"{words[place]} -> {other}: {self._refused([*words[:place], other, *words[place + 1 :]], given)}\n"
            for place, other in self._wrong_values(words)
        )
        found = {f"skycam {line}": self._printed(words, given), f"skycam {line} as JSON": self._json(words, given)}
        return found | ({f"skycam {line} with wrong values": wrong} if wrong else {})

    def _wrong_values(self, words: list[str]) -> Iterator[tuple[int, str]]:
        """Places in the line, and what stands there instead."""
        begin = len(next(known for known in self._known if tuple(words[: len(known)]) == known))
        for place in range(begin, len(words)):
            name, equals, _ = words[place].partition("=")
            others = [*(f"{name}={one}" for one in WRONG), "nosuch=1"] if equals else WRONG
            yield from ((place, other) for other in others if not name.startswith("--"))

    def _json(self, words: list[str], given: str) -> str:
        status, stdout, stderr = self._run(["--output", "json", *words], given)
        content = to_yaml(self._placeholders.in_body(json.loads(stdout))) if stdout.startswith("{") else stdout
        return f"{status}\n{content}\n{stderr}"

    def _printed(self, words: list[str], given: str) -> str:
        status, stdout, stderr = self._run(words, given)
        return f"{status}\n{self._placeholders.in_text(stdout)}\n{stderr}"

    def _refused(self, words: list[str], given: str) -> str:
        """Exit status and sentence in one line."""
        status, stdout, stderr = self._run(["--output", "json", *words], given)
        said = json.loads(stdout) if stdout.startswith("{") else {}
        return f"{status} {self._placeholders.in_text(said.get('detail', '') if status else '')} {stderr}".strip()

    def _run(self, words: list[str], given: str) -> tuple[int, str, str]:
        with self._world.unchanged():
            found = skycam(*(filled(word, self._world) for word in words), given=f"{given}\n")
            clear_cache()
            return found.exit_code, found.stdout, self._placeholders.in_text(found.stderr)
