"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host; and `build_host`,
which builds it from its parts. It never touches the database, and uses the broker only to answer commands that came
through it. `DatabaseThread` and `StatusPublisher` use them on their own threads, so an outage of either delays no
restart."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from django.conf import settings

from cameras.live.presets import LoadShedder
from cameras.spool.durable import RootFiles
from cameras.supervision.alerts import CameraAlerts, FailureAlerts
from cameras.supervision.camera_slot import CameraSlots
from cameras.supervision.camera_status import CaptureTotals, LastCaptures, StatusBuilder
from cameras.supervision.child import FINISH_S
from cameras.supervision.command_results import BrokerAnswers, CommandResults, ReconcileWaiters
from cameras.supervision.command_router import Arrival, CommandIntake, CommandQueue, CommandRouter, CommandSender
from cameras.supervision.configured_gates import configured_gates
from cameras.supervision.database_thread import DatabaseThread
from cameras.supervision.desired_state import EndedSessions
from cameras.supervision.desired_state_sync import DesiredStateApplier, DesiredStateReader
from cameras.supervision.discovery import DiscoveryRunner
from cameras.supervision.gate_monitor import GateMonitor, GateReports, GateSender
from cameras.supervision.host_identity import HostLock
from cameras.supervision.ingester import Ingester
from cameras.supervision.lease import HostLease
from cameras.supervision.metrics import COLLECTION_FAILED, OUTBOX_LOST, DiskMeter, HostCollector
from cameras.supervision.outbox import Outbox
from cameras.supervision.ports import Liveness
from cameras.supervision.process_counters import ProcessCounters, StoredCounters
from cameras.supervision.process_manager import ProcessManager, ProcessStarter
from cameras.supervision.process_messages import EventWriter, ProcessMessages
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_policy import REOPENED, RestartSchedule
from cameras.supervision.recovery_steps import RESET_S, PortResetter, Quarantine, ReconnectWatcher
from cameras.supervision.spool_janitor import OutcomeReconciler, RecoveryRecorder, SpoolJanitor
from cameras.supervision.status_publisher import StatusPublisher, idle_core_s
from cameras.supervision.usb import UsbBus
from core import heartbeat
from core.collection_errors import COLLECTION_ERRORS
from core.limits.repeats import BackOff
from core.periodic.thread import task_of
from core.retrying_thread import RunNotes, known


@dataclass(frozen=True, slots=True)
class OtherThreads:
    """The threads of a camera host beside the Supervisor's own, which starts and stops them."""

    database: DatabaseThread
    status_publisher: StatusPublisher
    gates: GateMonitor
    command_queue: CommandQueue


@dataclass(frozen=True, slots=True)
class Rounds:
    """`before` and `after` the maintenance of the processes: what a round of the loop does, in this order."""

    before: Sequence[Callable[[], None]]
    after: Sequence[Callable[[], None]]


class Supervisor:
    """The loop, and the order in which the threads of a camera host start and stop. `build_host` builds it."""

    def __init__(
        self,
        lock: HostLock,
        processes: ProcessManager,
        rounds: Rounds,
        threads: OtherThreads,
        failures: FailureAlerts,
        janitor: SpoolJanitor,
        liveness: Liveness,
        woken: threading.Event,
    ) -> None:
        """Other threads set `woken` to make the loop run at once."""
        self._lock, self._processes, self._rounds, self._threads = lock, processes, rounds, threads
        self._failures, self._janitor, self._liveness, self._woken = failures, janitor, liveness, woken
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Raises HostLocked when this host already has a Supervisor."""
        self._lock.acquire()
        # Under the lock, or it would kill the cameras of a Supervisor that still runs. Before the threads, because an
        # orphan still has its camera open and holds the lock of its spool.
        self._processes.kill_orphans()
        self._threads.database.start()
        self._threads.status_publisher.start()
        self._threads.gates.start()
        self._thread.start()
        self._threads.command_queue.start()

    def stop(self) -> None:
        """Finish every camera process, ingest what they left, then withdraw the heartbeat. Idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._woken.set()
        # In this order: no further command is received, the database thread ingests what the processes left, and only
        # then is the heartbeat withdrawn and may another Supervisor start.
        self._threads.command_queue.stop()
        if self._thread.is_alive():
            # FINISH_S for all processes together, and the rest for those that have to be killed.
            self._thread.join(FINISH_S + 3)
        self._threads.gates.stop()
        self._threads.database.stop()
        self._threads.status_publisher.stop()
        self._lock.release()

    def tick(self) -> None:
        """One round of the loop."""
        # First: an error in a step below becomes an alert, but without heartbeats the launcher would kill the
        # worker with all its cameras.
        self._liveness.beat()
        heartbeat.send_heartbeat()
        for step in (*self._rounds.before, self._processes.maintain_processes, *self._rounds.after):
            step()

    def _run(self) -> None:
        task = task_of("supervisor")
        interval_s, notes = task.fixed_interval_s, RunNotes(task.name)
        with known(notes):
            while not self._stopping.is_set():
                notes.begin()
                self._failures.run_safely(None, self.tick)
                notes.end(interval_s)
                self._woken.wait(interval_s)
                # Before the next tick, not after it: what arrives during a tick ends the next wait at once.
                self._woken.clear()
        self._processes.finish_processes(self._janitor.recover_spool)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the threads of a camera host share. `work` wakes the database thread, `woken` the Supervisor's."""

    host: str
    run_folder: Path
    bus: UsbBus
    slots: CameraSlots = field(default_factory=CameraSlots)
    ended_sessions: EndedSessions = field(default_factory=EndedSessions)
    last_captures: LastCaptures = field(default_factory=LastCaptures)
    capture_totals: CaptureTotals = field(default_factory=CaptureTotals)
    counters: ProcessCounters = field(default_factory=ProcessCounters)
    answers: BrokerAnswers = field(default_factory=BrokerAnswers)
    work: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class DatabaseParts:
    """What reads and writes the database, on the database thread."""

    lease: HostLease
    outbox: Outbox
    events: EventWriter
    ingester: Ingester
    outcomes: OutcomeReconciler
    reader: DesiredStateReader
    janitor: SpoolJanitor
    recoveries: RecoveryRecorder


