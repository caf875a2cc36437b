"""Prints a session for people."""

from __future__ import annotations

from typing import Any

from skycam_project.cli.output import (
    format_requested_and_used,
    format_time,
    humanize,
    print_fields,
    print_line,
    print_warnings,
)


def draw_session(body: dict[str, Any]) -> None:
    print_line(f"{body['camera']}: session {body['name'] or body['id']} is {body['state']}.")
    programme, actual = body["programme"], body.get("actual") or {}
    print_fields(
        [
            (
                "exposure",
                format_requested_and_used(
                    programme.get("exposure_us"), actual.get("exposure_us", programme.get("exposure_us"))
                ),
            ),
            ("f-number", asked_and_actual(programme, actual, "f_number")),
            ("ISO", asked_and_actual(programme, actual, "iso")),
            ("gain", asked_and_actual(programme, actual, "gain")),
            ("delay", named(programme.get("delay_s"), "s")),
            ("cadence", named(programme.get("cadence_s"), "s")),
            ("count", programme.get("count")),
            ("until", format_time(programme.get("until"))),
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


def asked_and_actual(programme: dict[str, Any], actual: dict[str, Any], name: str) -> str:
    asked, used = programme.get(name), actual.get(name)
    if asked is None or used is None or asked == used:
        return str(asked if used is None else used) if (asked, used) != (None, None) else ""
    return f"{asked} requested, {used} used"


def named(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"
