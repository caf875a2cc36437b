"""The commands of the README and of the first hour work on a real station, and the make targets are the described
ones."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.harness.documents.pages import blocks, page
from tests.harness.project import PROJECT
from tests.harness.stations.shell import Shell
from tests.harness.waiting import PATIENCE_S, eventually

README = page("README.md")
SCRIPTS = [*blocks("README.md", "sh"), *blocks("docs/first-hour.md", "sh")]
TARGETS = sorted(set(re.findall(r"^    make (\w+)", README, re.MULTILINE)))


def make_output(*words: str) -> str:
    """The output of make, without the variables of a surrounding `make test`."""
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    command = ["make", *words]
    return subprocess.run(
        command, cwd=PROJECT, env=own, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout


def test_the_readme_begins_with_one_sentence_one_picture_and_two_commands() -> None:
    heading, sentence, picture, commands, *_ = README.split("\n\n")
    assert heading == "# Skycam"
    assert sentence.count(". ") == 0
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', picture)
    assert [path for path in shown if not (PROJECT / path).is_file()] == []
    assert len(shown) == 2
    assert re.findall(r"make \w+", commands) == ["make run", "make test"]


def test_the_output_of_make_help_is_documented() -> None:
    listed = README.partition("## Make\n\n")[2].partition("\n\n##")[0]
    assert [line.strip() for line in listed.splitlines()] == [line.strip() for line in make_output("help").splitlines()]


def test_the_named_targets_exist() -> None:
    assert [target for target in TARGETS if not make_output("--dry-run", target)] == []


def test_make_run_starts_the_station() -> None:
    assert make_output("--dry-run", "run").rstrip().endswith("exec .venv/bin/skycam up")


def pictures(shell: Shell) -> list[Path]:
    """Those of the DSLR: on a busy machine the session of a block may be stopped before its first exposure."""
    shell.run("skycam start dslr -e 10ms -d 1s --count 1")
    found = eventually(lambda: list(Path(shell.station.data).glob("images/captures/dslr/*/*/*/raw/*.jpg")), "a picture")
    return list(found)


@pytest.fixture(scope="module")
def failed_blocks(shell: Shell) -> list[str]:
    """Those that failed, with their output, after all blocks were run in their order."""
    failed = []
    for script in SCRIPTS:
        if script.startswith("ls "):
            pictures(shell)
        done = shell.run(script)
        failed += [f"{script}\n{done.stdout}{done.stderr}"] if done.returncode else []
    return failed


def test_the_commands_of_all_blocks_succeed(failed_blocks: list[str]) -> None:
    assert failed_blocks == []


def test_the_picture_of_a_session_is_at_its_documented_path(shell: Shell, failed_blocks: list[str]) -> None:
    assert pictures(shell)[0].read_bytes() == (shell.station.data.parent / "jpegs" / "sky.jpg").read_bytes()


def test_the_documented_command_kills_the_process_of_one_camera(shell: Shell, failed_blocks: list[str]) -> None:
    (line,) = [line for line in page("docs/first-hour.md").splitlines() if "pkill" in line]
    *_, pattern = shlex.split(line)
    cameras = shell.station.cameras
    # Other stations of this machine may have a camera of the same name.
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=True).stdout.split()
    assert [str(cameras.pid(slug)) in found for slug in ("simulated", "dslr")] == [True, False]
