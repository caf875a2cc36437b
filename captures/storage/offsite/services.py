"""What a manager does with destinations. Each change is one transaction with its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any
from uuid import UUID

import uuid6
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from pydantic import ValidationError as Invalid

from cameras.models import Camera
from captures.roots.models import StorageRoot
from captures.storage.offsite.copy_rows import compare_again, retry_dead, try_now
from captures.storage.offsite.destinations.settings import SECRETS, SETTINGS, FolderSettings, S3Settings, Settings
from captures.storage.offsite.models import Destination, OffsiteCopy
from captures.storage.offsite.resource import (
    DeleteQuery,
    DestinationChange,
    DestinationFields,
    DestinationRequest,
    RetriedBody,
)
from captures.storage.offsite.selectors import describe_only_copies
from captures.storage.offsite.senders import not_allowed_message, offsite_roots
from captures.storage.offsite.states import WAITING, CopyState
from core.api.model import describe_error
from core.events.service import record_event, resolve_alert
from core.folders import is_inside
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.outgoing import AddressRefused, literal_address
from core.secrets import SecretsNeeded, encrypt_secrets, kept_secrets
from core.slices import delete_in_slices
from core.text.sentences import pluralize

MAX_DESTINATIONS = 20
ALERTS = ("failing", "damaged", "dead", "lost")
TEST_KIND = "offsite_test"


class FilesWait(Exception):
    """Files would lose their only copy, here or at the destination. The message says how many."""


def add_destination(wanted: DestinationRequest, actor: str, new_id: UUID | None = None) -> Destination:
    """The destination that has `new_id` already is returned unchanged. ValidationError."""
    if new_id is not None and (present := Destination.objects.filter(pk=new_id).first()):
        return present
    if Destination.objects.count() >= MAX_DESTINATIONS:
        raise ValidationError({"name": f"A station has at most {MAX_DESTINATIONS} destinations. Remove one first."})
    place, given = _parted(wanted.kind, wanted)
    found = _valid("settings", SETTINGS[wanted.kind], place)
    check_place(found)
    secret = _valid("secret", SECRETS[wanted.kind], given)
    made = Destination(
        pk=new_id or uuid6.uuid7(), kind=wanted.kind, settings=found.model_dump(), created_by=actor, **_columns(wanted)
    )
    made.secret = encrypt_secrets(made, "secret", secret.model_dump())
    cameras = _cameras(wanted.cameras or [])
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _check_only_copy(made)
            made.cameras.set(cameras)
            _record("offsite.added", made, f"{actor} added the off-site destination {made.name}.", actor)
    except IntegrityError:
        raise _name_taken(wanted.name) from None
    return made


def change_destination(destination: Destination, wanted: DestinationChange, actor: str) -> Destination:
    """Another server or user needs its secret again, and its key is pinned again. Copies that are at another place now
    are compared there before they count again. ValidationError."""
    if wanted.copies_moved:
        _prepare_move(destination, wanted)
    try:
        with transaction.atomic():
            found = Destination.objects.select_for_update().get(pk=destination.pk)
            before = found.typed_settings.place()
            for name, value in (_place_columns(found, wanted) | _columns(wanted)).items():
                setattr(found, name, value)
            found.save()
            _check_only_copy(found)
            if found.typed_settings.place() != before:
                _move_copies(found, moved=wanted.copies_moved)
            if wanted.cameras is not None:
                found.cameras.set(_cameras(wanted.cameras))
            names = sorted(wanted.model_fields_set)
            _record(
                "offsite.changed", found, f"{actor} changed the off-site destination {found.name}: {', '.join(names)}.",
                actor, fields=names,
            )  # fmt: skip
    except IntegrityError:
        raise _name_taken(str(wanted.name)) from None
    return found


def _prepare_move(destination: Destination, wanted: DestinationChange) -> None:
    """Most of what `_move_copies` does, before the transaction of the change: there may be 200,000 copies. If the
    change is refused then, they are compared where they are. ValidationError."""
    found = Destination.objects.get(pk=destination.pk)
    before = found.typed_settings.place()
    for name, value in _place_columns(found, wanted).items():
        setattr(found, name, value)
    if found.typed_settings.place() != before:
        _check_only_copy(found)
        _check_leavable(found)
        compare_again(found)


def remove_destination(destination: Destination, wanted: DeleteQuery, actor: str) -> None:
    """Forget the destination and the rows of its copies. The copies themselves stay where they are. FilesWait."""
    waiting = _close_for_good(destination, force=wanted.force)
    # Without the rows, nothing is deleted here because of them: a kill between the transactions costs no file.
    delete_in_slices(OffsiteCopy.objects.filter(destination=destination))
    with transaction.atomic():
        found = Destination.objects.select_for_update().get(pk=destination.pk)
        for alert in ALERTS:
            resolve_alert(f"offsite.{alert}:{found.pk}")
        _record(
            "offsite.removed", found, f"{actor} removed the off-site destination {found.name}.", actor, waiting=waiting
        )  # fmt: skip
        found.delete()


def _close_for_good(destination: Destination, *, force: bool) -> int:
    """Let nothing be sent any more. Returns how many files wait for their copies. FilesWait."""
    with transaction.atomic():
        found = Destination.objects.select_for_update().get(pk=destination.pk)
        # Not by force either: nobody would know where they are.
        if sentence := describe_only_copies(found):
            raise FilesWait(sentence)
        # Dead copies, too: their files stay here until a person has decided.
        uncopied = [*WAITING, CopyState.DEAD.value]
        waiting = found.copies.filter(state__in=uncopied).count() if found.keep_local else 0
        if waiting and not force:
            raise FilesWait(
                f"{pluralize(waiting, 'file')} must not be deleted here before they are copied to {found.name}. Wait, "
                "or remove it with force: these files have no copy then, and retention may delete them."
            )
        Destination.objects.filter(pk=found.pk).update(enabled=False)
    return waiting


def start_test(destination: Destination, actor: str, host: str = "") -> Job:
    """The job that tests it, on this host by default. ValidationError."""
    host = host or settings.STATION.host
    if not StorageRoot.objects.filter(host=host).exists():
        raise ValidationError({"host": f"The host {host} has no files."})
    job, _ = enqueue(
        TEST_KIND, host, camera=None, subject=str(destination.pk),
        arguments={"destination": str(destination.pk)}, actor=actor,
    )  # fmt: skip
    return job


def retry_destination(destination: Destination, actor: str) -> RetriedBody:
    try_now(destination)
    return RetriedBody(copies=retry_dead(destination.copies.all(), actor))


def retry_copy(copy: OffsiteCopy, actor: str) -> OffsiteCopy:
    """A copy that is not dead is not changed."""
    retry_dead(OffsiteCopy.objects.filter(pk=copy.pk), actor)
    return OffsiteCopy.objects.get(pk=copy.pk)


def check_place(found: Settings) -> None:
    """Refuse at once what can never be used. The guard checks each connection again. ValidationError."""
    try:
        if isinstance(found, FolderSettings):
            _check_folder(found)
            return
        if (address := literal_address(found.host)) is not None:
            settings.STATION.outgoing.check(address, found.port)
    except AddressRefused as error:
        raise ValidationError({"settings": f"The address {error}"}) from error
    if isinstance(found, S3Settings) and found.lacks_tls:
        raise ValidationError({
            "settings": "Over http:// everybody on the way can read the copies. Give an https:// endpoint, or set "
            "plain_http to true."
        })  # fmt: skip


def _check_folder(found: FolderSettings) -> None:
    # The sender checks it again, without symbolic links.
    if not is_inside(found.path, roots := offsite_roots()):
        raise ValidationError({"settings": not_allowed_message(found.path, roots)})
    own = [*StorageRoot.objects.values_list("path", flat=True), str(settings.STATION.data)]
    for path in own:
        ours, theirs = f"{path.rstrip('/')}/", f"{found.path}/"
        # The station would copy its copies, or delete them with its files.
        if theirs.startswith(ours) or ours.startswith(theirs):
            raise ValidationError({"settings": f"The folder is in {path}, or around it. Give one on another disk."})


def _check_only_copy(destination: Destination) -> None:
    """Two destinations of the same files in one place are one copy that counts twice. ValidationError."""
    place = destination.typed_settings.place()
    for other in Destination.objects.exclude(pk=destination.pk):
        if other.typed_settings.place() == place and set(other.classes) & set(destination.classes):
            raise ValidationError({"settings": f"{other.name} copies these files there already. Give another place."})


def _move_copies(destination: Destination, *, moved: bool) -> None:
    """Retention deletes files because their copies are verified: those of the old place say nothing about the new one.
    ValidationError."""
    if not moved and destination.copies.filter(state=CopyState.VERIFIED.value).exists():
        raise ValidationError(
            {
                "settings": f"Copies of {destination.name} are at the place before. Move them and set "
                "copies_moved (on the command line --copies-moved): they are compared at the new place. Or add another "
                "destination."
            }
        )
    _check_leavable(destination)
    compare_again(destination)


def _check_leavable(destination: Destination) -> None:
    """ValidationError."""
    if sentence := describe_only_copies(destination):
        raise ValidationError({"settings": sentence})


def _place_columns(found: Destination, wanted: DestinationChange) -> dict[str, Any]:
    """Settings and secret. A secret is bound to its place: another one needs it again."""
    named = wanted.given()
    if not {"settings", "secret"} & named.keys():
        return {}
    before = found.typed_settings
    place, given = _parted(found.kind, wanted)
    after = _valid("settings", SETTINGS[found.kind], place) if "settings" in named else before
    check_place(after)
    columns: dict[str, Any] = {"settings": after.model_dump()}
    moved = after.origin() != before.origin()
    is_given = bool(given) or "secret" in named
    if is_given or moved:
        try:
            kept_secrets({"secret": found.secret}, ["secret"] * is_given, "the place or the user" if moved else "")
        except SecretsNeeded as error:
            raise ValidationError({"secret": str(error)}) from None
        secret = _valid("secret", SECRETS[found.kind], given)
        moved_row = Destination(pk=found.pk, kind=found.kind, settings=columns["settings"])
        columns["secret"] = encrypt_secrets(moved_row, "secret", secret.model_dump())
    if moved:
        columns["host_key"] = ""
        # What the new server does with checksums is unknown.
        found.hosts.update(takes_checksums=None, checks_sha256=None, retry_at=None)
    return columns


def _parted(kind: str, wanted: DestinationFields) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that are no secret, and the secrets, which may stand among the settings, as in forms."""
    named, secrets = wanted.given(), SECRETS[kind].model_fields
    place = {name: value for name, value in named.get("settings", {}).items() if name not in secrets}
    among = {name: value for name, value in named.get("settings", {}).items() if name in secrets}
    return place, {**among, **named.get("secret", {})}


