"""What the simulated controller answers, as bytes on the wire."""

from __future__ import annotations

import pytest

from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import WireClient, exchange, running_controller

STATUS = """\
DONE {'ready': True,
 'state': 'started',
 'error': False,
 'comment': 'simulated: started',
 'date': '2027-01-15T20:00:01.00',
 'NOSTATUS': '0000',
 'UNKNOWN': '0000',
 'IDLE': '1111',
 'EXPOSING': '0000',
 'READOUT_PENDING': '0000',
 'READING': '0000',
 'FETCHING': '0000',
 'FLUSHING': '0000',
 'ERASING': '0000',
 'PURGING': '0000',
 'AUTOCLEAR': '0000',
 'AUTOFLUSH': '0000',
 'POWERON': '1111',
 'POWEROFF': '0000',
 'POWERBAD': '0000',
 'FETCH_PENDING': '0000',
 'ERROR': '0000',
 'ACTIVE': '0000',
 'ERRORED': '0000', 'cmd_error':False, 'cmd_error_msg':'None', 'cmd_command':'clear', \
'cmd_arg_value_list':'['1.5']', 'cmd_reply':'DONE'
"""
EXPOSE = "expose True     1.500 20260101000000s single"
LONG_HEADER = f"header comment ' {'word ' * 190}'"
WIRES = pytest.mark.parametrize("is_strict", [True, False], ids=["strict", "lenient"])
ENDS = pytest.mark.parametrize("is_closing", [True, False], ids=["closing", "non-closing"])


@WIRES
@ENDS
def test_a_status_has_every_key_in_the_form_of_the_real_controller(
    clock: SharedTime, is_strict: bool, is_closing: bool
) -> None:
    with running_controller(clock, is_strict=is_strict, is_closing=is_closing) as controller:
        exchange(clock, controller.command_port, "clear 1.5")
        assert exchange(clock, controller.status_port, "status") == STATUS


def test_a_status_of_one_controller_has_one_digit_for_each_state(clock: SharedTime) -> None:
    with running_controller(clock, controllers=1) as controller:
        reply = exchange(clock, controller.status_port, "status")
    assert "'IDLE': '1',\n 'EXPOSING': '0',\n" in reply


REPLIES = {
    "header sequence 1": "DONE",
    EXPOSE: "DONE",
    "header comment ' two words '": "DONE",
    "bogus": "ERROR",
    "bogus with 'words'": "ERROR",
    "expose True 1": "ERROR incorrect args: command [expose], args[['True', '1']], "
    "expected [['shutter', 'exptime', 'fileroot', 'exp_mode']]",
    "header sequence": "ERROR incorrect args: command [header], args[['sequence']], expected [['key_word', 'value']]",
    "status now": "ERROR incorrect args: command [status], args[['now']], expected [[]]",
    "header comment ' two words": "ERROR argument has unterminated string: command [header], "
    """args[['comment', "'", 'two', 'words']], expected [['key_word', 'value']]""",
}


@ENDS
@pytest.mark.parametrize(("command", "reply"), REPLIES.items())
def test_a_command_has_the_reply_of_the_real_controller(
    clock: SharedTime, is_closing: bool, command: str, reply: str
) -> None:
    with running_controller(clock, is_closing=is_closing) as controller:
        assert exchange(clock, controller.command_port, command) == f"{reply}\n"


