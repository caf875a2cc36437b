"""`skycam`, the command line. A command imports Django, Redis or rich only when it runs."""

from __future__ import annotations

import logging


def main() -> None:
    """The console script. Logs belong to the station's parts; commands show them only with `--verbose`."""
    from skycam_project.cli.root import cli

    logging.disable(logging.CRITICAL)
    cli()