def build_database_parts(shared: Shared) -> DatabaseParts:
    host, slots, answers, wake = shared.host, shared.slots, shared.answers, shared.work.set
    lease = HostLease(host)
    outbox = Outbox(lease, wake)
    ingester = Ingester(lease, slots, answers, shared.ended_sessions, shared.last_captures, wake)
    outcomes = OutcomeReconciler(host, lease, slots, answers, outbox)
    reader = DesiredStateReader(host, lease, shared.last_captures, shared.capture_totals, wake, shared.woken.set)
    return DatabaseParts(
        lease, outbox, EventWriter(outbox, shared.counters), ingester, outcomes, reader,
        janitor=SpoolJanitor(host, slots, reader, outbox, ingester, outcomes),
        recoveries=RecoveryRecorder(outbox, ingester, outcomes),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """`reopened` is the number of failures in a row after which a camera is unreachable and its process is replaced;
    `reset_s` is how long a reset of its USB port is waited for. `idle_core_s` is the time for which the machine's cores
    have been idle."""

    reopened: int = REOPENED
    reset_s: float = RESET_S
    idle_core_s: Callable[[], float] = idle_core_s


@dataclass(frozen=True, slots=True)
class RecoveryParts:
    """What brings a camera back, on the Supervisor's thread."""

    quarantine: Quarantine
    alerts: CameraAlerts
    ladder: RecoveryLadder
    watcher: ReconnectWatcher


def build_recovery_parts(shared: Shared, events: EventWriter, options: RecoveryOptions) -> RecoveryParts:
    quarantine = Quarantine(events)
    alerts = CameraAlerts(events, quarantine, options.reopened)
    resetter = PortResetter(events, shared.bus, shared.woken.set, options.reset_s)
    reset_port = resetter.reset_port if settings.STATION.supervision.usb_reset else None
    ladder = RecoveryLadder(events, alerts, quarantine, reset_port, options.idle_core_s, options.reopened)
    return RecoveryParts(quarantine, alerts, ladder, ReconnectWatcher(shared.slots, shared.bus, events, quarantine))


def build_processes(
    shared: Shared,
    data: DatabaseParts,
    recovery: RecoveryParts,
    failures: FailureAlerts,
    messages: ProcessMessages,
    gates: GateMonitor,
    idle_core_s: Callable[[], float],
) -> ProcessManager:
    register = shared.run_folder / f"cameras-{shared.host}.json"
    starter = ProcessStarter(
        shared.slots, register, data.events, shared.ended_sessions, messages.handle_message, gates.statuses, idle_core_s
    )
    session_watch = SessionWatch(recovery.alerts, recovery.ladder)
    return ProcessManager(
        shared.slots, register, starter, data.events, shared.answers, recovery.ladder, session_watch, failures
    )


def build_commands(
    shared: Shared, data: DatabaseParts, statuses: StatusBuilder, quarantine: Quarantine
) -> tuple[CommandIntake, CommandRouter]:
    waiting: queue.Queue[Arrival] = queue.Queue()
    sender = CommandSender(shared.host, data.reader, data.outcomes, shared.answers)
    waiters = ReconcileWaiters(shared.slots, statuses, shared.answers)
    discovery = DiscoveryRunner(shared.host, shared.slots, shared.answers)
    router = CommandRouter(
        shared.slots, waiting, sender, waiters, quarantine, shared.answers, discovery.request_discovery,
        data.reader.read_soon,
    )  # fmt: skip
    return CommandIntake(shared.slots, sender, data.outcomes, waiting, shared.woken.set), router


@dataclass(frozen=True, slots=True)
class Host:
    """The parts of a camera host. The worker uses `supervisor`, `disks`, `counters` and `metrics`; tests reach for the
    others."""

    supervisor: Supervisor
    slots: CameraSlots
    data: DatabaseParts
    database: DatabaseThread
    recovery: RecoveryParts
    statuses: StatusBuilder
    status_publisher: StatusPublisher
    applier: DesiredStateApplier
    processes: ProcessManager
    messages: ProcessMessages
    router: CommandRouter
    disks: DiskMeter
    counters: StoredCounters
    metrics: HostCollector


DEFAULT = RecoveryOptions()


def build_host(run_folder: Path | None = None, bus: UsbBus | None = None, options: RecoveryOptions = DEFAULT) -> Host:
    """Build the parts; nothing is started. `run_folder` is the station's by default."""
    station = settings.STATION
    shared = Shared(station.host, run_folder or Path(station.data) / "run", bus or UsbBus())
    host, slots = shared.host, shared.slots
    data = build_database_parts(shared)
    database = DatabaseThread(data.lease, data.ingester, data.outbox, data.reader, data.janitor, shared.work)
    gates = GateMonitor(configured_gates(station), slots, GateReports(data.events, host))
    # The heartbeat needs both: a host whose command queue hangs must not pass as reachable.
    loops = supervisor_loop, queue_loop = Liveness(), Liveness()
    # The load of the whole machine: encoding is the work of the camera processes, not of this one.
    load_shedder = LoadShedder(station.live_streaming_config.cpu_thresholds, psutil.cpu_percent)
    statuses = StatusBuilder(slots, shared.last_captures, shared.capture_totals, load_shedder, gates.statuses)
    status_publisher = StatusPublisher(host, slots, statuses, data.reader, load_shedder, loops)
    recovery = build_recovery_parts(shared, data.events, options)
    results = CommandResults(
        data.ingester, data.outcomes, shared.answers, data.recoveries.record_recovery, status_publisher.publish_status
    )
    messages = ProcessMessages(slots, data.events, shared.bus, results, shared.counters)
    failures = FailureAlerts(data.events)
    processes = build_processes(shared, data, recovery, failures, messages, gates, options.idle_core_s)
    applier = DesiredStateApplier(slots, recovery.alerts, shared.ended_sessions, new_schedule)
    intake, router = build_commands(shared, data, statuses, recovery.quarantine)
    rounds = Rounds(
        # One snapshot: `cameras` of a reading without the host's name and `is_complete` of a later one would together
        # release every camera.
        before=(
            lambda: applier.apply_snapshot(data.reader.snapshot), router.route_waiting, recovery.watcher.check_bus,
        ),
        # Last: after an error here the cameras are still supervised, and their gates close after a while.
        after=(gates.evaluate_gates, GateSender(slots, gates.statuses).send_gates),
    )  # fmt: skip
    command_queue = CommandQueue(host, intake.route_command, queue_loop, data.reader)
    threads = OtherThreads(database, status_publisher, gates, command_queue)
    lock = HostLock(host, shared.run_folder)
    supervisor = Supervisor(lock, processes, rounds, threads, failures, data.janitor, supervisor_loop, shared.woken)
    disks, counters = DiskMeter(host, slots), build_counters(shared, data)
    return Host(
        supervisor, slots, data, database, recovery, statuses, status_publisher, applier, processes, messages, router,
        disks, counters, HostCollector(slots, counters, disks, data.outbox, data.ingester, database),
    )  # fmt: skip


def build_counters(shared: Shared, data: DatabaseParts) -> StoredCounters:
    return StoredCounters(
        shared.host,
        functools.partial(RootFiles, str(shared.run_folder)),
        [
            shared.counters.totals,
            lambda: {OUTBOX_LOST: data.outbox.lost, COLLECTION_FAILED: COLLECTION_ERRORS.number},
        ],
        data.events,
    )


def new_schedule() -> RestartSchedule:
    """The restart schedule of a new camera, as configured."""
    supervision = settings.STATION.supervision
    return RestartSchedule(BackOff(supervision.healthy_s, supervision.crash_loop_exits, supervision.crash_loop_s))
