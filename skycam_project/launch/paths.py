"""Paths of the launcher's own files."""

from __future__ import annotations

from pathlib import Path

from skycam_project.config import SkycamConfig, socket_path


def run_folder(config: SkycamConfig) -> Path:
    return config.data / "run"


def launcher_name(only: str | None) -> str:
    """A launcher of one part has its own lock and socket, so that each part may have its own launcher. The launcher of
    the whole station also holds the locks of its parts."""
    return f"launcher-{only}" if only else "launcher"


def lock_path(config: SkycamConfig, only: str | None) -> Path:
    return run_folder(config) / f"{launcher_name(only)}.lock"


def control_path(config: SkycamConfig, only: str | None = None) -> Path:
    return socket_path(config.data, launcher_name(only))


def valkey_path(config: SkycamConfig) -> Path:
    return socket_path(config.data, "valkey")
