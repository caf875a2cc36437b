"""Builds the parts of a camera process and connects them; and `StateReporter`, which reports the state of them all
each second."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cameras.drivers import driver_class
from cameras.drivers.abilities import NetworkDevice, SiteAware, TelescopeAware
from cameras.drivers.base import Driver
from cameras.runtime.agenda_runs import AgendaRuns, CameraHolders
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.camera_loop import CameraLoop, CameraPoller, FrameFeed, OpenCameraRound
from cameras.runtime.camera_settings import SettingsReader
from cameras.runtime.clock import CameraClock
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.command_runner import CommandReceiver, CommandRunner, SessionCommands
from cameras.runtime.consumers import FrameConsumer, StillConsumer
from cameras.runtime.device import Device
from cameras.runtime.device_timing import DeviceTimes
from cameras.runtime.disk_reserve import DiskReserve
from cameras.runtime.exposure_runner import ExposureRunner, Planner
from cameras.runtime.link import Reporter, ReportSink
from cameras.runtime.messages import StateReport
from cameras.runtime.ports import CameraErrors, LoopPorts
from cameras.runtime.session_exposure import ExposureStatistics, SessionExposure
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.session_starts import SessionGates, SessionStarts
from cameras.runtime.spec import Spec
from cameras.runtime.still_queue import CardCleaner, StillOutcomes, StillParts, StillQueue
from cameras.runtime.stills import PictureFetcher, StillRecorder
from cameras.runtime.storage_holder import DiskMonitor, SessionResumption, Sessions, StorageHolder
from cameras.runtime.watched_driver import FetchTimer, WatchedDriver
from cameras.spool.moments import iso
from cameras.telescope_status.sources import ControlledTelescope, Site, SourceContext, create_source
from core.device_holders import CameraClaim
from core.outgoing import OutgoingGuard
from core.times.clocks import ProcessorClock
from core.watchdog import DiskWatchdog, Watchdog

FETCHING = "fetching a picture"


class CallMonitor:
    """Which call to the camera is in progress or overdue. Each check postpones the exit of the process: see
    `Watchdog.check_deadline`."""

    def __init__(self, processor_clock: ProcessorClock, watchdog: Watchdog, fetch_timer: FetchTimer) -> None:
        self._processor_clock, self._watchdog, self._fetch_timer = processor_clock, watchdog, fetch_timer

    def check_calls(self) -> tuple[str, float]:
        """The call that is in progress or overdue, and by how many seconds of the processor's clock."""
        self._processor_clock.sample()
        doing, overdue_s = self._watchdog.check_deadline()
        fetch_s = self._fetch_timer.overdue_s
        return (FETCHING, fetch_s) if fetch_s > overdue_s else (doing, overdue_s)


class StateReporter:
    """Used by the reporting thread; it waits for no lock that is held while a disk is written."""

    def __init__(
        self,
        calls: CallMonitor,
        buffer: SharedFrameBuffer,
        reporter: Reporter,
        device: Device,
        sessions: Sessions,
        starts: SessionStarts,
        outcomes: StillOutcomes,
        consumers: Iterable[FrameConsumer],
    ) -> None:
        self._calls, self._buffer, self._reporter, self._device = calls, buffer, reporter, device
        self._sessions, self._starts, self._outcomes, self._consumers = sessions, starts, outcomes, consumers
        self._frames = 0

    def build_report(self, since_s: float) -> StateReport:
        """The state, with the frames per second of the last `since_s` seconds. Checks the calls."""
        device, (doing, overdue_s) = self._device, self._calls.check_calls()
        # Read once: the camera loop counts on, and the next report subtracts this number.
        frames, newest_ns, supplies = self._buffer.frames, self._buffer.newest_ns, device.telemetry.supplies
        report = StateReport(
            type="state",
            observed=self._reporter.state,
            reason=self._reporter.message,
            session=self._sessions.runner.describe_session(),
            held=self._starts.held,
            agenda=self._sessions.agenda.status,
            temperature_celsius=device.telemetry.temperature_celsius,
            battery_percent=supplies.battery_percent,
            card_free_bytes=supplies.card_free_bytes,
            differs=device.settings.differs,
            last_capture=self._outcomes.last_capture,
            last_frame=iso(newest_ns / 1e9) if newest_ns else None,
            frames=frames,
            fps=round((frames - self._frames) / since_s, 1),
            doing=doing,
            overdue_s=round(overdue_s, 3),
            failures=device.retries.failures,
            unopened=device.failed_opens,
            trouble=device.trouble,
        )
        self._frames = frames
        for consumer in self._consumers:
            report = {**report, **consumer.stats()}
        return report


@dataclass(frozen=True, slots=True)
class CameraProcess:
    """The parts that the process itself calls, and those that tests look at."""

    loop: CameraLoop
    receiver: CommandReceiver
    state_reporter: StateReporter
    disk_monitor: DiskMonitor
    device: Device
    runner: SessionRunner
    stills: StillQueue
    storage_holder: StorageHolder
    reporter: Reporter
    disk_watchdog: DiskWatchdog
    fetch_timer: FetchTimer


def make_driver(spec: Spec, clock: CameraClock) -> Driver:
    driver: Driver = driver_class(spec["kind"])(spec["address"], clock)
    rules = spec.get("outgoing")
    if rules and isinstance(driver, NetworkDevice):
        driver.set_connection_guard(OutgoingGuard.of(rules))
    place = site_of(spec["site"])
    place_driver(driver, place)
    if isinstance(driver, TelescopeAware) and (telescope := spec.get("telescope")):
        context = SourceContext(clock, place, OutgoingGuard.of(rules) if rules else OutgoingGuard())
        source = create_source(telescope["source"], telescope["settings"], context)
        driver.set_telescope(ControlledTelescope(source, clock))
    return driver


