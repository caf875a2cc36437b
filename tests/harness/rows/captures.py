"""Builders of captures with files in a storage root and of clients with tokens, and a wait with a deadline."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from rest_framework.test import APIClient

from cameras.models import Camera
from captures.models import Capture, CaptureFile, StorageRoot
from skycam_project.access.models import ApiToken, User

PICTURE = bytes(range(256)) * 40
UNKNOWN = "0197a000-0000-7000-8000-000000000000"


def program(role: str, scope: str = "manager", **fields: Any) -> APIClient:
    """A client with a token of a user of that role, capped at `scope`."""
    user = User.objects.create_user(username=f"program-{role}-{scope}", role=role)
    _, text = ApiToken.issue(user, scope=scope, **fields)
    return with_token(text)


def with_token(text: str) -> APIClient:
    return APIClient(headers={"authorization": f"Token {text}"})


def saved(camera: Camera, **fields: Any) -> Capture:
    return Capture.objects.create(camera=camera, status="saved", exposed=True, exposure_us=1000, **fields)


def file_of(
    capture: Capture, root: StorageRoot, path: str = "", content: bytes = PICTURE, **fields: Any
) -> CaptureFile:
    """A capture's file: its row, and the file at the row's path."""
    path = path or f"captures/{capture.camera.slug}/{capture.id}.jpg"
    there = Path(root.path, path)
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(content)
    values = {"kind": "jpeg", "host": root.host, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return CaptureFile.objects.create(capture=capture, root=root, path=path, **values | fields)


def open_descriptors() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_open(number)}


def is_open(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


def content(response: Any) -> bytes:
    """The content that a streaming response sends."""

    async def gathered() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(gathered)()
