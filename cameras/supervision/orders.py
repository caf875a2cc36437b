"""Commands from the mailbox to the cameras of this host, and what is said when one cannot be told."""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Any

from cameras import broker
from cameras.control import Answer, Command
from cameras.supervision.child import CameraChild
from cameras.supervision.ledger import Ledger
from cameras.supervision.post import Handed, Post

if TYPE_CHECKING:
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
FORGOTTEN_S = 30.0
"""Who asked to reconcile and has heard nothing for so long waits no more."""
TRIED_S = 1.5
"""A camera that was asked to be tried again has been, after this, unless it is still being opened."""
LONGEST_S = 60.0
"""No command may be begun so long after it was sent."""
REMEMBERED = 10_000


class Orders:
    """Hands commands to the processes. `hand` runs on the mailbox's thread, and so does all of a capture that a process
    takes at once; only that thread uses `_came`. What is not for it goes through `_queue` to the Supervisor's thread,
    which alone uses `_waiters` and `_early`, and writes what a post knows of its commands."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._queue: queue.Queue[tuple[Command, float]] = queue.Queue()
        self._waiters: list[tuple[Command, float]] = []
        self._early: list[tuple[Command, float]] = []
        self._came: dict[str, None] = {}
        self._began = time.monotonic()

    @property
    def ledger(self) -> Ledger:
        return self.supervisor.ledger

    def hand(self, command: Command) -> None:
        """On the mailbox's thread: past its deadline a command is not begun. A capture for a process that listens goes
        down its link at once; everything else is the Supervisor's thread's."""
        with broker.reachable() as server:
            left = command["deadline_ms"] - broker.time_ms(server)
        if left <= 0:
            log.info("%s for %s came after its deadline", command["order"], command["slug"])
            return
        command["arguments"]["remaining_ms"] = left
        if command["order"] == "capture":
            if self._came_before(command["arguments"]["id"]):
                return
            post = self.supervisor.posts.get(command["camera"])
            child = post.child if post else None
            if post and child and self._refusal(command, post, child) is None:
                self._send(command, post, child)
                return
        self._queue.put((command, time.monotonic()))
        self.supervisor.wake()

    def _came_before(self, capture: str) -> bool:
        """An id is exposed once, however often it comes. What an earlier Supervisor was given has its outcome in the
        ledger, and after LONGEST_S nothing of it can come any more."""
        if capture in self._came:
            return True
        self._came[capture] = None
        if len(self._came) > REMEMBERED:
            del self._came[next(iter(self._came))]
        return time.monotonic() - self._began < LONGEST_S and self.ledger.outcomes.is_settled(capture)

    def follow_all(self) -> None:
        """On the Supervisor's thread: what was handed over, what came too early, and who waits for a state."""
        while not self._queue.empty():
            self._follow(*self._queue.get())
        self._follow_early()
        self._answer_waiters()

    def _follow_early(self) -> None:
        """Commands for cameras that were not known when they came: a camera was just added."""
        early, self._early = self._early, []
        for command, since in early:
            self._follow(command, since)

    def _follow(self, command: Command, since: float) -> None:
        """`since` is when it came, in time.monotonic()."""
        if time.monotonic() - since > command["arguments"]["remaining_ms"] / 1000:
            return
        if command["order"] == "detect":
            self.supervisor.detecting.ask(command["command_id"])
            return
        post = self.supervisor.posts.get(command["camera"])
        if command["order"] == "reconcile":
            self.ledger.look_soon()
            if post:
                self.supervisor.climbing.try_now(post)
            self._waiters.append((command, since))
            return
        if post is None and self.supervisor.adopted_at < since:
            self._early.append((command, since))
            self.ledger.look_soon()
            return
        if post is not None and post.is_first_start:
            self._early.append((command, since))
            return
        if command["order"] == "faults" and post is not None:
            self._cause(command, post)
            return
        child = post.child if post else None
        refusal = self._refusal(command, post, child)
        if refusal is not None:
            self._refuse(command, refusal)
            return
        assert post is not None
        assert child is not None
        self._send(command, post, child)

    def _cause(self, command: Command, post: Post) -> None:
        """Faults that a simulated camera shall have, or (none named) has. Its next process begins with them; to clear
        them ends a quarantine, as if the camera were mended."""
        wanted = command["arguments"].get("faults")
        if wanted is None:
            self.supervisor.answer(command["command_id"], Answer(ok=True, body={"faults": post.faults}))
            return
        post.faults = wanted
        if not wanted and post.quarantined:
            self.supervisor.climbing.forgive(post, "the end of its faults")
        if post.child is not None and not post.child.ending:
            self._send(command, post, post.child)
        else:
            self.supervisor.answer(command["command_id"], Answer(ok=True, body={"faults": wanted}))

    def _send(self, command: Command, post: Post, child: CameraChild) -> None:
        message = {"type": command["order"], "command_id": command["command_id"], **command["arguments"]}
        post.outstanding.add(command["command_id"], Handed(command["arguments"].get("id"), child))
        if command["order"] in {"start", "stop"}:
            post.ordered, post.ordered_at = command["arguments"]["session"], time.monotonic()
        if command["order"] == "record":
            post.recorded_at = time.monotonic()
            post.recording = message["recording"] = self._as_here(message["recording"])
            child.desired = {**child.desired, "recording": post.recording}
        if command["order"] == "configure":
            post.configured_at = time.monotonic()
            known = {} if command["arguments"].get("whole") else child.desired["settings"]
            post.settings = {**known, **command["arguments"].get("settings", {})}
            child.desired = {**child.desired, "settings": post.settings}
        sent = child.send(message)
        if not sent and "id" not in command["arguments"] and post.outstanding.remove(command["command_id"]):
            self._refuse(command, f"The process of {command['slug']} has just ended and is being started again.")

    def _as_here(self, recording: dict[str, Any] | None) -> dict[str, Any] | None:
        """What was asked for, recorded as this host is configured: who asks may have another configuration."""
        return {**recording, **self.ledger.seen.recording} if recording else None

    def _refusal(self, command: Command, post: Post | None, child: CameraChild | None) -> str | None:
        """Why a camera whose process is `child` cannot be told anything now; None when it can."""
        slug = command["slug"]
        if post is None or post.desired.elsewhere:
            return f"The host {self.supervisor.host} does not know {slug}. Try again in a moment."
        if not post.desired.enabled:
            return f"{slug} is disabled. Enable it first: `skycam cameras set {slug} --enabled`."
        if not post.desired.connected:
            return f"{slug} is disconnected. Connect it first: `skycam connect {slug}`."
        if post.quarantined:
            return f"{slug} is in quarantine. {post.quarantined}"
        if child is None or child.ending:
            why = post.observed[1]
            return f"The process of {slug} is being started again. {why}".strip()
        return None

    def _refuse(self, command: Command, detail: str) -> None:
        """Nothing reached a process, so the outcome of a planned capture is decided here."""
        content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=detail)
        if command["order"] == "capture":
            self.ledger.settle(command["arguments"]["id"], "camera_unreachable", detail, command["command_id"], content)
        else:
            self.supervisor.answer(command["command_id"], content)

    def _answer_waiters(self) -> None:
        """Those who asked to reconcile hear once the camera is as desired, or has said why it is not."""
        for command, since in list(self._waiters):
            post = self.supervisor.posts.get(command["camera"])
            if self.supervisor.adopted_at < since or post is None:
                continue
            observed, why = post.observed
            settled = observed in {"ready", "busy", "disconnected", "disabled", "quarantined"}
            if settled and (post.child is None or post.desired.runs):
                self._waiters.remove((command, since))
                content = Answer(ok=True, body={**self.supervisor.herald.status(post)})
                self.supervisor.answer(command["command_id"], content)
            elif observed == "reconnecting" and time.monotonic() - since > TRIED_S and not post.is_opening:
                self._waiters.remove((command, since))
                content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=why)
                self.supervisor.answer(command["command_id"], content)
            elif time.monotonic() - since > FORGOTTEN_S:
                self._waiters.remove((command, since))
