"""`skycam join`: makes this machine a camera host of another machine's station.

It asks the main machine for what hosts share, checks that this machine can work with it, and only then writes the
configuration.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from pydantic import ConfigDict, ValidationError

from core.api.model import StrictModel
from core.durable_files import sync_folder, write_durably
from core.text.names import readable
from core.versions import SKYCAM
from skycam_project.config import ConfigManager
from skycam_project.config.folder import ADDRESS_FILE, STATION_FILE
from skycam_project.config.model import VARIABLES, variable_of
from skycam_project.hosts.exchange import (
    PATH,
    AnswerUnreadable,
    JoinRequest,
    MachineFacts,
    SharedConfiguration,
    WebAnswer,
    WebUnreachable,
    decrypt_answer,
    make_request,
    post_json,
)
from skycam_project.hosts.join_checks import (
    CheckFailed,
    check_broker,
    check_clock,
    check_database,
    check_name,
    check_versions,
    database_connection,
)
from skycam_project.hosts.join_line import JoinLine
from skycam_project.hosts.shared_keys import BROKER, DATABASE, EQUAL, FILE_OPTIONS, IF_SET, PLACEHOLDER, with_options

TLS_FOLDER = "tls"
REACH = "Is `skycam up` running there, and does its firewall let this machine in?"
FILE_NAME = re.compile(r"[a-z_]{1,40}-[a-z_]{1,40}\.pem")
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
"""Text that needs no quotes in a `.env`."""
EXPECTED = {
    variable_of(key) for key in (*EQUAL, *IF_SET, *FILE_OPTIONS, ("role",), ("host",))
} | {name for name, key in VARIABLES.items() if key[0] == "site"}  # fmt: skip
"""The variables that the main machine may set here."""


class ReceivedConfiguration(StrictModel):
    """SharedConfiguration as it came. A newer main machine may send more."""

    model_config = ConfigDict(strict=True)
    host: str
    variables: dict[str, str]
    files: dict[str, str]
    notes: list[str]


@dataclass
class CheckResult:
    check: str
    ok: bool
    message: str


@dataclass
class Joining:
    """What one run of `skycam join` did."""

    host: str
    station: str = ""
    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        return not all(one.ok for one in self.checks)


class JoinCommand:
    """One run. `on_check` is called with each result as it comes."""

    def __init__(self, line: JoinLine, manager: ConfigManager, on_check: Callable[[CheckResult], None]) -> None:
        self._line, self._manager, self._on_check = line, manager, on_check
        self._data = (manager.here / manager.config.data).resolve()
        self._shared: SharedConfiguration | None = None
        """What the main machine has sent; None before it has."""
        self.result = Joining(line.name)

    def run(self, *, dry_run: bool) -> Joining:
        """Check everything; then write, unless a check has failed."""
        if not self._check("folder", self._check_folder):
            return self.result
        if not self._check("main machine", self._request_configuration) or self._shared is None:
            return self.result
        found = self._shared
        self.result.notes = found["notes"]
        self.result.station = found["variables"].get(variable_of(("station", "id")), "")
        self._check("configuration", lambda: self._check_configuration(found))
        self._check_servers(found)
        if not self.result.has_failed and not dry_run:
            self._write(found)
        return self.result

    def _check(self, name: str, check: Callable[[], str]) -> bool:
        try:
            result = CheckResult(name, True, check())
        except CheckFailed as error:
            result = CheckResult(name, False, str(error))
        self.result.checks.append(result)
        self._on_check(result)
        return result.ok

    # here

    def _check_folder(self) -> str:
        data, folder = self._data, self._manager.dotenv.parent
        if self._manager.config.role == "camera-host":
            where = self._manager.given[("role",)].where
            raise CheckFailed(
                f"This machine has joined a station already: {where}. Run `skycam up` here, or join in another folder."
            )
        found = [name for name in (STATION_FILE, ADDRESS_FILE, "skycam.sqlite3") if (data / name).exists()]
        if found:
            raise CheckFailed(
                f"{data} has a station of its own ({', '.join(found)}). Join in an empty folder, or set SKYCAM_DATA to "
                "one."
            )
        for place in (folder, next(parent for parent in [data, *data.parents] if parent.exists())):
            if not os.access(place, os.W_OK | os.X_OK):
                raise CheckFailed(f"This user cannot write {place}. Change its owner, or join in another folder.")
        return f"{folder} has no station yet"

    def _check_configuration(self, shared: SharedConfiguration) -> str:
        """Nothing that is set here may override what all hosts of a station share."""
        names = {VARIABLES[name]: name for name in shared["variables"]}
        given = [self._manager.given[key].where for key in names if key in self._manager.given]
        if given:
            raise CheckFailed(f"This is set here already, and comes from the station: {', '.join(given)}. Remove it.")
        return "nothing here contradicts the station's configuration"

    # the main machine

    def _request_configuration(self) -> str:
        request = make_request(self._line.secret, self._line.invitation, machine_facts(self._data))
        problems = []
        for url in self._line.urls:
            try:
                answer = post_json(url, PATH, request)
            except WebUnreachable as error:
                problems.append(str(error))
                continue
            self._shared = self._read_answer(url, request, answer)
            return f"{url} admits this machine as the host {self._line.name}"
        raise CheckFailed(" ".join([*problems, REACH]))

    def _read_answer(self, url: str, request: JoinRequest, answer: WebAnswer) -> SharedConfiguration:
        body = answer.body if isinstance(answer.body, dict) else {}
        if answer.status != 200:
            detail = body.get("detail")
            sentence = detail if isinstance(detail, str) else f"It answered with the status {answer.status}."
            raise CheckFailed(f"{url} does not admit this machine: {readable(sentence)[:500]}")
        try:
            content = decrypt_answer(self._line.secret, request, body.get("answer", ""))
            found = cast(SharedConfiguration, ReceivedConfiguration.model_validate(content).model_dump())
        except (AnswerUnreadable, ValidationError):
            raise CheckFailed(
                f"The answer of {url} does not belong to this line: another program answers there, or the line has "
                "changed."
            ) from None
        if found["host"] != self._line.name or not set(found["variables"]) <= EXPECTED:
            raise CheckFailed(
                f"{url} sends settings that this version of Skycam does not know. Install the main machine's version "
                "here."
            )
        if not all(map(FILE_NAME.fullmatch, found["files"])):
            raise CheckFailed(f"{url} sends a file with an unknown name. Install the main machine's version here.")
        return found

    def _check_servers(self, shared: SharedConfiguration) -> None:
        with temporary_files(shared) as folder:
            urls = variables_with_files(shared, folder)
            database, broker = urls[variable_of(DATABASE)], urls[variable_of(BROKER)]
            self._check("database", lambda: self._check_database(database))
            self._check("broker", lambda: check_broker(broker, self.result.station, self._line.name))

    def _check_database(self, url: str) -> str:
        with database_connection(url) as connection:
            found = check_database(connection)
            self._check("version", lambda: check_versions(connection))
            self._check("clock", lambda: check_clock(connection))
            self._check("name", lambda: check_name(connection, self._line.name))
        return found

    # the result

    def _write(self, shared: SharedConfiguration) -> None:
        """The `.env` comes last: until then this machine has not joined, and the command may be repeated."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        tls = self._data / TLS_FOLDER
        if shared["files"]:
            tls.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._data)
        for name, content in shared["files"].items():
            write_durably(tls / name, base64.b64decode(content).decode().rstrip("\n"), os.replace)
            self.result.written.append(str(tls / name))
        path = self._manager.dotenv
        before = path.read_text("utf-8").rstrip("\n") if path.is_file() else ""
        between = "\n\n" if before else ""
        write_durably(path, before + between + dotenv_text(variables_with_files(shared, tls), self.result), os.replace)
        self.result.written.append(str(path))


