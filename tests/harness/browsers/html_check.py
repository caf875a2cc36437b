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


def validated(html_validate: Path, folder: Path) -> tuple[str, str, int]:
    """The standard output, standard error and exit status of html-validate for the pages in a folder."""
    command = [html_validate, "--config", RULES, "--formatter", "text", *sorted(folder.glob("*.html"))]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout, found.stderr, found.returncode
