"""Replies as controllers give them."""

from __future__ import annotations

from scheduler.telescope.driver.status import ControllerState


def live_status(
    *,
    state: str = "started",
    comment: str = "'started'",
    having: dict[str, str] | None = None,
    command: str = "expose",
    arguments: str = "['True', '1.5']",
    reply: str = "DONE",
) -> str:
    """A status as the controller sends it: a dict as text with a line feed behind each comma, without its closing
    brace, and the last command behind it. `comment` stands in its own quote marks."""
    bits = {"IDLE": "1111", "POWERON": "1111", **(having or {})}
    states = ", ".join(f"'{one.name}': '{bits.get(one.name, '0000')}'" for one in ControllerState)
    said = (
        f"{{'ready': True, 'state': '{state}', 'error': False, 'comment': {comment},"
        f" 'date': '2026-11-20T06:38:41.00', {states}}}"
    )
    last = (
        f", 'cmd_error':False, 'cmd_error_msg':'None', 'cmd_command':'{command}',"
        f" 'cmd_arg_value_list':'{arguments}', 'cmd_reply':'{reply}'"
    )
    return f"DONE {said}".replace(",", ",\n").replace("}", "") + last


OLDER_STATUS = (
    "[DONE {'ready': True, 'state': 'exposing', 'error': False, 'comment': 'exposing', "
    "'date': '2025-06-24T20:15:56.00',"
    + " ".join(
        f"'{one.name}': '{'1111' if one.name in ('EXPOSING', 'ACTIVE') else '0000'}'," for one in ControllerState
    )
    + " 'cmd_error':False}]"
)
