"""The owner: the one thread that touches the driver. It opens, exposes, streams, and never waits without a deadline."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import uuid6

from cameras.drivers import driver_class
from cameras.drivers.base import Aborted, CameraError, Capabilities, Driver, Exposure, ExposureRequest, Identity
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import OwnerClock, clock_state
from cameras.runtime.consumers import FrameConsumer, StillConsumer
from cameras.runtime.durable import LockLost
from cameras.runtime.link import Link
from cameras.runtime.programmes import Due, SessionBusy, SessionRunner
from cameras.runtime.recovery import Verdict
from cameras.runtime.sessions import iso
from cameras.runtime.spec import Spec
from cameras.runtime.spool import Plan, Record, is_out_of_space
from cameras.runtime.stills import Still, StillQueue, disk_sentence
from cameras.runtime.storage import RootMissing, SpoolTaken, Storage
from cameras.runtime.watch import Watch

log = logging.getLogger(__name__)
OPEN_S = 20.0
"""What opening a camera may take, in seconds."""
MOST_BACK_OFF_S = 60.0
FRAME_S = 2.0
REMEMBERED = 1000


class Owner:
    def __init__(self, spec: Spec, link: Link, clock: OwnerClock, watch: Watch, buffer: SharedFrameBuffer) -> None:
        self.spec, self.link, self.clock, self.watch, self.buffer = spec, link, clock, watch, buffer
        self.driver: Driver = driver_class(spec["kind"])(spec["address"], clock)
        self.settings = dict(spec["settings"])
        self.identity = Identity()
        self.capabilities = Capabilities()
        self.runner = SessionRunner(clock, spec["camera"], spec["slug"], spec["root"])
        self.frame_consumers: list[FrameConsumer] = []
        self.storage: Storage | None = None
        self.last_capture: dict[str, Any] | None = None
        self._orders: deque[dict[str, Any]] = deque()
        self._stills: deque[dict[str, Any]] = deque()
        self._after: deque[Exposure] = deque()
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._lost: Exception | None = None
        self._open = False
        self._failures = 0
        self._try_at = 0.0
        self._stop_reason = ""
        self._abort_reason = ""
        self._observed = ("starting", "")
        self._clock_waited_from = clock.monotonic()

    def use(self, writer: StillConsumer) -> None:
        self.writer = writer
        self.queue = StillQueue(writer, self.runner, self._spooled, self._storage_lost)

    # From other threads

    def take(self, message: dict[str, Any]) -> None:
        """An order from the link."""
        message["received"] = self.clock.monotonic()
        kind = message["type"]
        if kind == "abort":
            self.abort(message.get("reason", "interrupted"))
            return
        if kind == "stop":
            self._abort_reason = "session_stopped"
            if self._exposing_session == message["session"]["id"]:
                self.abort("session_stopped")
        (self._stills if kind == "capture" else self._orders).append(message)
        self.clock.wake()

    _exposing_session: str | None = None

    def abort(self, reason: str) -> None:
        self._abort_reason = reason
        self.clock.abort()
        self.driver.abort()

    def stop(self, reason: str = "station_stopped") -> None:
        """Finish and exit: the running exposure is aborted and recorded."""
        self._stop_reason = reason
        self.abort(reason)
        self.clock.wake()

    # The loop

    def run(self) -> None:
        while not self._stop_reason:
            self.clock.seen_work()
            if not self._has_storage():
                self.clock.wait(1.0)
                continue
            self._take_orders()
            self._after_records()
            if not self._is_open():
                self._fail_waiting_stills()
                self._due(unreachable=True)
                self.clock.wait(min(1.0, max(0.05, self._try_at - self.clock.monotonic())))
                continue
            self._work()
        self._finish()

    def _work(self) -> None:
        """One still, one frame, or a wait."""
        if self._stills:
            self._capture(self._stills.popleft())
            return
        due = self._due()
        if due and due.in_s <= 0:
            self._capture_for_session(due)
        elif any(consumer.wants_frames for consumer in self.frame_consumers):
            self._frame(due)
        else:
            self.clock.wait(min(1.0, due.in_s) if due else 1.0)

    def _finish(self) -> None:
        self._fail_waiting_stills("station_stopped", "The station was stopped before this capture began.")
        self.queue.stop(5.0)
        self._after_records()
        self.driver.close()
        if self.storage:
            self.storage.close()

    # Storage

    def _has_storage(self) -> bool:
        if self._lost:
            self._close_storage(self._lost)
        if self.storage:
            return True
        try:
            self._open_storage()
        except (RootMissing, SpoolTaken, OSError) as error:
            self._observe(
                "reconnecting", str(error), "root_missing" if isinstance(error, RootMissing) else "write_error"
            )
            self._refuse_waiting(error)
            return False
        return True

    def _open_storage(self) -> None:
        storage = Storage(self.spec["root_path"], self.spec["root"], self.spec["camera"])
        try:
            verdict = self.spec["verdict"]
            recovered = storage.recover(Verdict(**verdict) if verdict else None)
            storage.spool.refill_slots()
            self.runner.attach(storage.spool)
            if self.spec["session"]:
                self._order_session(self.spec["session"])
        except BaseException:
            storage.close()
            raise
        self.spec["verdict"] = None
        self.storage = storage
        self.link.send("recovered", **asdict(recovered))

    def _close_storage(self, error: Exception) -> None:
        self.queue.drain(5.0)
        self.runner.detach()
        self._lost = None
        if self.storage:
            self.storage.close()
            self.storage = None
        self.link.send("log", level="error", kind="storage.unmounted", message=str(error))

    def _storage_lost(self, error: Exception) -> None:
        self._lost = error
        self.clock.wake()

    def _refuse_waiting(self, error: Exception) -> None:
        """Nothing may be written, so no verdict is ours to give: the Supervisor gives it."""
        reason = "root_missing" if isinstance(error, RootMissing) else "write_error"
        for message in (*self._stills, *self._orders):
            self._answer(
                message, ok=False, problem="camera-not-reachable", reason=reason, detail=str(error), unstarted=True
            )
        self._stills.clear()
        self._orders.clear()

    # The driver

    def _is_open(self) -> bool:
        if self._open:
            return True
        if self.clock.monotonic() < self._try_at:
            return False
        try:
            self._open_driver()
        except CameraError as error:
            self._failed(error)
            return False
        return True

    def _open_driver(self) -> None:
        with self.watch.during("opening", OPEN_S + self.spec["margin_s"]):
            deadline = self.clock.monotonic() + OPEN_S
            self.identity = self.driver.open(deadline)
            self.capabilities = self.driver.capabilities()
            applied = self.driver.apply(self.settings, deadline)
        self._open, self._failures = True, 0
        self.link.send("opened", identity=asdict(self.identity), capabilities=asdict(self.capabilities))
        self._tell_settings(applied.actual, applied.warnings)
        self._observe("ready")

    def _tell_settings(self, actual: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
        body = {"actual": actual, "warnings": warnings, "read_at": iso(self.clock.wall_ns() / 1e9)}
        self.link.send("settings", **body)
        return body

    def _failed(self, error: CameraError) -> None:
        """Close, and try again after a while: at once, then 1 s to 60 s with jitter."""
        self._open = False
        with self.watch.during("closing", self.spec["margin_s"]):
            self.driver.close()
        pause = 0.0 if self._failures == 0 else min(MOST_BACK_OFF_S, 2.0 ** (self._failures - 1))
        self._failures += 1
        self._try_at = self.clock.monotonic() + pause * random.uniform(0.8, 1.2)
        self.runner.note_outage(error.reason, str(error))
        if self._observed != ("reconnecting", str(error)):
            self.link.send("ladder", step="reconnect", message=str(error), reason=error.reason)
        self._observe("reconnecting", str(error), error.reason)

    def _observe(self, state: str, why: str = "", reason: str = "") -> None:
        if self._observed != (state, why):
            self._observed = (state, why)
            self.link.send("observed", observed=state, reason=why, code=reason)

    # Orders

    def _take_orders(self) -> None:
        while self._orders:
            message = self._orders.popleft()
            try:
                self._follow(message)
            except CameraError as error:
                self._answer(message, ok=False, problem="camera-not-reachable", reason=error.reason, detail=str(error))
                self._failed(error)
            except SessionBusy as error:
                self._answer(message, ok=False, problem="held", detail=str(error))
            except OSError as error:
                self._answer(message, ok=False, problem="disk-full", detail=self._disk_sentence(error))
            self._told()

    def _follow(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind in {"start", "stop"}:
            self._answer(message, body=self._order_session(message["session"]))
        elif kind == "configure":
            self._configure(message)
        elif kind == "reopen":
            self._failed(CameraError("The Supervisor asked for the camera to be opened anew.", reason="camera_error"))
        elif kind == "withdraw":
            self._answer(message, body={"withdrawn": self._withdraw(message["id"])})
        else:
            for consumer in self.frame_consumers:
                consumer.order(message)

    def _order_session(self, order: Any) -> dict[str, Any]:
        answer = self.runner.order(order)
        self._told()
        return answer

    def _configure(self, message: dict[str, Any]) -> None:
        if message.get("session"):
            self._order_session(message["session"])
        if "settings" not in message:
            self._answer(message, body={})
            return
        self.settings |= message["settings"]
        if not self._is_open():
            raise CameraError(f"The settings are kept, and applied when the camera is back: {self._observed[1]}")
        with self.watch.during("applying settings", self.spec["margin_s"] + 5):
            applied = self.driver.apply(message["settings"], self.clock.monotonic() + 5)
        self._answer(message, body=self._tell_settings(applied.actual, applied.warnings))

    def _withdraw(self, capture: str) -> bool:
        """True when the capture will never begin here."""
        for message in list(self._stills):
            if message["id"] == capture:
                self._stills.remove(message)
        started = capture in self._seen or (self.storage is not None and self.storage.spool.has_trace(capture))
        return not started

    def _answer(self, message: dict[str, Any], *, ok: bool = True, **fields: Any) -> None:
        if message.get("command_id"):
            capture = {"id": message["id"]} if "id" in message else {}
            self.link.send("answer", command_id=message["command_id"], ok=ok, **capture, **fields)

    def _told(self) -> None:
        for record in self.runner.take_told():
            self.link.send("spooled", id=record)

    # Stills

    def _capture(self, message: dict[str, Any]) -> None:
        if message["id"] in self._seen:
            return
        waited = self.clock.monotonic() - message["received"]
        plan = self._plan(message["id"], message["asked"], planned=message["planned"], asked_by=message)
        if waited * 1000 > message["remaining_ms"]:
            self._fail(plan, "too_slow", "The camera was busy until the command's deadline was over.", message)
            return
        self._expose(plan, message)

    def _capture_for_session(self, due: Due) -> None:
        session = self.runner.session
        if session is None:
            return
        asked: dict[str, Any] = {
            name: session.programme[name]
            for name in ("exposure_us", "gain", "iso", "f_number")
            if name in session.programme
        }
        plan = self._plan(str(uuid6.uuid7()), asked, session=due, asked_by={"requested_by": session.created_by})
        self.runner.planned(due.index)
        self._exposing_session = due.session
        try:
            self._expose(plan, {})
        finally:
            self._exposing_session = None

    def _plan(
        self,
        capture: str,
        asked: dict[str, Any],
        *,
        asked_by: dict[str, Any],
        session: Due | None = None,
        planned: str = "",
    ) -> Plan:
        self._seen.append(capture)
        now = self.clock.moment()
        return Plan(
            id=capture,
            camera=self.spec["camera"],
            slug=self.spec["slug"],
            session=session.session if session else None,
            index=session.index if session else None,
            planned=planned or now.iso(),
            boot=now.boot,
            boot_s=now.boot_s,
            deadline_s=self._allowed_s(asked),
            path=self.writer.path(capture, datetime.fromtimestamp(now.wall, UTC)),
            asked=asked,
            requested_by=asked_by.get("requested_by", ""),
            job=asked_by.get("job", ""),
        )

    def _allowed_s(self, asked: dict[str, Any]) -> float:
        """Seconds that an exposure may take: itself, the readout, the margin."""
        return self._exposure_s(asked) + self.capabilities.readout_s + float(self.spec["margin_s"])

    def _exposure_s(self, asked: dict[str, Any]) -> float:
        own = self.settings.get("exposure_us") or 1_000_000
        return float(asked.get("exposure_us") or own) / 1e6

    def _expose(self, plan: Plan, message: dict[str, Any]) -> None:
        """Plan on the disk, shutter, and the picture to the still thread."""
        assert self.storage is not None
        storage, command = self.storage, message.get("command_id", "")
        try:
            storage.check()
            storage.spool.files.make_folders(plan["path"].rpartition("/")[0])
            storage.spool.plan(plan)
        except FileExistsError:
            return
        except (RootMissing, LockLost) as error:
            self._lost = error
            self._answer(
                message,
                ok=False,
                problem="camera-not-reachable",
                reason="root_missing",
                detail=str(error),
                unstarted=True,
            )
            return
        except OSError as error:
            reason = "disk_full" if is_out_of_space(error) else "write_error"
            self._fail(plan, reason, self._disk_sentence(error), message)
            return
        self._observe("busy")
        try:
            exposure = self._exposed(plan)
        except Aborted:
            self._aborted(plan, message)
        except CameraError as error:
            self._fail(plan, error.reason, str(error), message)
            self._failed(error)
        else:
            self._failures = 0
            self.queue.put(storage, Still(plan, self.identity, self.spec["kind"], exposure, command=command))
            if exposure.frame is not None:
                self.buffer.put_frame(exposure.frame)
            self._observe("ready")

    def _exposed(self, plan: Plan) -> Exposure:
        """The exposure, tried once more after reopening when it failed before the shutter."""
        request = ExposureRequest(**plan["asked"])
        deadline = self.clock.monotonic() + plan["deadline_s"]
        try:
            return self._shoot(request, deadline)
        except CameraError as error:
            if error.permanent or not error.before_shutter or self.clock.monotonic() >= deadline:
                raise
            self.driver.close()
            self._open_driver()
            return self._shoot(request, deadline)

    def _shoot(self, request: ExposureRequest, deadline: float) -> Exposure:
        self.clock.heeds_work = False
        try:
            with self.watch.during("exposing", max(0.1, deadline - self.clock.monotonic()) + 1.0):
                return self.driver.expose(request, deadline)
        finally:
            self.clock.heeds_work = True

    def _aborted(self, plan: Plan, message: dict[str, Any]) -> None:
        reason = self._abort_reason or "interrupted"
        sentences = {
            "station_stopped": "The station was stopped during the exposure.",
            "session_stopped": "The session was stopped during the exposure.",
            "camera_hung": "The camera did not deliver in time, and the exposure was aborted.",
        }
        self.clock.seen_abort()
        self._abort_reason = ""
        said = sentences.get(reason, "The exposure was aborted.")
        self._fail(plan, reason, said, message)
        self._observe("ready")
        if reason == "camera_hung":
            self._failed(CameraError(said))

    def _fail(self, plan: Plan, reason: str, message: str, order: dict[str, Any], outcome: str = "failed") -> None:
        """An outcome without a picture, in its turn behind what the still thread still writes."""
        assert self.storage is not None
        still = Still(
            plan, self.identity, self.spec["kind"], None, reason, message, outcome, order.get("command_id", "")
        )
        self.queue.put(self.storage, still)

    def _fail_waiting_stills(self, reason: str = "", message: str = "") -> None:
        while self._stills and self.storage:
            order = self._stills.popleft()
            plan = self._plan(order["id"], order["asked"], planned=order["planned"], asked_by=order)
            self._fail(plan, reason or "camera_unreachable", message or self._observed[1], order)

    def _spooled(self, record: Record, still: Still) -> None:
        """On the still thread: a record may be taken in now."""
        body = record["body"]
        self.last_capture = {
            "id": record["id"],
            "status": body["outcome"],
            "reason": body["reason"],
            "at": body["ended"],
        }
        self.link.send("spooled", id=record["id"], command_id=still.command)
        self._told()
        if still.exposure is not None and still.exposure.card:
            self._after.append(still.exposure)
        self.clock.wake()

    def _after_records(self) -> None:
        """Clear from the camera's card what is safe on ours."""
        while self._after and self._open:
            exposure = self._after.popleft()
            try:
                with self.watch.during("clearing the card", self.spec["margin_s"] + 5):
                    self.driver.forget(exposure, self.clock.monotonic() + 5)
            except CameraError as error:
                self._failed(error)

    # Sessions and frames

    def _due(self, *, unreachable: bool = False) -> Due | None:
        session = self.runner.session
        if session is None:
            return None
        if self._waits_for_clock():
            return None
        asked = {"exposure_us": session.programme["exposure_us"]}
        try:
            due = self.runner.due(self._exposure_s(asked) + 0.05, unreachable=unreachable)
        except OSError as error:
            self.link.send("log", level="error", kind="storage.full", message=self._disk_sentence(error))
            self.clock.wait(1.0)
            return None
        self._told()
        return due

    def _waits_for_clock(self) -> bool:
        """After a start of the machine a session waits for a clock to trust, at most a set time."""
        session = self.runner.session
        if session is None or session.last_end.boot == self.clock.moment().boot:
            return False
        waited = self.clock.monotonic() - self._clock_waited_from
        if clock_state() == "synchronised" or waited > self.spec["clock_wait_s"]:
            return False
        self._observe("ready", "The session waits for the machine's clock to be synchronised.", "clock")
        return True

    def _frame(self, due: Due | None) -> None:
        wait_s = min(FRAME_S, due.in_s) if due else FRAME_S
        try:
            with self.watch.during("waiting for a frame", FRAME_S + self.spec["margin_s"]):
                frame = self.driver.frame(self.clock.monotonic() + wait_s)
        except CameraError as error:
            self._failed(error)
            return
        if frame is not None:
            self.buffer.put_frame(frame)

    def _disk_sentence(self, error: OSError) -> str:
        return disk_sentence(self.storage, error) if self.storage else str(error)

    # What is reported each second

    def report(self) -> dict[str, Any]:
        doing, overdue = self.watch.look()
        newest = self.buffer.get_frame_for_streaming()
        return {
            "observed": self._observed[0],
            "reason": self._observed[1],
            "session": self.runner.describe() or None,
            "last_capture": self.last_capture,
            "last_frame": iso(newest.captured_ns / 1e9) if newest else None,
            "frames": self.buffer.frames,
            "doing": doing,
            "overdue_s": round(overdue, 3),
            "threads": threading.active_count(),
        }
