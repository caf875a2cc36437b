"""Prints a session for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from skycam_project.cli.output import (
    format_requested_and_used,
    format_time,
    humanize,
    print_fields,
    print_line,
    print_warnings,
)

if TYPE_CHECKING:
    from cameras.spool.records import Programme


def print_session(body: dict[str, Any]) -> None:
    print_line(f"{body['camera']}: session {body['name'] or body['id']} is {body['state']}.")
    programme, actual = body["programme"], body.get("actual") or {}
    print_fields(
        [
            ("exposure", exposure_text(programme, actual)),
            ("f-number", requested_and_actual(programme, actual, "f_number")),
            ("ISO", requested_and_actual(programme, actual, "iso")),
            ("gain", requested_and_actual(programme, actual, "gain")),
            ("delay", with_unit(programme.get("delay_s"), "s")),
            ("cadence", with_unit(programme.get("cadence_s"), "s")),
            ("count", programme.get("count")),
            ("until", format_time(programme.get("until"))),
            ("windows", windows_text(programme)),
            ("reason", humanize(body["reason"])),
            ("message", body["message"]),
            ("planned", body["planned"]),
            ("saved", body["saved"]),
            ("failed", body["failed"]),
            ("skipped", body["skipped"]),
            ("id", body["id"]),
        ]
    )
    print_warnings(body.get("warnings") or [])


def exposure_text(programme: dict[str, Any], actual: dict[str, Any]) -> str:
    """The exposures of a cycle; of an interval with the one that the camera uses."""
    from cameras.programmes.cycle import describe_exposures

    if "control" in programme or programme.get("kind", "interval") != "interval":
        return describe_exposures(cast("Programme", programme))
    requested = programme.get("exposure_us")
    return format_requested_and_used(requested, actual.get("exposure_us", requested))


def windows_text(programme: dict[str, Any]) -> str:
    return ", ".join(f"{format_time(begin)} to {format_time(end)}" for begin, end in programme.get("windows", []))


def requested_and_actual(programme: dict[str, Any], actual: dict[str, Any], name: str) -> str:
    requested, used = programme.get(name), actual.get(name)
    if requested is None or used is None or requested == used:
        return str(requested if used is None else used) if (requested, used) != (None, None) else ""
    return f"{requested} requested, {used} used"


def with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"
