"""The two sides of a command: the kinds for the sender, and the messages for the host."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from cameras.commands import messages
from cameras.commands.control import make_command
from cameras.commands.messages import Arguments, Command, CommandKind


def declared_kinds() -> dict[str, Any]:
    """Order -> the declared type of its kind."""
    hints = {name: value for name, value in vars(messages).items() if isinstance(value, CommandKind)}
    return {kind.order: messages.__annotations__[name] for name, kind in hints.items()}


def received_messages() -> dict[str, Any]:
    """Order -> the type of the arguments that the host expects."""
    found = {}
    for message in get_args(Command):
        order, arguments = get_args(message)
        [name] = get_args(order)
        found[name] = arguments
    return found


def test_each_kind_of_the_sender_is_a_message_of_the_host() -> None:
    assert declared_kinds().keys() == received_messages().keys()


@pytest.mark.parametrize("order", sorted(received_messages()))
def test_sender_and_host_agree_on_the_arguments(order: str) -> None:
    assert declared_kinds()[order].startswith(f"CommandKind[{received_messages()[order].__name__}, ")


def test_a_command_to_the_host_itself_names_no_camera() -> None:
    command = make_command(messages.DETECT, Arguments(), 5)
    assert command["order"] == "detect"
    assert command["camera"] == ""
    assert command["slug"] == ""
    assert command["deadline_ms"] == 5
