"""html-validate (npm), in the version of `package-lock.json`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness.project import PROJECT

PROGRAM = PROJECT / "node_modules" / ".bin" / "html-validate"
RULES = PROJECT / "tests" / "htmlvalidate.json"
INSTALL = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]


def installed() -> Path:
    """The program, installed once into node_modules."""
    if not PROGRAM.exists():
        subprocess.run(INSTALL, cwd=PROJECT, check=True)
    return PROGRAM


def html_errors(html_validate: Path, folder: Path) -> str:
    """What html-validate finds in the pages of a folder; "" if they are valid."""
    command = [html_validate, "--config", RULES, "--formatter", "text", *sorted(folder.glob("*.html"))]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(found.returncode) == bool(found.stdout), found.stderr
    return found.stdout + found.stderr