def machine_facts(data: Path) -> MachineFacts:
    """The boot id is in it: a copy of the machine's disk that runs elsewhere is another place."""
    name = socket.gethostname()
    parts = [_text_of("/etc/machine-id"), _text_of("/proc/sys/kernel/random/boot_id"), name, str(data)]
    return MachineFacts(place=hashlib.sha256("\0".join(parts).encode()).hexdigest(), name=name[:255], version=SKYCAM)


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except OSError:
        return ""


@contextmanager
def temporary_files(shared: SharedConfiguration) -> Iterator[Path]:
    """The files for the checks, in a private folder."""
    with tempfile.TemporaryDirectory(prefix="skycam-join-") as name:
        for file, content in shared["files"].items():
            path = Path(name) / file
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(content))
        yield Path(name)


def variables_with_files(shared: SharedConfiguration, folder: Path) -> dict[str, str]:
    """The variables, with the paths of the files in `folder` in place of their names."""
    found = dict(shared["variables"])
    for key, options in FILE_OPTIONS.items():
        if (name := variable_of(key)) in found:
            found[name] = _with_paths(found[name], options, folder)
    return found


def _with_paths(url: str, options: tuple[str, ...], folder: Path) -> str:
    parts = urlsplit(url)
    given: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    for option in options:
        if (value := given.get(option, "")).startswith(PLACEHOLDER):
            given[option] = str(folder / value.removeprefix(PLACEHOLDER))
    return with_options(parts, given)


def dotenv_text(variables: dict[str, str], joining: Joining) -> str:
    today = datetime.now(UTC).date().isoformat()
    of = f"the camera host {joining.host} of the station {joining.station}"
    lines = [f"# Written by `skycam join` on {today}: this machine is {of}. Passwords are in it: keep it private."]
    return "\n".join([*lines, *(f"{name}={quoted(value)}" for name, value in sorted(variables.items()))])


def quoted(value: str) -> str:
    """As a `.env` takes it."""
    if PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
