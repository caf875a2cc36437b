"""`skycam status`: the cameras' status as their hosts publish it; reads only Redis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from core import database_move
from core.text.sentences import pluralize
from skycam_project.cli import errors
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.identity import is_owner
from skycam_project.cli.options import Command
from skycam_project.cli.output import (
    format_cell,
    format_time,
    humanize,
    make_table,
    print_line,
    print_result,
    print_table,
    print_warnings,
    to_json,
)
from skycam_project.cli.shared_options import camera
from skycam_project.cli.station import Station, current

if TYPE_CHECKING:
    from cameras.runtime.spec import Recorder
    from cameras.status.messages import StationStatus

EVERY_S = 1.0
COLUMNS = ("camera", "observed", "desired", "session", "last capture", "°C", "fps", "reason")


@click.command(cls=Command)
@camera("Only this camera.")
@click.option("--watch", is_flag=True, help="Refresh each second, until Ctrl-C.")
def status(camera: str | None, watch: bool) -> None:
    """Show hosts, cameras and alerts.

    The owner of the data folder and root need only the broker. For others, their role and the audiences of cameras
    say what they see, which needs the database.
    """
    station = current()
    if database_move.is_being_moved(station.config.data):
        print_warnings([database_move.SENTENCE])
    if not watch:
        print_result(dict(read_status(station, camera)), print_status)
        return
    try:
        (watch_json if station.output == "json" else watch_table)(station, camera)
    except KeyboardInterrupt:
        return


def read_status(station: Station, camera: str | None = None) -> StationStatus:
    """The status of all cameras, or of one with its alerts; CliError when no host publishes that camera."""
    from cameras.status.reader import read_station
    from core.broker.hiredis_client import BrokerDown

    try:
        found = read_station(station.config.redis_url, station.config.station.id)
    except BrokerDown:
        station.reload_configuration()  # a restarted station has a new broker password
        raise
    station.use_zone_of(found["hosts"])
    # The owner needs no check of roles, and so neither Django nor the database.
    seen = found if is_owner(station.config) else visible_to(station.authorize("viewer").user, found)
    return seen if camera is None else of_camera(station, seen, camera)


def visible_to(user: Any, found: StationStatus) -> StationStatus:
    """The status without cameras hidden from `user`, and their alerts. The broker does not know roles."""
    from cameras.selectors import cameras_for
    from core.events.selectors import alerts_for

    slugs = set(cameras_for(user).values_list("slug", flat=True))
    keys = set(alerts_for(user).values_list("key", flat=True))
    return {
        **found,
        "cameras": [one for one in found["cameras"] if one["camera"] in slugs],
        "alerts": [one for one in found["alerts"] if one["key"] in keys],
    }


def of_camera(station: Station, found: StationStatus, camera: str) -> StationStatus:
    cameras = [status for status in found["cameras"] if status["camera"] == camera]
    if not cameras:
        raise unpublished(station, camera)
    alerts = [alert for alert in found["alerts"] if alert.get("camera") == camera]
    return {**found, "cameras": cameras, "alerts": alerts}


def unpublished(station: Station, camera: str) -> errors.CliError:
    """The broker has no status of this camera. Whether it exists, only the database knows."""
    known = find_camera(station.authorize("viewer"), camera)
    return errors.CliError("host-down", f"The camera host {known.host} publishes no status of {camera}.")


def watch_json(station: Station, camera: str | None) -> None:
    from core.broker.hiredis_client import BrokerDown

    while True:
        try:
            body: Any = read_status(station, camera)
        except BrokerDown as error:
            body = errors.CliError("broker-down", str(error)).body("skycam status")
        click.echo(to_json(body))
        time.sleep(EVERY_S)


def watch_table(station: Station, camera: str | None) -> None:
    from rich.live import Live

    with Live(render_status(station, camera), auto_refresh=False) as live:
        while True:
            time.sleep(EVERY_S)
            live.update(render_status(station, camera), refresh=True)


def render_status(station: Station, camera: str | None) -> Any:
    """The current table; while the broker is down, the error message."""
    from rich.console import Group
    from rich.text import Text

    from core.broker.hiredis_client import BrokerDown

    try:
        body = read_status(station, camera)
    except BrokerDown as error:
        return Text(str(error))
    return Group(camera_table(body), *(Text(line) for line in remarks(body)))


def print_status(body: dict[str, Any]) -> None:
    print_table(camera_table(body))
    for line in remarks(body):
        print_line(line)


def camera_table(body: Any) -> Any:
    hosts = ", ".join(host["host"] for host in body["hosts"]) or "none"
    return make_table(COLUMNS, [camera_cells(status) for status in body["cameras"]], f"{body['name']}: hosts {hosts}")


def camera_cells(status: dict[str, Any]) -> list[object]:
    from cameras.status.messages import blocking_gates, describe_pause

    return [
        status["camera"],
        humanize(status["observed"]),
        status["desired"],
        progress(status["session"]),
        format_time((status["last_capture"] or {}).get("at")),
        status["temperature_celsius"],
        status["fps"] or None,
        status["reason"] or describe_pause(blocking_gates(status["session"], status["gates"]), format_time),
    ]


def progress(session: dict[str, Any] | None) -> str:
    """`running: 12 saved, 1 failed`."""
    if not session:
        return ""
    counts = ", ".join(f"{session[name]} {name}" for name in ("saved", "failed", "skipped") if session.get(name))
    return f"{session.get('state', '')}: {counts or 'nothing yet'}"


def remarks(body: Any) -> list[str]:
    found = [] if body["hosts"] else ["No camera host answers. `skycam ps` shows the station's parts."]
    found += [draining(host["host"]) for host in body["hosts"] if host.get("draining")]
    found += [line for status in body["cameras"] if (line := camera_remarks(status))]
    found += [how_to_connect(status["camera"]) for status in body["cameras"] if status["observed"] == "quarantined"]
    return found + [
        f"{format_cell(alert.get('severity'))}: {format_cell(alert.get('message'))}" for alert in body["alerts"]
    ]


def draining(host: str) -> str:
    return f"The host {host} is being drained: nothing new starts there. What runs: skycam hosts show {host}"


def how_to_connect(camera: str) -> str:
    return f"{camera} is quarantined. Check it, then run: skycam connect {camera}"


def camera_remarks(status: dict[str, Any]) -> str:
    """`dslr: battery 77 %, 32.0 GB free on its card, held by anna since ...`, `dome: recording since ...`; empty for a
    camera without such a remark."""
    battery, card = status.get("battery_percent"), status.get("card_free_bytes")
    remarks = [f"battery {battery:.0f} %"] if battery is not None else []
    remarks += [f"{card / 1e9:.1f} GB free on its card"] if card is not None else []
    remarks += [f"{holder(status)} since {format_time(status['held_since'])}"] if status.get("held_by") else []
    remarks += recording(status.get("recorder"))
    return f"{status['camera']}: {', '.join(remarks)}" if remarks else ""


def holder(status: dict[str, Any]) -> str:
    # A host of an older version does not say which schedule it is.
    schedule = status.get("held_schedule")
    return f"schedule {schedule}" if schedule else f"held by {status['held_by']}"


def recording(recorder: Recorder | None) -> list[str]:
    """`recording since ..., 3 frames lost`; `not recording: The disk is full.`"""
    from cameras.runtime.spec import is_slow

    if recorder is None:
        return []
    if recorder["state"] != "recording":
        return [f"not recording: {recorder['message'] or 'it waits for frames.'}"]
    lost = [f"{pluralize(recorder['lost_frames'], 'frame')} lost"] if recorder["lost_frames"] else []
    slow = [f"{recorder['delivered_percent']:.0f} % of its set rate"] if is_slow(recorder) else []
    return [f"recording since {format_time(recorder['since'])}", *lost, *slow]
