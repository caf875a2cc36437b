"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host.

It never touches database or broker: `Ledger` (database) and `Herald` (broker) do, each on a thread of its
own, so that an outage of either delays no restart.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras import broker, control
from cameras.control import Answer, Command
from cameras.runtime.recovery import Verdict
from cameras.supervision import leftovers
from cameras.supervision.child import (
    FINISH_S,
    CameraChild,
    exit_reason,
    kill_leftovers,
    note_children,
    scrubbed_environment,
)
from cameras.supervision.herald import Herald
from cameras.supervision.ladder import BackOff, Ladder
from cameras.supervision.ledger import STORAGE_ALERTS, Ledger
from cameras.supervision.wishes import Wish
from monitoring import heartbeat

log = logging.getLogger(__name__)
TICK_S = 0.1
CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")


class HostTaken(Exception):
    """Another Supervisor runs for this host on this machine."""


@dataclass
class Post:
    """A camera's place at the Supervisor: what is wished, and the process that serves it."""

    wish: Wish
    back_off: BackOff
    ladder: Ladder = field(default_factory=Ladder)
    child: CameraChild | None = None
    quarantined: str = ""
    verdict: dict[str, str] | None = None
    since: float = field(default_factory=time.time)
    identity: dict[str, Any] = field(default_factory=dict)
    outstanding: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    told: tuple[str, str] = ("", "")
    ordered: dict[str, Any] | None = None
    """The session of the last command, which may be newer than the wish that was read."""
    ordered_at: float = -1.0

    @property
    def observed(self) -> tuple[str, str]:
        """The state and its reason, as far as this host can see."""
        if not self.wish.enabled:
            return ("disabled", "")
        if not self.wish.connected:
            return ("disconnected", "")
        if self.quarantined:
            return ("quarantined", self.quarantined)
        if self.child is None:
            return ("reconnecting", self.back_off.reasons[-1]) if self.back_off.reasons else ("starting", "")
        return self.child.observed


