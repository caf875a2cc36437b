"""The Supervisor's database side, on a thread of its own: ingest, wishes, verdicts, events.

When the database is away everything waits here; running cameras go on.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from cameras.control import Answer
from cameras.models import Camera
from cameras.runtime.recovery import Verdict
from cameras.runtime.spool import Record
from cameras.runtime.storage import read_marker
from cameras.status_reader import LastCapture
from cameras.supervision import leftovers
from cameras.supervision.ingest import Ingest, Opened
from cameras.supervision.lease import NameTaken, renew_lease
from cameras.supervision.outbox import Outbox
from cameras.supervision.readings import note_read_back
from cameras.supervision.unfiled import LeftClips, close_rejected, tell_of_rejected
from cameras.supervision.verdicts import Verdicts, told
from cameras.supervision.wishes import Wish, former_places, left_places, wishes
from cameras.tables import LAST_CAPTURES, RECORDING, VERDICTS, resolve
from monitoring.camera_refs import CameraRef
from monitoring.models import Alert
from monitoring.services import raise_alert, record_event, resolve_alert
from monitoring.station_settings import live_streaming_config, station_name

if TYPE_CHECKING:
    from cameras.supervision.post import Handed, Post
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
STORAGE_ALERTS = ("storage.unmounted", "storage.failed", "storage.last_floor")
"""What stays wrong until the root is opened anew. A full disk is an alert of the station's health."""
OVER = {"storage.room": "storage.last_floor"}
"""Kind of event -> the one of STORAGE_ALERTS that it ends."""
LOOK_S = 1.0
TIDY_S = 5.0
LEASE_EVERY_S = 10.0
TOLD_OF_ALERTS = ("key", "severity", "state", "camera", "message")
PATIENCE_S = 1.0
"""A caller is answered with the record itself when the database has not taken it in after this long."""


@dataclass(slots=True)
class Spooled:
    """A record that waits for the database, and who waits for it."""

    wish: Wish
    record: str
    command: str
    since: float
    _claim: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def claim(self) -> bool:
        """True once, for the thread that answers."""
        return bool(self.command) and self._claim.acquire(blocking=False)

    @property
    def answered(self) -> bool:
        return self._claim.locked()


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """What the database says of this host's cameras, read at one moment."""

    cameras: Mapping[str, Wish]
    is_complete: bool
    """Whether these are all that the database has for this host: without its name there are none."""
    read_at: float
    """When the reading began, in time.monotonic()."""
    live: Any
    """How cameras are watched: `LiveStreamingConfig`."""
    recording: dict[str, Any]
    """How they record."""
    last_captures: Mapping[str, LastCapture] = field(default_factory=dict)
    """Of each camera that has taken one, also by a process or a Supervisor before these."""


