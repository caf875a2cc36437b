"""The ladder as it is climbed for one camera after another: each step with its event and its reason.

abort -> reopen -> kill the process -> wait -> reset its USB port -> quarantine. On the Supervisor's thread.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings

from cameras.supervision.child import CameraChild, exit_reason
from cameras.supervision.ladder import REOPENED
from cameras.supervision.usb import UsbBus, UsbError

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

CRASH_SIGNALS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
FAULTY = ("camera_error", "too_slow")
RECOUNT_S = 2.5
"""What a process says of its failures is up to a second old."""
RESET_S = 30.0
"""The reset of a USB port that takes longer may never end, and is not waited for."""
BY_HAND = "a person"
RECORDER_ALERTS = ("failed", "lost", "left")
"""Those that a process tells of under `recording.`, and another would have to say are over."""


class Climbing:
    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self.reopened = REOPENED
        self.resets_usb = settings.STATION.supervision.usb_reset

    def tell(self, post: Post, step: str, why: str, severity: str = "warning", **data: Any) -> None:
        """The event of a step."""
        text, data = f"{step}: {why}", {"step": step, **data}
        self.supervisor.ledger.event("camera.ladder", text, severity, post.wish.slug, data)

    # A process that runs

    def watch(self, post: Post, child: CameraChild) -> None:
        if child.killed:
            return
        self._alert(post, child)
        step = post.ladder.look(time.monotonic(), child.state.get("overdue_s", 0.0), child.silent_s())
        if step is not None:
            self._climb(post, child, step)
        elif child.state.get("failures", 0) >= self.reopened and self._is_stuck(post, child):
            why = f"{post.wish.slug} failed {child.state['failures']} times in a row: {child.observed[1]}"
            self._kill(post, child, why, {"reason": "camera_error", "message": child.observed[1]})

    def _alert(self, post: Post, child: CameraChild) -> None:
        """Of a camera that is tried again and again, until it is open."""
        observed, why = child.observed
        if observed == "reconnecting" and not post.missed and child.state.get("failures", 0) >= self.reopened:
            post.missed = True
            said = f"{post.wish.slug} cannot be opened, and is tried again and again. {why}"
            self.supervisor.ledger.alert(f"camera.unreachable:{post.wish.slug}", said, "error", post.wish.slug)
        elif post.missed and observed in {"ready", "busy"}:
            self._found(post)

    def _found(self, post: Post) -> None:
        post.missed = False
        self.supervisor.ledger.resolve(f"camera.unreachable:{post.wish.slug}")

    def _is_stuck(self, post: Post, child: CameraChild) -> bool:
        """It is there and does not work. One that is away, or held by another program, is waited for."""
        trouble = child.state.get("trouble")
        if child.observed[0] != "reconnecting" or not trouble or trouble["permanent"]:
            return False
        if time.monotonic() - post.retried_at < RECOUNT_S:
            return False
        if post.usb is None:
            return trouble["reason"] in FAULTY
        return trouble["reason"] in (*FAULTY, "camera_unreachable") and bool(post.last_seen)

    def _climb(self, post: Post, child: CameraChild, step: str) -> None:
        doing = child.state.get("doing", "starting")
        why = f"{post.wish.slug} did not come back from {doing}."
        if step == "kill":
            message = f"The camera hung while {doing}; its process was killed."
            self._kill(post, child, why, {"reason": "camera_hung", "message": message}, doing=doing)
            return
        self.tell(post, step, why, doing=doing, reason="camera_hung")
        child.send({"type": "abort", "reason": "camera_hung"} if step == "abort" else {"type": "reopen"})

    def _kill(self, post: Post, child: CameraChild, why: str, verdict: dict[str, str], **data: Any) -> None:
        self.tell(post, "kill", why, reason=verdict["reason"], **data)
        post.verdict = verdict
        child.kill()

    # A process that has ended

    def restart(self, post: Post, status: int, *, delivered: bool) -> None:
        """Say why it ended, and when it is started again, if it is."""
        reason, climbed = exit_reason(status), post.verdict is not None
        if any(name in reason for name in CRASH_SIGNALS) or status > 0:
            message = f"The camera's process crashed ({reason})."
            post.verdict = post.verdict or {"reason": "camera_crashed", "message": message}
        said = post.verdict["message"] if post.verdict else f"The camera's process was {reason}."
        data = {"reason": reason}
        self.supervisor.ledger.event("part.restarted", f"{post.wish.slug}: {said}", "error", post.wish.slug, data)
        if post.restarts.ended(time.monotonic(), said, fruitless=climbed and not delivered):
            self.quarantine(post, said)
            return
        self.supervisor.observe(post, "reconnecting", said)
        self._wait(post, said)
        if self.resets_usb and post.restarts.tries_left == 1 and post.usb is not None:
            self._reset_usb(post)

    def _wait(self, post: Post, said: str) -> None:
        pause_s = post.restarts.not_before - time.monotonic()
        if pause_s > 0:
            why = f"{post.wish.slug} is started again in {pause_s:.1f} s: {said}"
            self.tell(post, "back_off", why, pause_s=round(pause_s, 1), failures=post.restarts.failures, reason=said)

    def _reset_usb(self, post: Post) -> None:
        """On a thread of its own: the kernel may take seconds."""
        post.resetting_until = time.monotonic() + RESET_S
        threading.Thread(target=self._reset, args=(post,), name=f"{post.wish.slug}-usb", daemon=True).start()

    def _reset(self, post: Post) -> None:
        try:
            assert post.usb is not None
            device = self.bus.find(post.usb)
            if device is None:
                raise UsbError(f"{post.wish.slug} is not on the USB bus, or another device is just like it.")
            self.bus.reset(device)
            self.tell(post, "usb_reset", f"The USB port of {post.wish.slug} was reset.", place=device.place)
        except UsbError as error:
            self.tell(post, "usb_reset", f"Not possible: {error}", "error", reason=str(error))
        finally:
            post.resetting_until = 0.0
            self.supervisor.wake()

    # Quarantine

    def quarantine(self, post: Post, said: str) -> None:
        post.quarantined = (
            f"It failed {post.restarts.failures} times in a row, the last time because: {said} "
            f"Look at the camera and the log, then `skycam connect {post.wish.slug}`."
        )
        post.last_seen = None
        self.tell(post, "quarantine", post.quarantined, "error", failures=post.restarts.failures, reason=said)
        key = f"camera.quarantined:{post.wish.slug}"
        self.supervisor.ledger.alert(key, post.quarantined, "critical", post.wish.slug)
        self.supervisor.observe(post, "quarantined", post.quarantined)

    def forgive(self, post: Post, who: str = "", said: str = "") -> None:
        """Out of quarantine, if it was in one: by this Supervisor, or by one before it that left its alert behind."""
        if post.quarantined and who:
            self.tell(post, "release", said or f"{post.wish.slug} was released by {who}.", "info", reason=who)
        post.quarantined = ""
        post.restarts.forgive()
        self.supervisor.ledger.resolve(f"camera.quarantined:{post.wish.slug}")

    def adopt(self, post: Post) -> None:
        """A camera that is new to this Supervisor: the alerts that one before it left behind are over."""
        self.forgive(post)
        self._found(post)
        if not post.wish.runs:
            post.alerts |= {f"recording.{about}:{post.wish.slug}" for about in RECORDER_ALERTS}

    def let_go(self, post: Post) -> None:
        """It is no longer wished for: there is nothing to alert of."""
        if post.quarantined:
            self.forgive(post, BY_HAND)
        if post.missed:
            self._found(post)
        while post.alerts and post.child is None:
            self.supervisor.ledger.resolve(post.alerts.pop())

    def try_now(self, post: Post) -> None:
        """A person says so: no pause is waited out."""
        self.forgive(post, BY_HAND)
        post.retry()
