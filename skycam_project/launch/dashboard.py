"""Writes the Grafana dashboard of the configuration when a station is prepared."""

from __future__ import annotations

import os

from skycam_project.config.sections import GrafanaConfig
from skycam_project.shipped_files import shipped_file

SOURCE = shipped_file("deploy/grafana/dashboards/skycam.json")


def write_dashboard(config: GrafanaConfig) -> None:
    """Write the dashboard, also over an older one, if a path is configured. A station starts without it too."""
    if not config.enabled or config.dashboard_path is None:
        return
    target = config.dashboard_path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Grafana may read the folder at any time: it must find a whole file.
        partial = target.with_name(f"{target.name}.partial")
        partial.write_bytes(SOURCE.read_bytes())
        os.replace(partial, target)
    except OSError as error:
        print(f"warning: the Grafana dashboard {target} could not be written ({error.strerror}).", flush=True)