def _columns(wanted: DestinationFields) -> dict[str, Any]:
    """The given columns that need no look at other rows."""
    found = wanted.given()
    columns: dict[str, Any] = {
        name: found[name] for name in ("name", "host_key", "classes", "enabled", "keep_local") if name in found
    }
    if "bytes_per_s" in found:
        columns["bytes_per_s"] = found["bytes_per_s"] or None
    return columns | {
        name: time.fromisoformat(found[name]) if found[name] else None for name in ("begin", "end") if name in found
    }


def _valid(field: str, model: Any, given: Mapping[str, Any]) -> Any:
    """ValidationError, which does not repeat what was given: it may be a secret."""
    try:
        return model.model_validate(given)
    except Invalid as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        why = f"{describe_error(first).rstrip('.')}."
        raise ValidationError({field: f"{where}: {why}" if where else why}) from None


def _cameras(slugs: list[str]) -> list[Camera]:
    found = {camera.slug: camera for camera in Camera.objects.present().filter(slug__in=slugs)}
    missing = [slug for slug in slugs if slug not in found]
    if missing:
        raise ValidationError({"cameras": f"There is no camera {missing[0]!r}."})
    return [found[slug] for slug in slugs]


def _name_taken(name: str) -> ValidationError:
    return ValidationError({"name": f"There is a destination {name!r} already. Give another name."})


def _record(kind: str, found: Destination, message: str, actor: str, **data: Any) -> None:
    record_event(kind, message, camera=None, subject=found.pk, actor=actor, data={"kind": found.kind, **data})
