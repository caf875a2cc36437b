"""Files of the station, streamed to a disk and compared with the checksum that the station knows."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import httpx

from skycam_client.problems import Damaged, NotReached
from skycam_client.requests import exchange, pauses
from skycam_client.steps import Read, Run, Send, Steps, Wait

PART = ".part"
"""Ends the name of a file while it is not complete."""


def download(path: str, target: Path, sha256: str | None, retry_for_s: float) -> Steps[Path]:
    """Write what is at `path` of the station to the file `target`, which appears when it is complete. After a broken
    connection it continues where it was. Damaged, NotReached, Problem, and OSError of the disk."""
    part = target.with_name(target.name + PART)
    with part.open("wb") as file:
        digest, version = hashlib.sha256(), ""
        waiting, until = pauses(), time.monotonic() + retry_for_s
        while True:
            place = file.tell()
            headers = {"Range": f"bytes={place}-", "If-Range": version} if place and version else {}
            answer: httpx.Response = yield from exchange(Send("GET", path, headers=headers, streamed=True), retry_for_s)
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                file.seek(0)
                file.truncate()
                digest, version = hashlib.sha256(), answer.headers.get("ETag", "")
            try:
                while chunk := (yield Read()):
                    digest.update(chunk)
                    content: bytes = chunk
                    yield Run(lambda: file.write(content))  # noqa: B023 - called before the next chunk
                    until = time.monotonic() + retry_for_s
                break
            except httpx.RequestError as error:
                pause_s = next(waiting)
                if time.monotonic() + pause_s > until:
                    raise NotReached(f"{target.name} broke off: {str(error) or type(error).__name__}.") from error
                yield Wait(pause_s)
    if sha256 is not None and digest.hexdigest() != sha256:
        part.unlink()
        raise Damaged(f"{target.name} is not what the station has: its checksum is another. Download it again.")
    os.replace(part, target)
    return target


def target_of(to: str | Path, filename: str) -> Path:
    """The file `to`, or that of this name in the folder `to`. The name is the station's, and leads nowhere else."""
    wanted = Path(to)
    return wanted / Path(filename).name if wanted.is_dir() else wanted