class Ledger:
    """Its thread alone writes the fields here, and every value is replaced whole, never changed in place, so that other
    threads may read it at any time: `seen` above all, from which a reader takes everything at once. Other threads hand
    work over by `_spooled`, `_after` and the outbox, and set `_look_now`, which the ledger's thread clears before it
    reads. Who answers a record is settled by `Spooled.claim`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.verdicts = supervisor, Verdicts(supervisor)
        self.seen = HostSnapshot({}, False, 0.0, settings.STATION.live_streaming_config, {})
        self._last_captures: dict[str, LastCapture] = {}
        self._asked_for_last: frozenset[str] = frozenset()
        self.station_name = settings.STATION.station.name
        self.open_alerts: list[dict[str, Any]] = []
        self.away_since: float | None = None
        self._left_clips = LeftClips(self._put)
        self._spooled: deque[Spooled] = deque()
        self._after: deque[Callable[[], None]] = deque()
        self._outbox = Outbox()
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._tidied_at = 0.0
        self._leased_at = -LEASE_EVERY_S
        self._look_now = True
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._impatient = threading.Thread(target=self._answer_the_impatient, name="impatient", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._impatient.start()

    def stop(self) -> None:
        """Take in what is there, once more, and end."""
        self._stopping.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    # From other threads

    def look_soon(self) -> None:
        self._look_now = True
        self._work.set()

    def take(self, wish: Wish, record: str, command: str) -> None:
        """A record lies in the spool; answer `command` when it is taken in."""
        self._spooled.append(Spooled(wish, record, command, time.monotonic()))
        self._work.set()

    def after_what_was_spooled(self, call: Callable[[], None]) -> None:
        """An answer that speaks of records: given once those before it are taken in, or the database is away."""
        if not self._spooled:
            call()
            return
        self._after.append(call)
        self._work.set()

    def settle(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        """The verdict on a capture that never reached a spool, then the answer."""
        self._put(functools.partial(self.verdicts.settle, capture, reason, message, command, content))

    def refused(self, session: str, reason: str, message: str) -> None:
        """The camera would not begin a session that was wished."""
        self._put(functools.partial(resolve(VERDICTS["session"]), session, reason, message))

    def event(self, kind: str, message: str, severity: str, camera: CameraRef | None, data: dict[str, Any]) -> None:
        at = timezone.now()
        self._put(functools.partial(record_event, kind, message, severity=severity, camera=camera, data=data, at=at))

    def alert(self, key: str, message: str, severity: str, camera: CameraRef | None) -> None:
        self._put(functools.partial(raise_alert, key, message, severity=severity, camera=camera))

    def resolve(self, key: str) -> None:
        self._put(functools.partial(resolve_alert, key))

    def observed(self, camera: CameraRef, observed: str, reason: str) -> None:
        now = timezone.now()
        fields = {"observed": observed, "observed_reason": reason, "observed_at": now}
        self._put(functools.partial(Camera.objects.filter(pk=camera.id).update, **fields))
        text = f"{camera.slug} is {observed}." if not reason else f"{camera.slug} is {observed}: {reason}"
        severity = "warning" if observed in {"reconnecting", "quarantined"} else "info"
        self.event("camera.state", text, severity, camera, {"observed": observed})

    def opened(self, camera: str, identity: dict[str, Any], capabilities: dict[str, Any]) -> None:
        fields = {"identity": identity, "capabilities": capabilities}
        self._put(functools.partial(Camera.objects.filter(pk=camera).update, **fields))

    def read_back(self, camera: CameraRef, message: dict[str, Any]) -> None:
        self._put(functools.partial(note_read_back, str(camera.id), message))
        for warning in message["warnings"]:
            self.event("camera.settings", f"{camera.slug}: {warning}", "warning", camera, {"actual": message["actual"]})

    def recovered(self, post: Post, message: dict[str, Any]) -> None:
        """A new owner has brought the spool into order: whoever waited for a capture without a trace hears now."""
        self._put(functools.partial(self._tell_of_recovery, post, message))
        self._put(functools.partial(self._recovered, post, post.outstanding.captures()))

    def settle_spool(self, wish: Wish, verdict: Verdict | None = None) -> None:
        """Of a camera without a process."""
        settled = leftovers.settle(wish, verdict)
        if settled is None:
            return
        if settled.rejected:
            self._put(functools.partial(tell_of_rejected, wish, settled.rejected))
        if wish.part:
            self._left_clips.note(wish, settled)

    def _put(self, call: Callable[[], Any]) -> None:
        self._outbox.put(call)
        self._work.set()

    # The thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turn()
            self._work.wait(LOOK_S if self.away_since is None else PATIENCE_S)
            self._work.clear()
        self._tidied_at = 0.0
        self._turn()  # finds what the last processes left in their spools
        self._turn()  # and takes it in
        connection.close()

    def _turn(self) -> None:
        try:
            self._do()
            self.away_since = None
        except (DatabaseError, OSError) as error:
            self._database_away(error)
        except Exception:
            log.exception("The ledger's thread stumbled and goes on.")
        while self._after and (not self._spooled or self.away_since is not None):
            self._give(self._after.popleft())

    def _give(self, answer: Callable[[], None]) -> None:
        """The thread outlives an answer that cannot be given."""
        try:
            answer()
        except Exception:
            log.exception("An answer that waited for records cannot be given.")

    def _database_away(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
            log.error("The database cannot be written (%s); records wait in the spool.", error)
        close_old_connections()
        connection.close()
        self._stopping.wait(0.2)

    def _do(self) -> None:
        while self._spooled:
            self._take_first()
        self._outbox.flush()
        now = time.monotonic()
        if self._look_now or now - self.seen.read_at >= LOOK_S:
            self._look(now)
        if now - self._tidied_at >= TIDY_S:
            self._tidy(now)

    def _take_first(self) -> None:
        """A spool that cannot be read holds up nobody else: its records wait there until it is looked at again."""
        try:
            self._take(self._spooled[0])
        except OSError as error:
            log.error("The spool of %s cannot be read: %s", self._spooled[0].wish.slug, error)
        self._spooled.popleft()

    def _take(self, spooled: Spooled) -> None:
        with Opened(spooled.wish) as ingest:
            taken = ingest.take(spooled.record)
            if spooled.claim():
                self.supervisor.answer(spooled.command, told(taken))
            if taken is not None:
                if taken["kind"] == "capture":
                    self._note_last_capture(spooled.wish.id, taken)
                self._clear(ingest, spooled.wish.id, taken)

    def _clear(self, ingest: Ingest, camera: str, taken: Record) -> None:
        """The end of a session stays for a process that may have been told to run it: without the session's file it
        would begin anew. Once that process has recovered, or is gone, the record is taken again."""
        if "settles" in taken:
            self.supervisor.session_ended(taken["body"]["session"])
            post = self.supervisor.posts.get(camera)
            if post is not None and post.recovers:
                return
        ingest.clear(taken)

    def _look(self, now: float) -> None:
        """Anew each second: what is wished, and which alerts are open."""
        self._look_now = False
        has_name = self._takes_name(now)
        cameras = wishes(self.supervisor.host) if has_name else {}
        live, recording = live_streaming_config(), resolve(RECORDING["settings"])()
        self._read_last_captures([camera for camera in cameras if camera not in self._asked_for_last])
        self.seen = HostSnapshot(cameras, has_name, now, live, recording, self._last_captures)
        self.station_name = station_name()
        self.supervisor.wake()
        open_ones = Alert.objects.exclude(state=Alert.State.RESOLVED)[:50]
        self.open_alerts = [{name: getattr(alert, name) for name in TOLD_OF_ALERTS} for alert in open_ones]

    def _read_last_captures(self, cameras: list[str]) -> None:
        """Once of each camera; after that they are noted as they are taken in."""
        if cameras:
            found = resolve(LAST_CAPTURES["captures"])(cameras)
            self._last_captures = {**found, **self._last_captures}
            self._asked_for_last |= frozenset(cameras)

    def _note_last_capture(self, camera: str, taken: Record) -> None:
        body = taken["body"]
        last = LastCapture(id=taken["id"], status=body["outcome"], reason=body["reason"], at=body["ended"])
        known = self._last_captures.get(camera)
        if known is None or known["at"] <= last["at"]:
            self._last_captures = {**self._last_captures, camera: last}
            self.seen = replace(self.seen, last_captures=self._last_captures)

    def _takes_name(self, now: float) -> bool:
        """Whether this host's name is ours. Without it no camera is touched."""
        if now - self._leased_at < LEASE_EVERY_S:
            return True
        try:
            renew_lease(self.supervisor.host)
        except NameTaken as error:
            log.critical("%s", error)
            raise_alert(f"host.taken:{self.supervisor.host}", str(error), severity="critical")
            return False
        self._leased_at = now
        return True

    def _tidy(self, now: float) -> None:
        """Every few seconds: what lies in a spool without anybody having said so, and rows without a spool."""
        self._tidied_at = now
        seen, host = self.seen, self.supervisor.host
        wished, elsewhere = seen.cameras, self._elsewhere()
        known = {*wished, *(wish.id for wish in elsewhere)}
        here = [*wished.values(), *elsewhere, *(left_places(host, known) if seen.is_complete else ())]
        for wish in here:
            has_process = self._has_process(wish)
            self._tidy_safely(wish, None if has_process else self._settle_spool_of_post)
            self._tidy_safely(wish.of_clips, None if has_process else self._settle_spool_of_post)
        former = former_places(host, wished)
        for wish in former:
            self._tidy_safely(wish, self.settle_spool)
        close_rejected([*here, *(wish.of_clips for wish in here), *former])
        for post in self.supervisor.posts.values():
            self.verdicts.on_lost(post, post.outstanding.captures())
        places: dict[str, list[Wish]] = {}
        for wish in (*here, *former):
            places.setdefault(wish.id, []).append(wish)
        self.verdicts.on_overdue(places)

    def _tidy_safely(self, wish: Wish, settle: Callable[[Wish], None] | None) -> None:
        try:
            self._tidy_spool(wish, settle)
        except OSError as error:
            log.error("The spool of %s cannot be looked at: %s", wish.slug, error)

    def _tidy_spool(self, wish: Wish, settle: Callable[[Wish], None] | None) -> None:
        if read_marker(wish.root_path) != wish.root:
            return
        if settle:
            settle(wish)
        with Opened(wish) as ingest:
            for record in ingest.waiting():
                self.take(wish, record, "")

    def _settle_spool_of_post(self, wish: Wish) -> None:
        """Nobody else will bring this spool into order soon."""
        post = self.supervisor.posts.get(wish.id)
        verdict = post.verdict if post else None
        self.settle_spool(wish, Verdict(**verdict) if verdict else None)

    def _elsewhere(self) -> list[Wish]:
        """Cameras that have another host now, for what they may have left here."""
        return [wish for wish in [post.wish for post in self.supervisor.posts.values()] if wish.elsewhere]

    def _has_process(self, wish: Wish) -> bool:
        post = self.supervisor.posts.get(wish.id)
        return post is not None and (post.child is not None or (post.wish.runs and not post.quarantined))

    @transaction.atomic
    def _tell_of_recovery(self, post: Post, message: dict[str, Any]) -> None:
        for what in ("interrupted", "finished"):
            if message[what]:
                text = told_of_recovery(what, len(message[what]), post.wish.slug)
                record_event("spool.recovered", text, severity="warning", camera=post.wish, data={"ids": message[what]})
        if message["rejected"]:
            tell_of_rejected(post.wish, message["rejected"])
        for kind in STORAGE_ALERTS:
            resolve_alert(f"{kind}:{post.wish.root}")

    def _recovered(self, post: Post, outstanding: Mapping[str, Handed]) -> None:
        """A spool that cannot be read is looked at again by and by."""
        commands = {handed.capture: command for command, handed in outstanding.items()}
        try:
            with Opened(post.wish) as ingest:
                for record in ingest.waiting():
                    command = commands.get(record, "")
                    self.take(post.wish, record, command if post.outstanding.remove(command) else "")
            self.verdicts.on_lost(post, outstanding)
        except OSError as error:
            log.error("The recovered spool of %s cannot be looked at: %s", post.wish.slug, error)

    def _answer_the_impatient(self) -> None:
        """Whoever waits longer than PATIENCE_S for the database gets the record itself: it is safe already."""
        while not self._stopping.wait(0.1):
            for spooled in list(self._spooled):
                late = time.monotonic() - spooled.since > PATIENCE_S
                if late and spooled.claim():
                    self._try_to_answer(spooled)

    def _try_to_answer(self, spooled: Spooled) -> None:
        try:
            self._answer_with_record(spooled)
        except Exception:
            log.exception("%s cannot be answered with the record %s.", spooled.command, spooled.record)

    def _answer_with_record(self, spooled: Spooled) -> None:
        with Opened(spooled.wish) as ingest:
            record: Record | None = ingest.read(spooled.record)
        self.supervisor.answer(spooled.command, told(record))


def told_of_recovery(what: str, count: int, slug: str) -> str:
    """`what` is interrupted (they failed) or finished (their pictures are safe)."""
    captures = f"A capture of {slug} was" if count == 1 else f"{count} captures of {slug} were"
    if what == "finished":
        return f"{captures} filed after the camera's process had ended."
    return f"{captures} interrupted: the camera's process ended before the picture was saved."
