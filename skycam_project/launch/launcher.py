"""Starts a station, keeps it running until a signal, and stops it. It is up once the web part answers at its
address."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from core import restored_copy
from core.open_files import REMEDY, hard_limit, too_few_message
from skycam_project.config import ConfigError, SkycamConfig, check_writable, load_config
from skycam_project.config.folder import renew_broker_password
from skycam_project.config.manager import DOTENV_CODES
from skycam_project.launch import control, preflight, preparation, running_parts
from skycam_project.launch.child import Child, Orphans
from skycam_project.launch.control import Pause
from skycam_project.launch.forks import FORK_SERVER, ForkServer
from skycam_project.launch.log_stream import LogStream
from skycam_project.launch.part import Part, State, Timings
from skycam_project.launch.parts import (
    PARTS,
    RESTORED_COPY,
    Plan,
    part_environment,
    parts_of,
    parts_to_lock,
    parts_to_start,
)
from skycam_project.launch.preflight import LaunchError
from skycam_project.launch.preparation import FirstStart, run_preparation
from skycam_project.launch.restart_journal import CrashLoopFiles, RestartJournal
from skycam_project.launch.running_parts import RunningParts, cancel
from skycam_project.launch.systemd import ServiceNotifier

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
TIMEOUT_S = 5.0


def connect_host(host: str) -> str:
    """The address to connect to: loopback for one that means all addresses."""
    return LOOPBACK.get(host, host)


def base_url(host: str, port: int) -> str:
    name = connect_host(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def wait_until_answering(host: str, port: int) -> None:
    """Wait until `/healthz` is answered, with any status."""
    while True:
        try:
            # The launcher's socket accepts before the web part runs: the answer is late, not the connection.
            async with asyncio.timeout(TIMEOUT_S):
                if await _first_line(host, port):
                    return
        except (OSError, TimeoutError):
            pass  # not yet
        await asyncio.sleep(0.1)


async def _first_line(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(connect_host(host), port)
    try:
        name = base_url(host, port).removeprefix("http://")
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return await reader.readline()
    finally:
        writer.close()


SECOND_INTERRUPT = 130
WITHOUT_PART: dict[str, str | None] = {"station": None, "camera-host": "worker"}
"""Role of this machine -> what `skycam up` without `--only` runs; None is the whole station."""


def up(config_path: Path | None = None, only: str | None = None, *, prepare_only: bool = False) -> int:
    """Run a station, or one part of it, or what a camera host needs if the configuration says that this machine is one,
    until Ctrl-C or SIGTERM; returns the exit status. `prepare_only` ends before the first part would be started.

    0: stopped on request. 1: could not start, or a part failed for good; standard error has one line for each reason.
    130: a second Ctrl-C ended it at once.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold every secret; children inherit this
    try:
        if prepare_only:
            config = _load_configuration(config_path)
            _print_configuration_warnings(config)
            return asyncio.run(_prepare(config, config_path))
        while (status := _up_until_paused(config_path, only)) is None:
            continue
        return status
    except ConfigError as error:
        _print_errors(error.problems)
    except LaunchError as error:
        _print_errors([str(error)])
    except KeyboardInterrupt:
        return SECOND_INTERRUPT
    return 1


def _print_configuration_warnings(config: SkycamConfig) -> None:
    _print_errors(f"warning: {one.text}" for one in config.notices if one.code in DOTENV_CODES)


def _up_until_paused(config_path: Path | None, only: str | None) -> int | None:
    """The exit status; None after a pause: the station starts again with what the configuration says by now."""
    config = _load_configuration(config_path)
    only = only or WITHOUT_PART[config.role]
    _print_configuration_warnings(config)
    with ExitStack() as resources:
        plan = _acquire_resources(config, config_path, only, resources)
        return asyncio.run(_run(plan))


async def _prepare(config: SkycamConfig, config_path: Path | None) -> int:
    """Without locks and ports: parts of the station may run, as in containers that are started again one by one."""
    preflight.check_data_folder(config)
    launcher = Launcher(Plan(config, part_environment(dict(os.environ), config, config_path)))
    try:
        await run_preparation(launcher.plan, launcher.forks, launcher.stream, None)
    finally:
        await launcher.forks.close()
    return 0


