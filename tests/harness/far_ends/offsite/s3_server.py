"""moto's S3 server as a process on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config

from tests.harness.far_ends.ports import accepts
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

BUCKET = "copies"
KEYS = {"access_key": "AKIDOFTHETEST", "secret_key": "the-secret-of-the-test"}


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of a server with the bucket `copies`."""
    port = free_port()
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    # Uploads of several parts would otherwise need 5 MB for each.
    environment = {**os.environ, "S3_UPLOAD_PART_MIN_SIZE": "1000"}
    server = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        eventually(lambda: accepts(port))
        client(port).create_bucket(Bucket=BUCKET)
        yield port
    finally:
        server.kill()
        server.wait(PATIENCE_S)


def client(port: int) -> object:
    """A client of the test's own, straight to the server."""
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
        aws_access_key_id=KEYS["access_key"], aws_secret_access_key=KEYS["secret_key"],
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
