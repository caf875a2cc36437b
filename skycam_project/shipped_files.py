"""Files of Skycam that are no Python: the templates and static files of the pages, and the Grafana dashboard."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
IN_WHEEL = PACKAGE / "shipped"
"""Where the wheel has them: beside the packages in site-packages, names such as `static` may be those of others."""


def shipped_file(path: str) -> Path:
    """A file or folder by its path in the project: of the wheel if Skycam is installed from one, else of the clone."""
    installed = IN_WHEEL / path
    return installed if installed.exists() else PACKAGE.parent / path
