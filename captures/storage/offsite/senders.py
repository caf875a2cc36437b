"""A connection to a destination, by its kind. The modules of a kind are imported when it is opened: boto3 and paramiko
belong in the process of a job, not in the parts of the station."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from django.conf import settings

from captures.storage.offsite.destinations.folder import FolderSender
from captures.storage.offsite.destinations.port import DestinationError, Pace, Sender
from captures.storage.offsite.destinations.settings import (
    FolderSettings,
    S3Secret,
    S3Settings,
    SftpSecret,
    SftpSettings,
)
from captures.storage.offsite.models import Destination, DestinationHost
from core.folders import real_path_inside
from core.secrets import DecryptionFailed

Open = Callable[[Destination, Pace], Sender]


def open_s3(destination: Destination, pace: Pace) -> Sender:
    from captures.storage.offsite.destinations.s3 import S3Sender

    found, secret = destination.typed_settings, destination.typed_secret
    assert isinstance(found, S3Settings)
    assert isinstance(secret, S3Secret)
    hosts = DestinationHost.objects.filter(destination=destination)
    known = hosts.exclude(takes_checksums=None).values_list("takes_checksums", flat=True)
    return S3Sender(
        found,
        secret,
        settings.STATION.outgoing,
        pace,
        checks_sha256=hosts.filter(checks_sha256=True).exists(),
        takes_checksums=known.first(),
        note_takes_checksums=lambda takes: note_takes_checksums(destination, takes=takes),
    )


def note_takes_checksums(destination: Destination, *, takes: bool) -> None:
    DestinationHost.objects.filter(destination=destination).update(takes_checksums=takes)


def open_sftp(destination: Destination, pace: Pace, *, pin: bool = False) -> Sender:
    from captures.storage.offsite.destinations.sftp import SftpSender

    found, secret = destination.typed_settings, destination.typed_secret
    assert isinstance(found, SftpSettings)
    assert isinstance(secret, SftpSecret)
    key = destination.host_key
    return SftpSender(found, secret, settings.STATION.outgoing, pace, host_key=key, pin=pin)


def open_folder(destination: Destination, pace: Pace) -> Sender:
    found = destination.typed_settings
    assert isinstance(found, FolderSettings)
    return FolderSender(allowed_folder(found.path), str(destination.pk), pace)


def allowed_folder(path: str) -> str:
    """The folder without symbolic links. DestinationError unless the configuration of this host allows it: a user who
    adds destinations could otherwise write into any folder of the machine, and learn which exist."""
    roots = offsite_roots()
    real = real_path_inside(path, roots)
    if real is None:
        raise DestinationError(not_allowed_message(path, roots))
    return real


def offsite_roots() -> list[str]:
    return [str(root) for root in settings.STATION.offsite_roots]


def not_allowed_message(path: str, roots: list[str]) -> str:
    listed = f"only in {', '.join(roots)}" if roots else "in no folder"
    return (
        f"Copies may be {listed} of the host {settings.STATION.host}, not in {path}. Give a folder there, or add its "
        "disk to offsite_roots in the configuration file."
    )


SENDERS: dict[str, Open] = {"s3": open_s3, "sftp": open_sftp, "folder": open_folder}
"""Kind -> how it is opened."""


@contextlib.contextmanager
def opened(destination: Destination, pace: Pace, how: Open | None = None) -> Iterator[Sender]:
    """The connection. DestinationError, also when its secret cannot be read."""
    try:
        sender = (how or SENDERS[destination.kind])(destination, pace)
    except DecryptionFailed as error:
        raise DestinationError(str(error)) from error
    try:
        yield sender
    finally:
        sender.close()
