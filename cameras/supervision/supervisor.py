"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host.

It never touches the database, and the broker only to answer who has just spoken through it: `Ledger` (database)
and `Herald` (broker) do, each on a thread of its own, so that an outage of either delays no restart.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras import broker, control
from cameras.control import Answer
from cameras.runtime.recovery import Verdict
from cameras.supervision.child import (
    FINISH_S,
    CameraChild,
    Live,
    exit_reason,
    kill_leftovers,
    note_children,
    scrubbed_environment,
)
from cameras.supervision.climbing import Climbing
from cameras.supervision.detecting import Detecting
from cameras.supervision.hearing import WISHED, Hearing
from cameras.supervision.herald import Herald
from cameras.supervision.ladder import Ladder, Restarts
from cameras.supervision.ledger import Ledger
from cameras.supervision.mailbox import Mailbox
from cameras.supervision.orders import Orders
from cameras.supervision.post import Hardware, Post
from cameras.supervision.returning import Returning
from cameras.supervision.usb import UsbBus
from cameras.supervision.wishes import Wish
from cameras.tables import KEEPERS, resolve
from monitoring import heartbeat
from monitoring.restarts import BackOff

log = logging.getLogger(__name__)
TICK_S = 0.1
REMEMBERED = 1000
"""Sessions that have ended."""
START_AGAIN_S = 1.0
"""After a process that could not even be started."""


class HostTaken(Exception):
    """Another Supervisor runs for this host on this machine."""


