"""Recover the clips in a spool with a new owner: finalize complete ones, repair those that were cut off.

Needs the spool's lock and no database. A kill at any step is safe: the step is repeated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from cameras.spool.durable import RootFiles
from cameras.spool.records import ClipOutcome, ClipPlan, ClipRecord, DeliveryContent, Record
from cameras.spool.recovery import (
    UNREADABLE,
    DecidedOutcome,
    checked_record,
    parts_of,
    reject_record,
    remove_temporaries,
    set_aside,
)
from cameras.spool.spool import Spool
from cameras.spool.storage import Storage
from captures.recordings.recorder.clip_file import KIND, make_record
from captures.recordings.recorder.delivery import ClipDelivery
from captures.recordings.recorder.repair import PlayablePart, repair
from core.camera_names import CameraRef
from core.text.sentences import sentence

UNPLACEABLE = (FileNotFoundError, FileExistsError)
"""Not NotADirectoryError: a folder that is briefly a symbolic link must not cost a clip."""
PROCESS_ENDED = DecidedOutcome("interrupted", "The camera process ended before the clip did.")
NO_LOSSES: Mapping[str, int] = {}


@dataclass(slots=True)
class RecoveredClips:
    """Ids of clips by outcome; `rejected` and `failed` say why."""

    tried: list[str] = field(default_factory=list)
    finalized: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    failed: dict[str, OSError] = field(default_factory=dict)
    """Left for the next recovery, with the error of a disk that is full or fails."""

    def left(self, camera: CameraRef, path: str) -> str:
        """The alert about the clips that failed; empty if there are none."""
        return unrecovered_message(camera, path, self.failed)


def unfinished_clips(spool: Spool) -> list[str]:
    """Ids of clips that an earlier owner did not finalize."""
    # Not `.done`: such a clip waits only for its ingest.
    endings = (".plan", ".json", f".{KIND}.part")
    return sorted({name.partition(".")[0] for name in spool.names() if name.endswith(endings)})


def recover_all(storage: Storage, decided: DecidedOutcome | None = None) -> RecoveredClips:
    """Recover all clips in the spool. Clips on which the disk fails stay for the next recovery."""
    remove_temporaries(storage.spool)
    return recover(storage, unfinished_clips(storage.spool), decided)


def recover(
    storage: Storage, clips: list[str], decided: DecidedOutcome | None = None, lost: Mapping[str, int] = NO_LOSSES
) -> RecoveredClips:
    """Recover each of these clips; a clip that cannot be read does not block the others. `lost` has the known numbers
    of lost frames by clip; files do not contain them, so for all other clips the number is unknown."""
    result = RecoveredClips(tried=clips)
    for clip in clips:
        try:
            _recover(storage, clip, decided or PROCESS_ENDED, lost.get(clip), result)
        # UNPLACEABLE are OSErrors as well, so they come before the errors of a disk. OverflowError: damaged time stamps
        # lead beyond the year 9999.
        except (*UNREADABLE, *UNPLACEABLE, OverflowError) as error:
            _reject(storage.spool, clip, f"{clip}: {error}", result)
        except OSError as error:
            result.failed[clip] = error
    return result


def _recover(storage: Storage, clip: str, decided: DecidedOutcome, lost: int | None, result: RecoveredClips) -> None:
    spool = storage.spool
    names = set(spool.names())
    # A record decides, also beside a plan, which step 4 removes only after the commit.
    if f"{clip}.json" in names:
        record: Record = checked_record(spool.read(f"{clip}.json"), f"{clip}.json")
        settled = result.finalized
    elif f"{clip}.done" in names:
        spool.files.unlink(spool.folder, f"{clip}.plan")
        return
    elif f"{clip}.plan" not in names:
        # Unlike the parts of a still, video without a plan is not deleted but set aside for a person.
        raise ValueError("it has no plan")
    else:
        found = _repaired(storage, _checked_plan(spool, clip), decided, lost)
        if found is None:
            _discard(spool, clip)
            result.empty.append(clip)
            return
        record, settled = found, result.repaired
        spool.commit(record)
    spool.place(record)
    spool.done(record)
    settled.append(clip)


def _repaired(storage: Storage, plan: ClipPlan, decided: DecidedOutcome, lost: int | None) -> ClipRecord | None:
    """None if no frame can be played."""
    spool, part = storage.spool, f"{plan['id']}.{KIND}.part"
    # A kill between plan and file leaves a plan alone.
    if spool.files.size(spool.folder, part) is None:
        return None
    file = cast(RootFiles, spool.files).open_existing(spool.folder, part)
    try:
        whole, sha256 = repair(file)
    finally:
        os.close(file)
    if not whole.frames:
        return None
    return make_record(plan, storage.root, _outcome(plan, whole, decided, lost), whole.bytes, sha256)


def _outcome(plan: ClipPlan, whole: PlayablePart, decided: DecidedOutcome, lost: int | None) -> ClipOutcome:
    ended = datetime.fromisoformat(plan["started"]) + timedelta(seconds=whole.seconds)
    return {
        "ended": ended.isoformat(), "frames": whole.frames, "lost_frames": lost, "interrupted": True,
        "reason": decided.reason, "message": decided.message,
        "delivery": delivery_of(whole, plan.get("origin", {}).get("stream_fps")),
    }  # fmt: skip


def delivery_of(whole: PlayablePart, stream_fps: float | None) -> DeliveryContent:
    """From the times in the file. Why frames are missing is not in it."""
    delivery = ClipDelivery()
    # A damaged time may lie beyond the end of the file, thousands of years ahead.
    for begin in (begin for begin in whole.begins if begin <= whole.seconds):
        delivery.add(begin, stream_fps)
    found = delivery.content()
    for hole in found["holes"]:
        hole["reason"] = "unknown"
    return found


def _checked_plan(spool: Spool, clip: str) -> ClipPlan:
    plan = spool.read(f"{clip}.plan")
    missing = ClipPlan.__required_keys__ - plan.keys()
    if missing or plan["id"] != clip:
        raise ValueError("its plan is damaged")
    return cast(ClipPlan, plan)


def _discard(spool: Spool, clip: str) -> None:
    # The plan last: after a kill in between this is repeated. A part without a plan would be set aside for a person.
    for part in parts_of(spool, clip):
        spool.files.unlink(spool.folder, part)
    spool.files.unlink(spool.folder, f"{clip}.plan")
    spool.files.sync(spool.folder)


def _reject(spool: Spool, clip: str, reason: str, result: RecoveredClips) -> None:
    """Set the clip's files aside for a person to decide."""
    known = [name for name in (f"{clip}.json", f"{clip}.plan") if name in spool.names()]
    for name in known:
        reject_record(spool, name)
    if not known:
        set_aside(spool, parts_of(spool, clip))
    result.rejected.append(reason)


def unrecovered_message(camera: CameraRef, path: str, failed: Mapping[str, OSError]) -> str:
    """About clips that cannot be recovered yet; empty if there are none."""
    if not failed:
        return ""
    return sentence(
        "{clips} of {camera} that a crash cut off cannot be recovered yet: the disk of {path} reports {error}. Skycam "
        "keeps trying, and recording continues. Check the disk.",
        clips="A clip" if len(failed) == 1 else f"{len(failed)} clips",
        camera=camera,
        path=path,
        error=next(iter(failed.values())).strerror,
    )