class Supervisor:
    def __init__(self) -> None:
        self.host = settings.STATION.host
        self.run_folder = Path(settings.STATION.data) / "run"
        self.posts: dict[str, Post] = {}
        self.alive_at = time.monotonic()
        self._commands: queue.Queue[tuple[Command, float]] = queue.Queue()
        self._waiters: list[tuple[Command, float]] = []
        self._early: list[tuple[Command, float]] = []
        self._adopted_at = 0.0
        self._ended_sessions: deque[str] = deque(maxlen=1000)
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._lock_file: int | None = None
        self.ledger = Ledger(self)
        self.herald = Herald(self)
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
        if self._thread.is_alive():
            self._thread.join(FINISH_S + 3)
        self.ledger.stop()
        self.herald.stop()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # From other threads

    def hand(self, command: Command) -> None:
        """A command from a Celery task: past its deadline it is not begun."""
        with broker.reachable() as server:
            left = command["deadline_ms"] - broker.time_ms(server)
        if left <= 0:
            log.info("%s for %s came after its deadline", command["order"], command["slug"])
            return
        command["arguments"]["remaining_ms"] = left
        if command["order"] == "capture" and self.ledger.is_settled(command["arguments"]["id"]):
            return
        self._commands.put((command, time.monotonic()))
        self._woken.set()

    def wish(self) -> None:
        """The wishes may have changed."""
        self._woken.set()

    def session_ended(self, session: str) -> None:
        """Its end is in the database, and its file about to go: no process may begin it again."""
        self._ended_sessions.append(session)

    def want(self, wanted: dict[str, tuple[str, ...]]) -> None:
        """Which qualities of which camera (by slug) somebody watches."""
        for post in list(self.posts.values()):
            qualities = wanted.get(post.wish.slug, ())
            if (
                post.child
                and post.live != qualities
                and post.child.send({"type": "live", "qualities": list(qualities)})
            ):
                post.live = qualities

    def answer(self, command_id: str, content: Answer) -> None:
        """To the caller; one whose broker is away hears nothing and finds the outcome in the database."""
        try:
            control.answer(broker.connection(), command_id, content)
        except broker.UNREACHABLE as error:
            log.warning("An answer could not be given: %s", type(error).__name__)

    # The loop

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tick()
            except Exception:
                log.exception("The Supervisor's loop stumbled and goes on.")
            self._woken.wait(TICK_S)
            self._woken.clear()
        self._finish_all()

    def _tick(self) -> None:
        self.alive_at = time.monotonic()
        heartbeat.beat()
        self._adopted_at = self.ledger.looked_at
        self._adopt(self.ledger.wishes)
        while not self._commands.empty():
            self._follow(*self._commands.get())
        self._follow_early()
        for post in list(self.posts.values()):
            self._keep(post)
        self._answer_waiters()

    def _adopt(self, wishes: dict[str, Wish]) -> None:
        for identity, wish in wishes.items():
            if identity not in self.posts:
                supervision = settings.STATION.supervision
                back_off = BackOff(supervision.healthy_s, supervision.crash_loop_exits, supervision.crash_loop_s)
                self.posts[identity] = Post(wish, back_off)
            post = self.posts[identity]
            self._change(post, replace(wish, session=self._session(post, wish)))

    def _session(self, post: Post, wish: Wish) -> dict[str, Any] | None:
        """A command may be newer than what was read, and an end newer than both."""
        found = post.ordered if post.ordered_at >= self._adopted_at else wish.session
        return None if found is None or found["id"] in self._ended_sessions else found

    def _change(self, post: Post, wish: Wish) -> None:
        """Take over a new wish: a process that cannot follow it ends, and is started anew."""
        old, post.wish = post.wish, wish
        if not wish.runs:
            post.quarantined = ""
        if post.child is None or post.child.ending:
            return
        if not wish.runs or old.place != wish.place:
            post.child.finish()
            return
        news: dict[str, Any] = {}
        if wish.settings != post.child.wished["settings"]:
            news["settings"] = wish.settings
        if wish.session and _newer(wish.session, post.child.wished["session"]):
            news["session"] = wish.session
        if news and post.child.send({"type": "configure", **news}):
            post.child.wished |= news

    def _keep(self, post: Post) -> None:
        child = post.child
        if child is not None:
            status = child.exit_status
            if status is not None:
                self._ended(post, child, status)
            elif child.ending:
                self._end_in_time(post, child)
            else:
                self._watch(post, child)
        elif post.wish.runs and not post.quarantined and time.monotonic() >= post.back_off.not_before:
            self._start(post)

    def _start(self, post: Post) -> None:
        now = time.monotonic()
        post.back_off.started(now)
        post.ladder = Ladder()
        environment = scrubbed_environment(settings.STATION.camera_environment)
        post.child = CameraChild(post.wish.spec(post.verdict), environment, self._hear)
        post.verdict, post.live = None, ()
        note_children(self._register, [other.child.identity for other in self.posts.values() if other.child])
        self.observe(post, "starting", "")

    def _end_in_time(self, post: Post, child: CameraChild) -> None:
        if time.monotonic() > child.end_by:
            post.verdict = {
                "reason": "camera_hung",
                "message": "The camera did not end its exposure when it was told to.",
            }
            child.kill()

    def _watch(self, post: Post, child: CameraChild) -> None:
        step = post.ladder.look(time.monotonic(), child.state.get("overdue_s", 0.0), child.silent_s())
        if step is None:
            return
        doing = child.state.get("doing", "starting")
        why = f"{post.wish.slug} did not come back from {doing}."
        self.ledger.event("camera.ladder", f"{step}: {why}", "warning", post.wish.slug, {"step": step, "doing": doing})
        if step == "abort":
            child.send({"type": "abort", "reason": "camera_hung"})
        elif step == "reconnect":
            child.send({"type": "reopen"})
        else:
            post.verdict = {
                "reason": "camera_hung",
                "message": f"The camera hung while {doing}; its process was killed.",
            }
            child.kill()

    def _ended(self, post: Post, child: CameraChild, status: int) -> None:
        post.child = None
        was_ending = child.ending
        child.finish()
        for command in self._orders_lost_by(post):
            detail = f"The process of {post.wish.slug} ended ({exit_reason(status)}) before it could answer."
            self.answer(
                command, Answer(ok=False, problem="camera-not-reachable", reason="camera_crashed", detail=detail)
            )
        if was_ending:
            self.observe(post, *post.observed)
        else:
            self._restart(post, status)

    def _orders_lost_by(self, post: Post) -> list[str]:
        """Commands that nobody will answer now. Captures are answered by what the spool says of them."""
        lost = [command for command, sent in post.outstanding.items() if "id" not in sent]
        for command in lost:
            del post.outstanding[command]
        return lost

    def _restart(self, post: Post, status: int) -> None:
        reason = exit_reason(status)
        if any(name in reason for name in CRASH_SIGNALS) or status > 0:
            message = f"The camera's process crashed ({reason})."
            post.verdict = post.verdict or {"reason": "camera_crashed", "message": message}
        said = post.verdict["message"] if post.verdict else f"The camera's process was {reason}."
        self.ledger.event("part.restarted", f"{post.wish.slug}: {said}", "error", post.wish.slug, {"reason": reason})
        if post.back_off.ended(time.monotonic(), said):
            self._quarantine(post, said)
        else:
            self.observe(post, "reconnecting", said)

    def _quarantine(self, post: Post, said: str) -> None:
        post.quarantined = (
            f"Its process ended {post.back_off.quick_exits} times right after its start, the last time because: {said} "
            f"Look at the log, then `skycam connect {post.wish.slug}`."
        )
        self.ledger.alert(f"camera.quarantined:{post.wish.slug}", post.quarantined, "critical", post.wish.slug)
        self.observe(post, "quarantined", post.quarantined)

    def _finish_all(self) -> None:
        """Each process gets FINISH_S, all at the same time; the launcher hears meanwhile that this worker lives."""
        left = [(post.wish, post.child) for post in self.posts.values() if post.child]
        for _, child in left:
            child.finish()
        for wish, child in left:
            while not child.wait(TICK_S) and time.monotonic() < child.end_by:
                heartbeat.beat()
            if child.exit_status is None:
                self._cut_off(wish, child)

    def _cut_off(self, wish: Wish, child: CameraChild) -> None:
        """What its exposure came to is known: the next process need not call it interrupted."""
        log.warning("%s did not finish in time and is killed.", child.slug)
        child.kill()
        if child.wait(1.0):
            leftovers.settle(wish, Verdict("station_stopped", "The station was stopped before the exposure ended."))

    # Commands

    def _follow_early(self) -> None:
        """Commands for cameras that were not known when they came: a camera was just added."""
        early, self._early = self._early, []
        for command, since in early:
            self._follow(command, since)

    def _follow(self, command: Command, since: float) -> None:
        """`since` is when it came, in time.monotonic()."""
        if time.monotonic() - since > command["arguments"]["remaining_ms"] / 1000:
            return
        post = self.posts.get(command["camera"])
        if command["order"] == "reconcile":
            self.ledger.look_soon()
            if post:
                post.quarantined = ""
                post.back_off.forgive()
                self.ledger.resolve(f"camera.quarantined:{post.wish.slug}")
            self._waiters.append((command, since))
            return
        if post is None and self._adopted_at < since:
            self._early.append((command, since))
            self.ledger.look_soon()
            return
        refusal = self._refusal(command, post)
        if refusal is not None:
            self._refuse(command, refusal)
            return
        assert post is not None
        assert post.child is not None
        message = {"type": command["order"], "command_id": command["command_id"], **command["arguments"]}
        post.outstanding[command["command_id"]] = {**command["arguments"], "handed": time.monotonic()}
        if command["order"] in {"start", "stop"}:
            post.ordered, post.ordered_at = command["arguments"]["session"], time.monotonic()
        if command["order"] == "configure":
            post.child.wished["settings"] |= command["arguments"].get("settings", {})
        if not post.child.send(message) and "id" not in command["arguments"]:
            post.outstanding.pop(command["command_id"], None)
            self._refuse(command, f"The process of {command['slug']} has just ended and is being started again.")

    def _refusal(self, command: Command, post: Post | None) -> str | None:
        """Why a camera cannot be told anything now; None when it can."""
        slug = command["slug"]
        if post is None:
            return f"The host {self.host} does not know {slug} yet. Try again in a moment."
        if not post.wish.enabled:
            return f"{slug} is disabled. Enable it first: `skycam cameras set {slug} --enabled`."
        if not post.wish.connected:
            return f"{slug} is disconnected. Connect it first: `skycam connect {slug}`."
        if post.quarantined:
            return f"{slug} is in quarantine. {post.quarantined}"
        if post.child is None or post.child.ending:
            why = post.observed[1]
            return f"The process of {slug} is being started again. {why}".strip()
        return None

    def _refuse(self, command: Command, detail: str) -> None:
        """Nothing reached a process, so a planned capture gets its verdict from here."""
        content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=detail)
        if command["order"] == "capture":
            self.ledger.settle(command["arguments"]["id"], "camera_unreachable", detail, command["command_id"], content)
        else:
            self.answer(command["command_id"], content)

    def _answer_waiters(self) -> None:
        """Those who asked to reconcile hear once the camera is as wished, or has said why it is not."""
        for command, since in list(self._waiters):
            post = self.posts.get(command["camera"])
            if self._adopted_at < since or post is None:
                continue
            observed, why = post.observed
            settled = observed in {"ready", "busy", "disconnected", "disabled", "quarantined"}
            if settled and (post.child is None or post.wish.runs):
                self._waiters.remove((command, since))
                self.answer(command["command_id"], Answer(ok=True, body={**self.herald.status(post)}))
            elif observed == "reconnecting" and time.monotonic() - since > 1.0:
                self._waiters.remove((command, since))
                content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=why)
                self.answer(command["command_id"], content)
            elif time.monotonic() - since > 30:
                self._waiters.remove((command, since))

    # What the processes say: each on its reader's thread

    def _hear(self, child: CameraChild, message: dict[str, Any]) -> None:
        post = next((post for post in list(self.posts.values()) if post.child is child), None)
        if post is None:
            post = self.posts[child.spec["camera"]]
        hear = getattr(self, f"_hear_{message['type']}", None)
        if hear is not None:
            hear(post, child, message)

    def _hear_observed(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        child.observed = (message["observed"], message["reason"])
        self.observe(post, *child.observed)

    def _hear_opened(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        post.identity = message["identity"]
        self.ledger.opened(post.wish.id, message["identity"], message["capabilities"])

    def _hear_settings(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        self.ledger.read_back(post.wish.id, post.wish.slug, message)

    def _hear_ladder(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        data = {"step": message["step"], "reason": message["reason"]}
        text = f"{message['step']}: {message['message']}"
        self.ledger.event("camera.ladder", text, "warning", post.wish.slug, data)

    def _hear_log(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        self.ledger.event(message["kind"], message["message"], message["level"], post.wish.slug, {})
        if message["kind"] in STORAGE_ALERTS:
            self.ledger.alert(f"{message['kind']}:{post.wish.root}", message["message"], "critical", post.wish.slug)

    def _hear_recovered(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        self.ledger.recovered(post, message)

    def _hear_spooled(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        command = message.get("command_id", "")
        post.outstanding.pop(command, None)
        self.ledger.take(post.wish, message["id"], command)

    def _hear_answer(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        post.outstanding.pop(message["command_id"], None)
        content = Answer(ok=message["ok"])
        for name in ("body", "problem", "reason", "detail"):
            if name in message:
                content[name] = message[name]
        if message.get("unstarted") and "id" in message:
            self.ledger.settle(message["id"], message["reason"], message["detail"], message["command_id"], content)
        else:
            self.ledger.after_what_was_spooled(functools.partial(self.answer, message["command_id"], content))

    def observe(self, post: Post, observed: str, reason: str) -> None:
        """On change only: into the database and the event log."""
        if (observed, reason) != post.told:
            post.told, post.since = (observed, reason), time.time()
            self.ledger.observed(post.wish.id, post.wish.slug, observed, reason)


def _newer(session: dict[str, Any], known: dict[str, Any] | None) -> bool:
    return known is None or known["id"] != session["id"] or known["revision"] < session["revision"]


_supervisor: Supervisor | None = None


def supervisor() -> Supervisor:
    """This worker's Supervisor. RuntimeError in a worker that is no camera host."""
    if _supervisor is None:
        raise RuntimeError("This worker is no camera host: it has no Supervisor.")
    return _supervisor


def install(made: Supervisor | None) -> None:
    global _supervisor
    _supervisor = made
