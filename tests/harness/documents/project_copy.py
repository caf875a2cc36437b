"""A copy of the project, for the changes that a document describes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.harness.documents.pages import page
from tests.harness.project import PROJECT

COPIED = (
    "bench", "cameras", "captures", "client", "core", "docs", "monitoring", "scheduler", "scripts", "skycam_project",
    "static", "templates", "tests", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "manage.py", "pyproject.toml",
)  # fmt: skip
OF_THE_TESTS = {"DJANGO_SETTINGS_MODULE", "SKYCAM_CONFIG", "SKYCAM_DATA"}
TYPES = ".mypy_cache"
BLOCK = re.compile(r"^```(sh)\n(.*?)^```$|^`([^`\n]+)`:\n\n```(python|html|diff)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Change(NamedTuple):
    """What a fenced block says: commands (`sh`), a whole new file, or a `diff`."""

    language: str
    path: str
    """Relative to the project; empty for commands."""
    text: str


def changes(path: str) -> list[Change]:
    """The blocks of a page, in order. A line with the path of the file stands before each block without commands."""
    return changes_in(page(path))


def changes_in(text: str) -> list[Change]:
    return [Change(sh or language, file, script or body) for sh, script, file, language, body in BLOCK.findall(text)]


def added_modules(path: str) -> list[str]:
    """The Python files that the blocks of a page add."""
    return [change.path for change in changes(path) if change.language == "python"]


class ProjectCopy:
    """With a Python that imports the copy, and otherwise has the same packages. What is compiled or type-checked of the
    project is so of the copy, too: only the changes are not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            copy_of(PROJECT / name, folder / name)
        if (PROJECT / TYPES).exists():  # `make check` makes it
            copy_of(PROJECT / TYPES, folder / TYPES)
        venv.create(folder / ".venv", symlinks=True)
        self.python = folder / ".venv" / "bin" / "python"
        (packages,) = folder.glob(".venv/lib/python*/site-packages")
        (packages / "copy.pth").write_text(f"{folder}\n{folder}/client\n{sysconfig.get_path('purelib')}\n")
        path = f"{self.python.parent}:{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
        # Its commands have no part in the station of the tests that start them.
        kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        self._environment = kept | {"PATH": path}

    def apply(self, change: Change) -> None:
        """AssertionError if the file does not have the lines of a diff, or has them twice."""
        apply_change = {"sh": self._run_commands, "diff": self._replace_lines}.get(change.language, self._write_file)
        apply_change(change)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the copy's Python, or of a package, in its folder."""
        return subprocess.run(
            words, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )

    def _run_commands(self, change: Change) -> None:
        subprocess.run(["sh", "-ec", change.text], cwd=self.folder, env=self._environment, check=True)

    def _write_file(self, change: Change) -> None:
        file = self.folder / change.path
        assert not file.exists(), f"{change.path} is there already"
        file.write_text(change.text)

    def _replace_lines(self, change: Change) -> None:
        file, lines = self.folder / change.path, change.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if not line.startswith("+"))
        new = "".join(line[1:] for line in lines if not line.startswith("-"))
        content = file.read_text()
        assert content.count(old) == 1, f"{change.path} has not exactly once: {old}"
        file.write_text(content.replace(old, new))


def copy_of(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=copy_if_there)
    else:
        shutil.copy2(source, target)


def copy_if_there(source: str, target: str) -> None:
    """A compiler may replace a temporary file meanwhile."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)