async def _run(plan: Plan) -> int | None:
    return await Launcher(plan).run()


def _load_configuration(config_path: Path | None) -> SkycamConfig:
    try:
        return load_config(config_path)
    except OSError as error:
        raise LaunchError(
            f"{error.filename} cannot be used as the data folder ({error.strerror}). "
            "Set SKYCAM_DATA to a folder that this user may write."
        ) from None


def _acquire_resources(config: SkycamConfig, config_path: Path | None, only: str | None, resources: ExitStack) -> Plan:
    """Lock the folder and bind the ports. Raises LaunchError or ConfigError with the reason when that fails."""
    _check_part(config, only)
    preflight.check_data_folder(config)
    if only in (None, "worker"):
        check_writable(config.storage_root)
    # Single parts are locked too: a second Valkey would take the socket of the first.
    for name in parts_to_lock(config, only):
        resources.enter_context(preflight.lock_folder(preflight.lock_path(config, name), config.data))
    # All parts are locked, so none uses the old password any more. The password is a part of `redis_url`, so the
    # configuration is read again.
    if only is None and config.redis_embedded:
        renew_broker_password(config.data)
        config = _load_configuration(config_path)
    environment = part_environment(dict(os.environ), config, config_path)
    # The ports come after the locks: a second station on this folder is refused with the process that uses the folder.
    return Plan(config, environment, only, preflight.bind_ports(config, parts_to_start(config, only), resources))


def _check_part(config: SkycamConfig, only: str | None) -> None:
    if only is not None and only not in PARTS:
        raise LaunchError(f"There is no part {only}. There are: {', '.join(PARTS)}.")
    if only is not None and not PARTS[only].runs_alone:
        parent = PARTS[only].parent
        raise LaunchError(f"The part {parent} starts {only}: skycam up --only {parent}.")
    if only == "valkey" and not config.redis_embedded:
        raise LaunchError("REDIS_URL is set, so this station uses that server and starts no Valkey of its own.")
    if only is not None and only not in RESTORED_COPY:
        preflight.check_no_copy(config)


def _print_errors(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"skycam: {line}", file=sys.stderr)