class Supervisor:
    """Its thread alone writes what is here, but for `_ended_sessions`, which the ledger's writes; every value is
    replaced whole, never changed in place, so that all threads may read. `want` is the broker's thread's, `observe` and
    `answer` are for any."""

    def __init__(self, bus: UsbBus | None = None) -> None:
        self.bus = bus or UsbBus()
        self.host = settings.STATION.host
        self.run_folder = Path(settings.STATION.data) / "run"
        self.posts: Mapping[str, Post] = {}
        self.alive_at = time.monotonic()
        self.adopted_at = 0.0
        self._ended_sessions: tuple[str, ...] = ()
        self._stumbles: dict[str, str] = {}
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._lock_file: int | None = None
        self.orders = Orders(self)
        self.mailbox = Mailbox(self.host, self.orders)
        self.hearing = Hearing(self)
        self.climbing = Climbing(self, self.bus)
        self.returning = Returning(self, self.bus)
        self.detecting = Detecting(self)
        self.ledger = Ledger(self)
        self.herald = Herald(self)
        self.keepers = [resolve(path)(self.host) for path in KEEPERS.values()]
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    # Start and stop

    def start(self) -> None:
        """HostTaken when this host has a Supervisor already."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        self._take_host()
        for pid in kill_leftovers(self._register):
            log.warning("Killed the camera process %s that a predecessor left behind.", pid)
        self.ledger.start()
        self.herald.start()
        self._thread.start()
        self.mailbox.start()
        for keeper in self.keepers:
            keeper.start()

    def _take_host(self) -> None:
        file = os.open(self.run_folder / f"supervisor-{self.host}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise HostTaken(f"Another Supervisor runs for the host {self.host!r} on this data folder.") from None
        self._lock_file = file

    @property
    def _register(self) -> Path:
        return self.run_folder / f"cameras-{self.host}.json"

    def stop(self) -> None:
        """Finish every camera process, take in what they left, and fall silent. Idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._woken.set()
        self.mailbox.stop()
        for keeper in self.keepers:
            keeper.stop()
        if self._thread.is_alive():
            self._thread.join(FINISH_S + 3)
        self.ledger.stop()
        self.herald.stop()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # From other threads

    def wake(self) -> None:
        """There is something new for the loop."""
        self._woken.set()

    def session_ended(self, session: str) -> None:
        """Its end is in the database, and its file about to go: no process may begin it again."""
        self._ended_sessions = (*self._ended_sessions[1 - REMEMBERED :], session)

    def want(
        self, wanted: dict[str, tuple[str, ...]], lowered: int = 0, redis_urls: Mapping[str, str] | None = None
    ) -> None:
        """Which qualities of which camera (by slug) somebody watches, how much less than those is made, and where each
        camera publishes its own."""
        urls = redis_urls or {}
        for post in self.posts.values():
            wish, child = post.wish, post.child
            live = Live(wanted.get(wish.slug, ()), lowered, wish.presets, urls.get(wish.slug, ""))
            if child and child.live != live and child.send({"type": "live", **asdict(live)}):
                child.live = live

    def answer(self, command_id: str, content: Answer) -> None:
        """To the caller; one whose broker is away hears nothing and finds the outcome in the database."""
        try:
            control.answer(broker.connection(), command_id, content)
        except broker.UNREACHABLE as error:
            log.warning("An answer could not be given: %s", type(error).__name__)

    # The loop

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._safely(None, self._tick)
            self._woken.wait(TICK_S)
            self._woken.clear()
        self._finish_all()

    def _safely(self, camera: Wish | None, step: Callable[[], None]) -> None:
        """What goes wrong with one camera does not keep the others from being watched. It is told once, as an alert,
        until it is over."""
        slug = camera.slug if camera else ""
        key, before = f"supervisor.stumbled:{slug}", self._stumbles.get(slug, "")
        try:
            step()
        except Exception as error:
            self._stumbles[slug] = said = f"{type(error).__name__}: {error}"
            if said != before:
                log.exception("The Supervisor stumbled over %s and goes on.", slug or "its own loop")
                what = f"{slug} is not looked after" if slug else "Nothing is looked after on this host"
                message = f"{what} ({said}). The log says where; then `skycam restart worker`."
                self.ledger.alert(key, message, "critical", camera)
            return
        if before:
            del self._stumbles[slug]
            self.ledger.resolve(key)

    def _tick(self) -> None:
        self.alive_at = time.monotonic()
        heartbeat.send_heartbeat()
        seen = self.ledger.seen
        self.adopted_at = seen.read_at
        self._adopt(seen.cameras)
        if seen.is_complete:
            self._let_go(seen.cameras)
        self.orders.follow_all()
        self.returning.look()
        for post in self.posts.values():
            self._safely(post.wish, functools.partial(self._keep, post))

    def _adopt(self, wishes: Mapping[str, Wish]) -> None:
        for identity, wish in wishes.items():
            if identity not in self.posts:
                supervision = settings.STATION.supervision
                rule = BackOff(supervision.healthy_s, supervision.crash_loop_exits, supervision.crash_loop_s)
                post = Post(wish, Restarts(rule), hardware=Hardware(usb=wish.usb))
                self.posts = {**self.posts, identity: post}
                self.climbing.adopt(post)
            post = self.posts[identity]
            self._change(post, replace(wish, session=self._session(post, wish)))

    def _let_go(self, wishes: Mapping[str, Wish]) -> None:
        """Cameras that the database has given to another host: their process finishes, and their spool is emptied."""
        for identity, post in self.posts.items():
            if identity not in wishes:
                self._change(post, replace(post.wish, session=None, elsewhere=True))

    def _session(self, post: Post, wish: Wish) -> dict[str, Any] | None:
        """A command may be newer than what was read, and an end newer than both."""
        found = post.ordered if post.ordered_at >= self.adopted_at else wish.session
        return None if found is None or found["id"] in self._ended_sessions else found

    def _change(self, post: Post, wish: Wish) -> None:
        """Take over a new wish: a process that cannot follow it ends, and is started anew."""
        old, post.wish = post.wish, wish
        if not wish.runs:
            self.climbing.let_go(post)
        if post.child is None or post.child.ending:
            return
        if not wish.runs or old.place != wish.place:
            post.child.finish()
            return
        if wish.settings != post.child.wished["settings"] and post.configured_at < self.adopted_at:
            self._configure(post.child, "settings", wish.settings, whole=True)
        if wish.recording != post.child.wished["recording"] and post.recorded_at < self.adopted_at:
            self._configure(post.child, "recording", wish.recording)
        if wish.session and _newer(wish.session, post.child.wished["session"]):
            self._configure(post.child, "session", wish.session, command_id=WISHED + wish.session["id"])

    def _configure(self, child: CameraChild, what: str, wish: dict[str, Any] | None, **more: Any) -> None:
        if child.send({"type": "configure", what: wish, **more}):
            child.wished = {**child.wished, what: wish}

    def _keep(self, post: Post) -> None:
        child = post.child
        if child is not None:
            status = child.exit_status
            if status is not None:
                self._ended(post, child, status)
            elif child.ending:
                self._end_in_time(post, child)
            else:
                self.climbing.watch(post, child)
        elif post.may_start and time.monotonic() >= post.restarts.not_before:
            self._start(post)

    def _start(self, post: Post) -> None:
        now = time.monotonic()
        post.restarts.started(now)
        post.ladder = Ladder()
        environment = scrubbed_environment(settings.STATION.camera_environment)
        post.is_starting = True  # before its session is looked at: the ledger does these two the other way round
        wish = replace(post.newest(self.adopted_at), session=self._session(post, post.wish))
        try:
            post.child = CameraChild(wish.spec(post.verdict, post.faults), environment, self.hearing.hear)
        except (OSError, RuntimeError) as error:
            post.restarts.not_before = now + START_AGAIN_S
            why = f"Its process cannot be started ({error}). Is memory or a limit used up? It is tried each second."
            self.observe(post, "reconnecting", why)
            return
        finally:
            post.is_starting = False
        post.verdict = None
        note_children(self._register, [other.child.identity for other in self.posts.values() if other.child])
        self.observe(post, "starting", "")

    def _end_in_time(self, post: Post, child: CameraChild) -> None:
        if time.monotonic() > child.end_by:
            post.verdict = {
                "reason": "camera_hung",
                "message": "The camera did not end its exposure when it was told to.",
            }
            child.kill()

    def _ended(self, post: Post, child: CameraChild, status: int) -> None:
        child.hear_out()
        delivered = post.delivered
        post.child = None
        was_ending = child.ending
        child.finish()
        for command in post.outstanding.remove_without_capture():  # captures are answered by what the spool says
            detail = f"The process of {post.wish.slug} ended ({exit_reason(status)}) before it could answer."
            self.answer(
                command, Answer(ok=False, problem="camera-not-reachable", reason="camera_crashed", detail=detail)
            )
        if was_ending:
            self.observe(post, *post.observed)
        else:
            self.climbing.restart(post, status, delivered=delivered)

    def _finish_all(self) -> None:
        """Each process gets FINISH_S, all at the same time; the launcher hears meanwhile that this worker lives."""
        left = [(post.wish, post.child) for post in self.posts.values() if post.child]
        for _, child in left:
            child.finish()
        for wish, child in left:
            while not child.wait(TICK_S) and time.monotonic() < child.end_by:
                heartbeat.send_heartbeat()
            if child.exit_status is None:
                self._cut_off(wish, child)

    def _cut_off(self, wish: Wish, child: CameraChild) -> None:
        """What its exposure came to is known: the next process need not call it interrupted."""
        log.warning("%s did not finish in time and is killed.", child.slug)
        child.kill()
        if child.wait(1.0):
            said = "The station was stopped before the exposure ended."
            self.ledger.settle_spool(wish, Verdict("station_stopped", said))

    def observe(self, post: Post, observed: str, reason: str) -> None:
        """On change only: into the database and the event log. Of a camera elsewhere its own host tells."""
        wish = post.wish
        with post.lock:
            if not wish.elsewhere and (observed, reason) != post.told:
                post.told, post.since = (observed, reason), time.time()
                self.ledger.observed(wish, observed, reason)


def _newer(session: dict[str, Any], known: dict[str, Any] | None) -> bool:
    return known is None or known["id"] != session["id"] or known["revision"] < session["revision"]