def place_driver(driver: Driver, place: Site) -> None:
    if isinstance(driver, SiteAware):
        driver.set_site(place.latitude, place.longitude, place.elevation)


def site_of(site: dict[str, Any]) -> Site:
    """Where the camera stands, from the site of its spec."""
    return Site(site.get("latitude"), site.get("longitude"), site.get("elevation") or 0.0)


def build_camera_process(
    spec: Spec,
    link: ReportSink,
    clock: CameraClock,
    buffer: SharedFrameBuffer,
    writer: StillConsumer,
    statistics: ExposureStatistics,
    consumers: Sequence[FrameConsumer],
    driver: Driver,
    times: DeviceTimes | None = None,
) -> CameraProcess:
    """Starts the still thread; the caller runs the loop. `statistics` is one of the `consumers` as well."""
    processor_clock = ProcessorClock(os.getpid())
    watchdog, disk_watchdog, reporter = Watchdog(processor_clock.now), DiskWatchdog(), Reporter(link)
    watched = WatchedDriver(driver, clock, watchdog, spec["margin_s"])
    claim = CameraClaim(spec["slug"], spec["kind"])
    device = Device(watched, reporter, link, buffer, spec["settings"], times or DeviceTimes(), claim)
    # Before the loop runs: a fault may concern the first opening.
    if faults := spec.get("faults"):
        device.inject_faults(faults)
    runner = SessionRunner(clock, spec["camera"], spec["slug"], spec["root"])
    ports = LoopPorts(clock, CommandInbox(clock), reporter, CameraErrors(device, runner, reporter).handle_error)
    sessions = build_sessions(spec, runner, ports)
    storage_holder = StorageHolder(spec, clock, sessions.resumption, reporter, link, disk_watchdog)
    session_exposure = SessionExposure(runner, device, statistics)
    fetcher = PictureFetcher(watched, device, session_exposure, buffer, ports.handle_error)
    stills = build_stills(writer, statistics, device, runner, storage_holder, fetcher, ports)
    gates, reserve = SessionGates(spec, clock), DiskReserve(spec, reporter)
    starts = SessionStarts(
        sessions, session_exposure, device, storage_holder, reserve, gates, ports, spec["clock_wait_s"]
    )
    planner = Planner(spec, device.timing, writer.file_path)
    exposures = ExposureRunner(device, planner, storage_holder, runner, session_exposure, stills.queue, buffer, ports)
    settings_reader = SettingsReader(device.settings, reporter)
    session_commands = SessionCommands(sessions, starts, device, stills.queue)
    files = CaptureFiles(planner, driver, writer)
    commands = CommandRunner(
        ports, device, settings_reader, exposures, session_commands, storage_holder, consumers, files
    )
    poller = CameraPoller(settings_reader, device.telemetry, starts, ports)
    feed = FrameFeed(device, buffer, consumers, runner, ports)
    open_round = OpenCameraRound(ports, starts, poller, exposures, feed)
    calls = CallMonitor(processor_clock, watchdog, watched.fetch_timer)
    return CameraProcess(
        loop=CameraLoop(ports, commands, device, starts, exposures, stills, open_round, storage_holder),
        receiver=CommandReceiver(ports.inbox, device, exposures, gates, reporter),
        state_reporter=StateReporter(calls, buffer, reporter, device, sessions, starts, stills.outcomes, consumers),
        disk_monitor=DiskMonitor(disk_watchdog, stills.queue, storage_holder, reporter),
        device=device,
        runner=runner,
        stills=stills.queue,
        storage_holder=storage_holder,
        reporter=reporter,
        disk_watchdog=disk_watchdog,
        fetch_timer=watched.fetch_timer,
    )


def build_sessions(spec: Spec, runner: SessionRunner, ports: LoopPorts) -> Sessions:
    holders = CameraHolders(runner, ports.clock, spec.get("lease"))
    agenda = AgendaRuns(runner, holders, ports.clock, ports.reporter, spec["clock_wait_s"], spec.get("agenda"))
    return Sessions(runner, holders, agenda, SessionResumption(runner, agenda, ports.reporter, spec["session"]))


def build_stills(
    writer: StillConsumer,
    statistics: ExposureStatistics,
    device: Device,
    runner: SessionRunner,
    storage_holder: StorageHolder,
    fetcher: PictureFetcher,
    ports: LoopPorts,
) -> StillParts:
    """Starts the still thread."""
    card, lose_storage = CardCleaner(device, ports.handle_error), storage_holder.mark_lost
    outcomes = StillOutcomes(ports.reporter, writer, ports.clock, card.delete_later)
    recorder = StillRecorder(
        writer,
        statistics,
        ports.clock,
        runner.settle_capture,
        storage_holder.describe_error,
        outcomes.add_record,
        lose_storage,
    )
    return StillParts(StillQueue(fetcher.fetch, recorder.write, lose_storage), fetcher, outcomes, card)


class CaptureFiles:
    """The formats of the files of the following captures, and the site where the camera stands."""

    def __init__(self, planner: Planner, driver: Driver, writer: StillConsumer) -> None:
        self._driver, self._writer = driver, writer
        self.set_formats = planner.set_formats

    def set_site(self, site: dict[str, Any]) -> None:
        place_driver(self._driver, site_of(site))
        self._writer.set_site(site)
