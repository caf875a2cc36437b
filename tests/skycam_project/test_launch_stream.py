from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from skycam_project.config.sections import LoggingConfig
from skycam_project.launch.child import Lines
from skycam_project.launch.log_stream import LogFile, LogStream, Terminal


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_stalled_terminal_does_not_block_and_shows_how_many_lines_it_missed(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    terminal = Terminal(writer)
    for _ in range(5000):
        terminal.write_line("web", "x" * 100)
    missed = terminal.missed
    assert missed > 1000
    os.read(reader, 1 << 20)
    terminal.write_line("web", "again")
    assert f"{missed} lines were not shown here".encode() in os.read(reader, 1 << 20)


def test_a_closed_terminal_does_not_block() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    terminal = Terminal(writer)
    terminal.write_line("web", "nobody reads this")
    os.close(writer)
    assert terminal.missed == 1


def test_a_parts_own_time_stamp_is_not_shown_twice(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    Terminal(writer).write_line("web", "2026-11-20T08:32:10.123Z INFO django: hello")
    assert os.read(reader, 1000).decode().split(" ", 1)[1] == "web     | INFO django: hello\n"


def test_a_full_disk_loses_only_log_lines() -> None:
    file = LogFile(Path("/dev/full"), size=0, keep=0)
    file.write_line("web", "lost")
    assert file.lost == 1
    with pytest.raises(OSError, match="No space left"):
        file.close()


def test_the_log_file_is_rotated(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "skycam.log", size=1000, keep=2)
    for number in range(100):
        file.write_line("web", f"line {number}")
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["skycam.log", "skycam.log.1", "skycam.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())


def test_a_log_file_without_backups_is_truncated(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "skycam.log", size=1000, keep=0)
    for number in range(100):
        file.write_line("web", f"line {number}")
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["skycam.log"]
    assert (tmp_path / "skycam.log").stat().st_size <= 1000
    assert (tmp_path / "skycam.log").read_text().endswith("line 99\n")


def test_output_is_split_into_lines_independently_of_its_chunks() -> None:
    seen: list[str] = []
    lines = Lines(seen.append)
    for piece in (b"one\ntw", b"o\n", b"x" * 70_000, b"\xff end"):
        lines.feed(piece)
    lines.end()
    assert seen == ["one", "two", "x" * 70_000, "\ufffd end"]


def test_control_characters_of_a_part_reach_neither_terminal_nor_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = LogStream(LoggingConfig(file=tmp_path / "log"))
    stream.write_line("worker", "a camera called \x1b[2J\x1b]0;title\x07 \u202egpj.exe\there")
    stream.file.close()
    shown, kept = capfd.readouterr().err, (tmp_path / "log").read_text(encoding="utf-8")
    for text in (shown, kept):
        assert "a camera called \ufffd[2J\ufffd]0;title\ufffd \ufffdgpj.exe\there" in text