class Launcher:
    """One run of a station, from start to stop."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config = plan.config
        self.only = plan.only
        self.timings = Timings.of(plan.config)
        self.stream = LogStream(plan.config.logging)
        self.journal = RestartJournal(preflight.run_folder(plan.config))
        self.forks = ForkServer(plan.environment, self._show_fork_server, self._end_orphans, self.timings.start_s)
        self.orphans = Orphans()
        self.running = RunningParts(
            {name: self._make_part(name) for name in parts_to_start(self.config, self.only)}, asyncio.Event()
        )
        self.parts = self.running.parts
        self.is_interrupted = self.interrupted_twice = False
        self.notifier = ServiceNotifier.of_process(self._describe_parts)
        self.pause = Pause(self.running.end.set)

    async def run(self) -> int | None:
        """Run until a signal; returns the exit status, or None after a pause. A failure is raised after everything has
        stopped."""
        self._handle_signals()
        if message := too_few_message(hard_limit()):
            self.stream.log_message(f"{message} Allow more: {REMEDY}.")
        address = preflight.control_path(self.config, self.only)
        server = await control.serve(address, self.parts, self.pause)
        # A launcher of one part does not know which other parts the station has.
        if self.only is None:
            CrashLoopFiles(preflight.run_folder(self.config)).keep_only([*self.parts, *parts_of("worker")])
        starting, reporter = self.running.watch(self._start_parts()), self.running.watch(self._report())
        watchdog = self.running.watch(self.notifier.report())
        await self.running.end.wait()
        # After it systemd would kill the service that has not ended within TimeoutStopSec; in a pause it goes on.
        if not self._is_paused:
            self.notifier.stopping()
        # First: it would start parts while others are being stopped.
        await cancel(starting)
        await cancel(reporter)
        await self._stop_parts()
        await self.forks.close()
        # A pause has its connection already; no other request can be answered any more.
        control.close(server, address)
        if self._is_paused:
            self.stream.log_message("paused until a command has ended")
            await self.pause.hold()
        await cancel(watchdog)
        if failure := self.running.failure:
            # Into the file only: `up` shows it on standard error.
            self.stream.file.write_line("skycam", str(failure))
            raise failure
        if self._is_paused:
            self.stream.log_message("starting again")
            return None
        self.stream.log_message("stopped")
        return SECOND_INTERRUPT if self.interrupted_twice else 0

    @property
    def _is_paused(self) -> bool:
        return self.pause.is_requested and not self.is_interrupted

    def _make_part(self, name: str) -> Part:
        return Part(name, self.plan, self.forks, self.timings, self.stream, self.journal)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        # Also when SIGINT is ignored, as a shell sets it for a program in the background.
        loop.add_signal_handler(signal.SIGINT, self._on_signal)
        loop.add_signal_handler(signal.SIGTERM, self._on_signal)
        loop.add_signal_handler(signal.SIGCHLD, self._end_orphans)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            loop.add_signal_handler(signal.SIGHUP, self._on_signal)

    def _on_signal(self) -> None:
        if self.is_interrupted:
            self.interrupted_twice = True
            self._kill_all()
        else:
            if self._is_paused:
                self.notifier.stopping()
            self.is_interrupted = True
            self.pause.end()
            self.stream.log_message("stopping; Ctrl-C once more ends everything at once")
            self.running.end.set()

    def _end_orphans(self) -> None:
        # A part that is being forked is a child before its pid is known here.
        if not self.forks.is_forking:
            self.orphans.end(Child.running)

    def _show_fork_server(self, line: str) -> None:
        self.stream.write_line(FORK_SERVER, line)

    # start

    async def _start_parts(self) -> None:
        for warning in self.config.warnings:
            self.stream.log_message(f"warning: {warning}")
        if (copied := restored_copy.copied_from(self.config.data)) is not None:
            self.stream.log_message(f"warning: {restored_copy.pause_sentence(copied)}")
        if "valkey" in self.parts:
            self.running.run("valkey")
            await self.parts["valkey"].wait_until_running()
        elif self.config.redis_embedded and not control.is_listening(preflight.valkey_path(self.config)):
            self.stream.log_message(
                "warning: no broker answers yet. Set REDIS_URL to the station's broker, or start one here: "
                "skycam up --only valkey"
            )
        # A machine that runs only the broker has no database to prepare.
        first = await run_preparation(self.plan, self.forks, self.stream, self.only) if self.only != "valkey" else None
        for name in self.parts:
            self.running.run(name)
        if first is not None:
            await wait_until_answering(self.config.web.host, self.config.web.port)
            self._print_banner(first)
        await self.running.survive_crash_loops()
        self.notifier.ready()

    def _describe_parts(self) -> str:
        waiting = [f"{part.name} ({part.state})" for part in self.parts.values() if part.state is not State.RUNNING]
        return f"not running: {', '.join(waiting)}" if waiting else f"running: {', '.join(self.parts)}"

    async def _report(self) -> None:
        await running_parts.report_restarts_while(self._worker_is_away, self.journal, self.forks, self.stream)

    def _worker_is_away(self) -> bool:
        return "worker" not in self.parts or self.parts["worker"].state is not State.RUNNING

    def _print_banner(self, first: FirstStart) -> None:
        address = base_url(self.config.web.host, self.config.web.port)
        self.stream.file.write_line("skycam", f"Skycam is at {address}")
        web, given = self.config.web, bool(self.config.admin_password)
        preparation.print_banner(address, first, given=given, listens_on=web.host)

    # stop

    async def _stop_parts(self) -> None:
        """Stop the worker first, so that cameras finish, then the rest, Valkey last. Kill what takes too long."""
        killing = asyncio.get_running_loop().call_later(self.timings.stop_s, self._kill_all)
        self.running.prevent_restarts()
        await self.running.stop({0}, self.timings.finish_first_s)
        # The worker may still be among them: `stop` sends no second SIGTERM, and `killing` limits the wait.
        await self.running.stop({0, 1})
        await self.running.stop({2})
        killing.cancel()

    def _kill_all(self) -> None:
        self.forks.kill()  # a part may wait for it
        self.running.kill()
