"""The Supervisor's database side, on a thread of its own: ingest, wishes, verdicts, events.

When the database is away everything waits here; running cameras go on.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from cameras.control import Answer
from cameras.models import Camera
from cameras.runtime.recovery import Verdict
from cameras.runtime.spool import Record
from cameras.runtime.storage import marker_of
from cameras.supervision import leftovers
from cameras.supervision.ingest import Ingest, Opened
from cameras.supervision.lease import NameTaken, renew_lease
from cameras.supervision.outbox import Outbox
from cameras.supervision.readings import note_read_back
from cameras.supervision.unfiled import LeftClips, close_rejected, tell_of_rejected
from cameras.supervision.verdicts import Verdicts, told
from cameras.supervision.wishes import Wish, former_places, wishes
from cameras.tables import RECORDING, VERDICTS, resolve
from monitoring.models import Alert
from monitoring.services import raise_alert, record_event, resolve_alert
from monitoring.station_settings import live_streaming_config

if TYPE_CHECKING:
    from cameras.supervision.post import Post
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
    answered: bool = False


class Ledger:
    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.verdicts = supervisor, Verdicts(supervisor)
        self.wishes: dict[str, Wish] = {}
        self.holds_name = False
        """Whether the wishes are all that the database has for this host: without its name there are none."""
        self.looked_at = 0.0
        self.live = settings.STATION.live_streaming_config
        """How cameras are watched, as it was set last."""
        self.recording: dict[str, Any] = {}
        """How they record."""
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

    def event(self, kind: str, message: str, severity: str, camera: str, data: dict[str, Any]) -> None:
        at = timezone.now()
        self._put(functools.partial(record_event, kind, message, severity=severity, camera=camera, data=data, at=at))

    def alert(self, key: str, message: str, severity: str, camera: str) -> None:
        self._put(functools.partial(raise_alert, key, message, severity=severity, camera=camera))

    def resolve(self, key: str) -> None:
        self._put(functools.partial(resolve_alert, key))

    def observed(self, camera: str, slug: str, observed: str, reason: str) -> None:
        now = timezone.now()
        fields = {"observed": observed, "observed_reason": reason, "observed_at": now}
        self._put(functools.partial(Camera.objects.filter(pk=camera).update, **fields))
        text = f"{slug} is {observed}." if not reason else f"{slug} is {observed}: {reason}"
        severity = "warning" if observed in {"reconnecting", "quarantined"} else "info"
        self.event("camera.state", text, severity, slug, {"observed": observed})

    def opened(self, camera: str, identity: dict[str, Any], capabilities: dict[str, Any]) -> None:
        fields = {"identity": identity, "capabilities": capabilities}
        self._put(functools.partial(Camera.objects.filter(pk=camera).update, **fields))

    def read_back(self, camera: str, slug: str, message: dict[str, Any]) -> None:
        self._put(functools.partial(note_read_back, camera, message))
        for warning in message["warnings"]:
            self.event("camera.settings", f"{slug}: {warning}", "warning", slug, {"actual": message["actual"]})

    def recovered(self, post: Post, message: dict[str, Any]) -> None:
        """A new owner has brought the spool into order: whoever waited for a capture without a trace hears now."""
        self._put(functools.partial(self._tell_of_recovery, post, message))
        self._put(functools.partial(self._recovered, post, dict(post.outstanding)))

    def settle_spool(self, wish: Wish, verdict: Verdict | None = None) -> None:
        """Of a camera without a process."""
        settled = leftovers.settle(wish, verdict)
        if settled is None:
            return
        if settled.rejected:
            self._put(functools.partial(tell_of_rejected, wish.slug, settled.rejected))
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
        if self._look_now or now - self.looked_at >= LOOK_S:
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
            if spooled.command and not spooled.answered:
                spooled.answered = True
                self.supervisor.answer(spooled.command, told(taken))
            if taken is not None:
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
        if self._takes_name(now):
            self.wishes, self.holds_name = wishes(self.supervisor.host), True
        else:
            self.holds_name, self.wishes = False, {}
        self.live, self.recording = live_streaming_config(), resolve(RECORDING["settings"])()
        self.looked_at = now
        self.supervisor.wake()
        open_ones = Alert.objects.exclude(state=Alert.State.RESOLVED)[:50]
        self.open_alerts = [{name: getattr(alert, name) for name in TOLD_OF_ALERTS} for alert in open_ones]

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
        here = [*self.wishes.values(), *self._elsewhere()]
        for wish in here:
            has_process = self._has_process(wish)
            self._tidy_safely(wish, None if has_process else self._settle_without_process)
            self._tidy_safely(wish.of_clips, None if has_process else self._settle_spool_of_post)
        former = former_places(self.supervisor.host, self.wishes)
        for wish in former:
            self._tidy_safely(wish, self.settle_spool)
        close_rejected([*here, *(wish.of_clips for wish in here), *former])
        self.verdicts.on_overdue(self.wishes)

    def _tidy_safely(self, wish: Wish, settle: Callable[[Wish], None] | None) -> None:
        try:
            self._tidy_spool(wish, settle)
        except OSError as error:
            log.error("The spool of %s cannot be looked at: %s", wish.slug, error)

    def _tidy_spool(self, wish: Wish, settle: Callable[[Wish], None] | None) -> None:
        if marker_of(wish.root_path) != wish.root:
            return
        if settle:
            settle(wish)
        with Opened(wish) as ingest:
            for record in ingest.waiting():
                self.take(wish, record, "")

    def _settle_spool_of_post(self, wish: Wish) -> None:
        post = self.supervisor.posts.get(wish.id)
        self.settle_spool(wish, Verdict(**post.verdict) if post and post.verdict else None)

    def _elsewhere(self) -> list[Wish]:
        """Cameras that have another host now, for what they may have left here."""
        return [post.wish for post in list(self.supervisor.posts.values()) if post.wish.elsewhere]

    def _settle_without_process(self, wish: Wish) -> None:
        """Nobody will bring this spool into order soon, nor answer for what its process was given last."""
        self._settle_spool_of_post(wish)
        if post := self.supervisor.posts.get(wish.id):
            self.verdicts.on_lost(post, dict(post.outstanding))

    def _has_process(self, wish: Wish) -> bool:
        post = self.supervisor.posts.get(wish.id)
        return post is not None and (post.child is not None or (post.wish.runs and not post.quarantined))

    @transaction.atomic
    def _tell_of_recovery(self, post: Post, message: dict[str, Any]) -> None:
        for what in ("interrupted", "finished"):
            if message[what]:
                text = f"{len(message[what])} captures of {post.wish.slug} were {what} by the recovery of its spool."
                record_event(
                    "spool.recovered", text, severity="warning", camera=post.wish.slug, data={"ids": message[what]}
                )
        if message["rejected"]:
            tell_of_rejected(post.wish.slug, message["rejected"])
        for kind in STORAGE_ALERTS:
            resolve_alert(f"{kind}:{post.wish.root}")

    def _recovered(self, post: Post, outstanding: dict[str, Any]) -> None:
        """A spool that cannot be read is looked at again by and by."""
        commands = {sent.get("id"): command for command, sent in outstanding.items()}
        try:
            with Opened(post.wish) as ingest:
                for record in ingest.waiting():
                    self.take(post.wish, record, commands.get(record, ""))
            self.verdicts.on_lost(post, outstanding)
        except OSError as error:
            log.error("The recovered spool of %s cannot be looked at: %s", post.wish.slug, error)

    def _answer_the_impatient(self) -> None:
        """Whoever waits longer than PATIENCE_S for the database gets the record itself: it is safe already."""
        while not self._stopping.wait(0.1):
            for spooled in list(self._spooled):
                late = time.monotonic() - spooled.since > PATIENCE_S
                if spooled.command and late and not spooled.answered:
                    spooled.answered = True
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
