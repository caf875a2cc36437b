"""The picture of the README: `skycam status` of a real station with running sessions, as rich draws it."""

from __future__ import annotations

import io
import re
from typing import Any

import click
import pytest
from rich.console import Console, Group
from rich.terminal_theme import MONOKAI
from rich.text import Text

from cameras.status.reader import read_station
from skycam_project.cli.root import cli
from skycam_project.cli.station import Station
from skycam_project.cli.status import COLUMNS, camera_table
from tests.harness.project import PROJECT
from tests.harness.stations.shell import Shell
from tests.harness.waiting import eventually

PICTURE = PROJECT / "docs" / "pictures" / "status.svg"
SESSIONS = """
skycam cameras add dslr --kind gphoto2 --name DSLR
skycam connect dslr
skycam start -e 1 --cadence 1.5 -f 2.8 --camera dslr --count 200
skycam start -e 0.5 --cadence 1 --camera simulated --count 200
"""
FROM_ELSEWHERE = re.compile(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", re.DOTALL)


def drawn(body: Any) -> str:
    """The table as a terminal shows it; the fonts are the reader's own."""
    console = Console(record=True, width=118, file=io.StringIO(), markup=False, highlight=False)
    with click.Context(cli, obj=Station(utc=True)):
        console.print(Group(Text("$ skycam status"), Text(""), camera_table(body)))
    return FROM_ELSEWHERE.sub("", console.export_svg(title="skycam status", theme=MONOKAI, unique_id="status"))


def test_the_picture_shows_the_commands_output_and_no_path_of_a_machine() -> None:
    text = PICTURE.read_text()
    assert [column for column in COLUMNS if column.replace(" ", "&#160;") not in text] == []
    assert "running:" in text
    assert re.findall(r"https?://(?!www\.w3\.org)\S+|(?<![/\w.])(?:/[\w.-]+){2,}", text) == []


@pytest.mark.prove
def test_the_picture_is_rendered_again_from_a_station_with_running_sessions(shell: Shell) -> None:
    assert shell.run(SESSIONS).returncode == 0
    station = shell.station.config

    def both_run() -> Any:
        body = read_station(station.redis_url, station.station.id)
        sessions = [status["session"] or {} for status in body["cameras"]]
        return body if min(session.get("saved", 0) for session in sessions) > 8 else None

    PICTURE.write_text(drawn(eventually(both_run, "nine captures of each camera are saved")))
