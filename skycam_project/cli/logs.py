"""`skycam logs`: the log of the station's parts, also while the station is down."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click

from core.text.sentences import did_you_mean
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result, to_json
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ) (?P<part>[a-z0-9_.-]+) \| (?P<line>.*)")
EVERY_S = 0.5


@click.command(cls=Command)
@click.argument("part", required=False)
@shared_option("--limit", "Number of last lines.", former="--lines", type=click.IntRange(0, 1_000_000), default=50)
@shared_option("--follow", "Continue with new lines, until Ctrl-C.")
def logs(part: str | None, limit: int, follow: bool) -> None:
    """Show the log, or only the lines of PART. PART is web, worker, valkey, ... or skycam, the launcher itself.

    It needs neither database nor broker, only permission to read the file.

    Example: skycam logs worker --follow
    """
    path = current().config.logging.file
    check_part(part)
    try:
        with path.open("rb") as stream:
            # The deque drops all but the last lines while it reads: a log may have 10 MB and more.
            last = deque(parsed(chain(rotated(path), stream), part), limit)
            if not follow:
                print_result({"results": list(last)}, print_log)
                return
            for found in last:
                print_log_line(found)
            follow_log(path, stream, part)
    except FileNotFoundError:
        raise CliError("not-found", f"There is no log {path} yet. `skycam up` starts the station.") from None
    except KeyboardInterrupt:
        return


def check_part(part: str | None) -> None:
    from skycam_project.launch.parts import PARTS

    known = ["skycam", *PARTS]
    if part is not None and part not in known:
        raise CliError("invalid", f"There is no part {part}.{did_you_mean(part, known)} Known are: {', '.join(known)}.")


def rotated(path: Path) -> Iterator[bytes]:
    """Lines of the previous file, if there is one: the log may have been rotated a moment ago."""
    before = path.with_name(f"{path.name}.1")
    if before.exists():
        with before.open("rb") as stream:
            yield from stream


def parsed(lines: Iterable[bytes], part: str | None) -> Iterator[dict[str, str]]:
    """The parsed lines of the part, or of all parts."""
    for raw in lines:
        found = parsed_line(raw.decode(errors="replace").rstrip("\n"))
        if found and part in (None, found["part"]):
            yield found


def parsed_line(text: str) -> dict[str, str] | None:
    """A line in either format: the log has both after `logging.format` was changed."""
    if match := LINE.match(text):
        return {**match.groupdict(), "at": match["at"].replace(" ", "T")}
    from skycam_project.launch.log_stream import parse_written, shown

    line = parse_written(text)
    return {"at": line["time"], "part": line["part"], "line": shown(line)} if line else None


def follow_log(path: Path, stream: BinaryIO, part: str | None) -> None:
    """Print complete lines as they are written, also after a rotation, until Ctrl-C."""
    rest = b""
    while True:
        # The launcher may be in the middle of a line: its begin waits in `rest`.
        whole, newline, rest = (rest + stream.read()).rpartition(b"\n")
        for found in parsed((whole + newline).splitlines(keepends=True), part):
            print_log_line(found)
        # Only once the old file is read to its end: lines may have been written to it until it was rotated.
        if not newline and is_another(path, stream):
            stream.close()
            stream, rest = path.open("rb"), b""
        time.sleep(EVERY_S)


def is_another(path: Path, stream: BinaryIO) -> bool:
    """Whether the log was rotated or truncated."""
    try:
        now, here = path.stat(), os.fstat(stream.fileno())
    except FileNotFoundError:
        return False
    # With `logging.backup_count` 0 the log is truncated and keeps its inode.
    return (now.st_dev, now.st_ino) != (here.st_dev, here.st_ino) or now.st_size < stream.tell()


def print_log_line(line: dict[str, str]) -> None:
    if current().output == "json":
        click.echo(to_json(line))
    else:
        print_line(text_of(line))


def print_log(body: dict[str, Any]) -> None:
    for line in body["results"]:
        print_line(text_of(line))
    if not body["results"]:
        print_line("The log is empty.")


def text_of(line: dict[str, str]) -> str:
    return f"{line['at'].replace('T', ' ')} {line['part']:<8} {line['line']}"