def test_a_newline_after_a_command_changes_nothing(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        assert exchange(clock, controller.command_port, "header sequence 1\r\n") == "DONE\n"


def test_the_words_of_the_c_scheduler_without_a_comment_are_too_many_for_a_strict_controller(clock: SharedTime) -> None:
    with running_controller(clock, is_strict=True) as controller:
        reply = exchange(clock, controller.command_port, "header comment 'no comment'")
    assert reply == (
        """ERROR incorrect args: command [header], args[['comment', "'no", "comment'"]], """
        "expected [['key_word', 'value']]\n"
    )


def test_a_lenient_controller_joins_them(clock: SharedTime) -> None:
    with running_controller(clock, is_strict=False) as controller:
        assert exchange(clock, controller.command_port, "header comment 'no comment'") == "DONE\n"


@WIRES
def test_words_in_quote_marks_are_one_argument(clock: SharedTime, is_strict: bool) -> None:
    with running_controller(clock, is_strict=is_strict, is_closing=True) as controller:
        exchange(clock, controller.command_port, "header comment ' two words '")
        assert "'cmd_arg_value_list':'['comment', 'two words']'" in exchange(clock, controller.status_port, "status")


@pytest.mark.parametrize("between", ["status", "help"])
def test_a_status_names_the_last_command_that_was_neither_status_nor_help(clock: SharedTime, between: str) -> None:
    with running_controller(clock) as controller:
        exchange(clock, controller.command_port, "expose True 1")
        exchange(clock, controller.command_port, between)
        reply = exchange(clock, controller.status_port, "status")
    assert "'cmd_error':True, 'cmd_error_msg':'incorrect args: command [expose]" in reply
    assert "'cmd_command':'expose', 'cmd_arg_value_list':'['True', '1']'" in reply
    assert "'cmd_reply':'ERROR incorrect args" in reply


def test_a_status_during_a_command_names_it_without_a_reply(clock: SharedTime) -> None:
    with running_controller(clock) as controller, WireClient(clock, controller.command_port) as client:
        client.send("clear 20")
        clock.sleep(1)
        reply = exchange(clock, controller.status_port, "status")
    assert reply.endswith("'cmd_command':'clear', 'cmd_arg_value_list':'['20']', 'cmd_reply':''\n")


def test_the_status_port_answers_nothing_else(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        assert exchange(clock, controller.status_port, "help") == "ERROR\n"
        reply = exchange(clock, controller.status_port, "status")
    assert "'cmd_command':''" in reply


def test_help_lists_every_command_with_its_arguments(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=False) as controller:
        lines = exchange(clock, controller.command_port, "help").splitlines()
    assert lines[0] == "DONE"
    assert {"status", "expose shutter exptime fileroot exp_mode", "header key_word value"} <= set(lines)


@pytest.mark.parametrize("command", ["status", "help", "bogus", EXPOSE, LONG_HEADER, "x" * 1024, LONG_HEADER + " x"])
def test_a_closing_controller_sends_one_piece_that_fits_a_buffer_of_c_and_closes(
    clock: SharedTime, command: str
) -> None:
    with running_controller(clock, is_closing=True) as controller, WireClient(clock, controller.command_port) as client:
        reply = client.send(command).receive() or b""
        assert reply[-1:] == b"\n"
        assert len(reply) <= 1023
        assert client.receive(1) == b""


def test_long_texts_of_a_status_are_cut_to_fit_and_no_state_is(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=True, is_strict=True) as controller:
        exchange(clock, controller.command_port, f"expose True 1 {'x' * 900}")
        reply = exchange(clock, controller.status_port, "status")
    assert 900 < len(reply) <= 1023
    assert "'ERRORED': '0000', 'cmd_error':True, 'cmd_error_msg':'incorrect args: command [expose]" in reply
    assert "'cmd_command':'expose', 'cmd_arg_value_list':'['True', '1', 'xxx" in reply


def test_a_non_closing_controller_sends_long_replies_whole(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=False, is_strict=False) as controller:
        exchange(clock, controller.command_port, LONG_HEADER)
        with WireClient(clock, controller.status_port) as client:
            reply = client.send("status").receive_all(1)
    assert len(reply) > 1400
    assert reply.endswith(b"word word']', 'cmd_reply':'DONE'\n")


@WIRES
def test_a_non_closing_controller_answers_several_commands_on_one_connection(
    clock: SharedTime, is_strict: bool
) -> None:
    with (
        running_controller(clock, is_closing=False, is_strict=is_strict) as controller,
        WireClient(clock, controller.command_port) as client,
    ):
        assert client.send("header sequence 1").receive() == b"DONE\n"
        assert client.receive(1) is None
        assert client.send("bogus").receive() == b"ERROR\n"


@WIRES
@ENDS
@pytest.mark.parametrize("content", [b"\n", b" ", b"\r\n\r\n"])
def test_an_empty_command_ends_the_connection(
    clock: SharedTime, is_strict: bool, is_closing: bool, content: bytes
) -> None:
    with (
        running_controller(clock, is_strict=is_strict, is_closing=is_closing) as controller,
        WireClient(clock, controller.command_port) as client,
    ):
        assert client.send(content).receive(1) == b""
