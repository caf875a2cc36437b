"""Options and exit statuses are the same for all commands: each command is walked."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator

import click
import pytest

from skycam_project.cli import errors
from skycam_project.cli.options import PastTimeParam
from skycam_project.cli.root import cli
from skycam_project.cli.sessions import session_cells
from skycam_project.cli.shared_options import SHARED_OPTIONS
from skycam_project.cli.station import Station
from tests.harness.documents.pages import page
from tests.harness.documents.sources import code
from tests.harness.rows.cameras import add_camera
from tests.harness.rows.offsite_rows import folder_destination_row
from tests.harness.stations.command_line import skycam

DIFFERENT = {"--begin", "--clear", "--end"}
"""Their values differ: a run begins at a time, off-site copies at an hour of each day; a fault is cleared, and an alert
rule has a value that clears it."""
NEEDED = {
    "capture": ["--exposure", "1"],
    "cameras set": ["--name", "x"],
    "experiments create": ["Dew"],
    "offsite set": ["second disk"],
    "offsite add": ["folder", "disk2", "--class", "capture", "--set", "path=/mnt/copies"],
    "organize": ["."],
    "schedules add": ["Dark", "--sun", "civil", "--exposure", "1", "--every", "60"],
    "schedules change": ["Dark"],
    "settings presets apply": ["Night"],
    "settings presets compare": ["Night"],
    "settings presets delete": ["Night"],
    "settings presets save": ["Night"],
    "settings set": ["gain=2"],
    "storage adopt": ["0199a1b2"],
}
"""Command -> what it needs beside a camera."""
ANY_CAMERA = {"cameras add", "silences add"}
"""A new camera, and one whose alerts are silenced: it may be gone."""


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        elif command is not None:
            yield " ".join([*path, name]), command


def options_of(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


COMMANDS = dict(commands(cli))
OPTIONS = [option for command in COMMANDS.values() for option in options_of(command)]


FORMER = {
    "alerts maintenance add": {"--to": "--until"},
    "captures list": {"--from": "--since", "--to": "--until"},
    "clips list": {"--from": "--since", "--to": "--until"},
    "experiments create": {"--begin": "--from", "--end": "--until"},
    "logs": {"--lines": "--limit"},
    "offsite add": {"--limit": "--rate"},
    "offsite set": {"--limit": "--rate"},
    "organize": {"--timezone": "--time-zone"},
    "telescope plan": {"--date": "--night"},
}
"""Command -> the names that scripts of older versions give to its options."""


def long_name(option: click.Option) -> str:
    return next(name for name in [*option.opts, *option.secondary_opts] if name.startswith("--"))


def value_of(option: click.Option) -> str:
    """What its value is: of all texts, some commands accept only a few words or check it further."""
    name = "flag" if option.is_flag else type(option.type).__name__
    return "text" if name in {"Choice", "StringParamType", "TimeZoneParam", "AssignmentParam", "Path"} else name


def short_names(option: click.Option) -> frozenset[str]:
    return frozenset(name for name in option.opts if not name.startswith("--"))


def differing(pairs: Iterable[tuple[str, Hashable]]) -> set[str]:
    """The names that have more than one value."""
    found = defaultdict(set)
    for name, value in pairs:
        found[name].add(value)
    return {name for name, values in found.items() if len(values) > 1}


WITH_CAMERA = [path for path, one in COMMANDS.items() if "--camera" in map(long_name, options_of(one))]


def test_an_option_has_the_same_short_name_in_all_commands() -> None:
    assert differing((long_name(option), short_names(option)) for option in OPTIONS) == set()


def test_a_short_name_means_the_same_option_in_all_commands() -> None:
    assert differing((short, long_name(option)) for option in OPTIONS for short in short_names(option)) == set()


def test_an_option_has_values_of_one_kind_in_all_commands() -> None:
    # These are past times, future ones, or times at a camera's host.
    times = {"--from", "--until"}
    assert differing((long_name(option), value_of(option)) for option in OPTIONS) - times == DIFFERENT


def test_no_command_defines_a_shared_option_itself() -> None:
    defined = set(re.findall(r'click\.option\(\s*"(--[a-z/-]+)"', code("skycam_project/cli/")))
    assert defined & SHARED_OPTIONS.keys() == set()


def test_the_page_has_every_shared_option() -> None:
    table = page("docs/clients/cli.md").partition("## Options\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    shared = {name for entry in SHARED_OPTIONS for name in entry.split("/")}
    shorts = {option.short for option in SHARED_OPTIONS.values() if option.short}
    assert set(re.findall(r"`(-[a-z-]+)`", "".join(cells))) == shared | shorts


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in WITH_CAMERA if path not in ANY_CAMERA])
def test_an_unknown_camera_exits_with_2_in_every_command(path: str, empty_broker: object) -> None:
    add_camera(slug="sky", kind="simulated")
    add_schedule_and_preset()
    folder_destination_row()
    found = skycam(*path.split(), *NEEDED.get(path, []), "--camera", "nosuch")
    assert "There is no camera" in found.stderr
    assert found.exit_code == errors.UNKNOWN_CAMERA == 2


def add_schedule_and_preset() -> None:
    assert skycam("schedules", "add", "Dark", "-c", "sky", *NEEDED["schedules add"][1:]).exit_code == 0


def test_every_problem_of_the_command_line_is_in_the_table() -> None:
    named = set(re.findall(r'CliError\(\s*"([a-z-]+)"', code("skycam_project/cli/")))
    assert named - {"failed"} - errors.HTTP_STATUSES.keys() == set()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_exits_with_2_for_an_option_that_does_not_exist(path: str) -> None:
    found = skycam(*path.split(), "--nosuch")
    assert found.exit_code == 2
    assert "There is no option --nosuch." in found.stderr


@pytest.mark.parametrize(
    ("path", "former", "name"), [(path, *names) for path, renamed in FORMER.items() for names in renamed.items()]
)
def test_an_option_is_accepted_by_its_former_name_which_help_does_not_show(path: str, former: str, name: str) -> None:
    command = COMMANDS[path]
    by_former, by_name = (
        command.make_parser(click.Context(command)).parse_args([one, "x"])[0] for one in (former, name)
    )
    assert by_former == by_name != {}
    assert former not in skycam(*path.split(), "--help").stdout.split()


@pytest.mark.parametrize("text", ["22:30:15", "2026-03-01T22:30:15Z"])
def test_a_past_time_may_have_seconds(text: str) -> None:
    with click.Context(cli, obj=Station(utc=True)):
        assert PastTimeParam().convert(text, None, None).second == 15


def test_the_list_of_sessions_shows_seconds() -> None:
    body = {"id": "0199a1b2-c3d4", "started": "2026-03-01T22:30:15.250Z", "created": None, "failed": 0, "skipped": 0}
    named = {"camera": "sky", "name": "", "state": "running", "saved": 1}
    with click.Context(cli, obj=Station(utc=True)):
        assert str(session_cells({**body, **named})[1]).endswith(":15 UTC")
