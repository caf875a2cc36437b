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
from cameras.supervision.post import PortReset
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
    """Has no state of its own that changes. All on the Supervisor's thread, but for `_reset`, which only ends the
    `PortReset` that it was given; `tell` is for any thread."""

    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self.reopened = REOPENED
        self.resets_usb = settings.STATION.supervision.usb_reset

    def tell(self, post: Post, step: str, why: str, severity: str = "warning", **data: Any) -> None:
        """The event of a step; `why` is the whole sentence."""
        self.supervisor.ledger.event("camera.ladder", why, severity, post.desired, {"step": step, **data})

    # A process that runs

    def watch(self, post: Post, child: CameraChild) -> None:
        if child.killed:
            return
        self._alert(post, child)
        step = post.ladder.look(time.monotonic(), child.state.get("overdue_s", 0.0), child.silent_s())
        if step is not None:
            self._climb(post, child, step)
        elif child.state.get("failures", 0) >= self.reopened and self._is_stuck(post, child):
            why = f"{post.desired.slug} failed {child.state['failures']} times in a row: {child.observed[1]}"
            self._kill(post, child, why, {"reason": "camera_error", "message": child.observed[1]})

    def _alert(self, post: Post, child: CameraChild) -> None:
        """Of a camera that is tried again and again, until it is open; of one that breaks off each time, until it is
        well."""
        observed, why = child.observed
        fails = child.state.get("failures", 0) >= self.reopened
        breaks_off = child.state.get("unopened", 0) == 0
        if observed == "reconnecting" and not post.missed and fails:
            post.missed = True
            said = "breaks off again and again" if breaks_off else "cannot be opened, and is tried again and again"
            said = f"{post.desired.slug} {said}. {why}"
            self.supervisor.ledger.alert(f"camera.unreachable:{post.desired.slug}", said, "error", post.desired)
        elif post.missed and observed in {"ready", "busy"} and not (fails and breaks_off):
            self._found(post)

    def _found(self, post: Post) -> None:
        post.missed = False
        self.supervisor.ledger.resolve(f"camera.unreachable:{post.desired.slug}")

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
        why = f"{post.desired.slug} did not come back from {doing}"
        if step == "kill":
            message = f"The camera hung while {doing}; its process was killed."
            self._kill(post, child, f"{why}.", {"reason": "camera_hung", "message": message}, doing=doing)
            return
        done = "its driver is told to abort" if step == "abort" else "the camera is closed and opened again"
        self.tell(post, step, f"{why}: {done}.", doing=doing, reason="camera_hung")
        child.send({"type": "abort", "reason": "camera_hung"} if step == "abort" else {"type": "reopen"})

    def _kill(self, post: Post, child: CameraChild, why: str, decided: dict[str, str], **data: Any) -> None:
        self.tell(post, "kill", f"{why} Its process is killed and started again.", reason=decided["reason"], **data)
        post.decided_outcome = decided
        child.kill()

    # A process that has ended

    def restart(self, post: Post, status: int, *, delivered: bool) -> None:
        """Say why it ended, and when it is started again, if it is."""
        reason, climbed = exit_reason(status), post.decided_outcome is not None
        if any(name in reason for name in CRASH_SIGNALS) or status > 0:
            message = f"The camera's process crashed ({reason})."
            post.decided_outcome = post.decided_outcome or {"reason": "camera_crashed", "message": message}
        said = post.decided_outcome["message"] if post.decided_outcome else f"The camera's process was {reason}."
        gives_up = post.restarts.ended(time.monotonic(), said, fruitless=climbed and not delivered)
        pause_s = 0.0 if gives_up else max(0.0, post.restarts.not_before - time.monotonic())
        when = "" if gives_up else f" It is started again {f'in {pause_s:.0f} s' if pause_s >= 1 else 'at once'}."
        data = {"reason": reason, "message": said}
        self.supervisor.ledger.event(
            "part.restarted", f"{post.desired.slug}: {said}{when}", "error", post.desired, data
        )
        if gives_up:
            self.quarantine(post, said)
            return
        self.supervisor.observe(post, "reconnecting", said)
        self._tell_wait(post, said, pause_s)
        if self.resets_usb and post.restarts.tries_left == 1 and post.usb is not None:
            self._reset_usb(post)

    def _tell_wait(self, post: Post, said: str, pause_s: float) -> None:
        if pause_s > 0:
            why = f"{post.desired.slug} is started again in {pause_s:.1f} s: {said}"
            self.tell(post, "back_off", why, pause_s=round(pause_s, 1), failures=post.restarts.failures, reason=said)

    def _reset_usb(self, post: Post) -> None:
        """On a thread of its own: the kernel may take seconds."""
        post.port_reset = PortReset(time.monotonic() + RESET_S)
        name = f"{post.desired.slug}-usb"
        threading.Thread(target=self._reset, args=(post, post.port_reset), name=name, daemon=True).start()

    def _reset(self, post: Post, port_reset: PortReset) -> None:
        usb = post.usb
        try:
            assert usb is not None
            device = self.bus.find(usb)
            if device is None:
                raise UsbError(f"{post.desired.slug} is not on the USB bus, or another device is just like it.")
            self.bus.reset(device)
            self.tell(post, "usb_reset", f"The USB port of {post.desired.slug} was reset.", place=device.place)
        except UsbError as error:
            why = f"The USB port of {post.desired.slug} cannot be reset. {error}"
            self.tell(post, "usb_reset", why, "error", reason=str(error))
        finally:
            port_reset.end()
            self.supervisor.wake()

    # Quarantine

    def quarantine(self, post: Post, said: str) -> None:
        post.quarantined = (
            f"It failed {post.restarts.failures} times in a row, the last time because: {said} "
            "Look at the camera and the log, then connect it."
        )
        whole = f"{post.desired.slug} is quarantined. {post.quarantined}"
        post.last_seen = None
        self.tell(post, "quarantine", whole, "error", failures=post.restarts.failures, reason=said)
        key = f"camera.quarantined:{post.desired.slug}"
        self.supervisor.ledger.alert(key, whole, "critical", post.desired)
        self.supervisor.observe(post, "quarantined", post.quarantined)

    def forgive(self, post: Post, who: str = "", said: str = "") -> None:
        """Out of quarantine, if it was in one: by this Supervisor, or by one before it that left its alert behind."""
        if post.quarantined and who:
            self.tell(post, "release", said or f"{post.desired.slug} was released by {who}.", "info", reason=who)
        post.quarantined = ""
        post.restarts.forgive()
        self.supervisor.ledger.resolve(f"camera.quarantined:{post.desired.slug}")

    def adopt(self, post: Post) -> None:
        """A camera that is new to this Supervisor: the alerts that one before it left behind are over."""
        self.forgive(post)
        self._found(post)
        if not post.desired.runs:
            post.alerts.add(*(f"recording.{about}:{post.desired.slug}" for about in RECORDER_ALERTS))

    def let_go(self, post: Post) -> None:
        """It is no longer desired: there is nothing to alert of."""
        if post.quarantined:
            self.forgive(post, BY_HAND)
        if post.missed:
            self._found(post)
        for key in post.alerts.remove_all() if post.child is None else ():
            self.supervisor.ledger.resolve(key)

    def try_now(self, post: Post) -> None:
        """A person says so: no pause is waited out."""
        self.forgive(post, BY_HAND)
        post.retry()
