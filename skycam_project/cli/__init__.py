"""`skycam`, the command line. A command's module loads Django, Redis or rich only when it runs."""

from __future__ import annotations

import logging


def main() -> None:
    """The console script. Logs are for the station's parts; here they show with `--verbose` alone."""
    from skycam_project.cli.root import cli

    logging.disable(logging.CRITICAL)
    cli()
