"""Whatever comes on the ports, the simulator answers or closes, and serves the next client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.protocol import ARGUMENTS
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import WireClient, exchange, running_controller
from tests.harness.runs.examples import examples

NAMES = st.sampled_from(sorted(set(ARGUMENTS) - {"shutdown"}))
WORDS = st.lists(
    st.sampled_from(["'", "True", "False", "1", "1.5", "-1", "nan", "1e999", "night", "single", "next", "last", "../x"])
    | st.text(st.characters(codec="latin-1"), max_size=20),
    max_size=6,
)
COMMANDS = st.tuples(NAMES, WORDS).map(lambda found: " ".join([found[0], *found[1]]).encode("latin-1", "replace"))
CONTENTS = st.lists(st.binary(min_size=1, max_size=3000) | COMMANDS, min_size=1, max_size=5)
LONGEST_S = 400_000.0
"""Longer than the longest exposure, and than a thousand slow flushes."""


def answers_or_closes(clock: SharedTime, port: int, content: bytes) -> bool:
    with WireClient(clock, port) as client:
        reply = client.send(content).receive(LONGEST_S)
    return reply is not None and (reply == b"" or reply.startswith((b"DONE", b"ERROR")))


@given(contents=CONTENTS, is_strict=st.booleans(), is_closing=st.booleans())
@examples(100)
def test_any_bytes_are_answered_or_end_the_connection(contents: list[bytes], is_strict: bool, is_closing: bool) -> None:
    with SharedTime() as clock, running_controller(clock, is_strict=is_strict, is_closing=is_closing) as controller:
        assert [one for one in contents if not answers_or_closes(clock, controller.command_port, one)] == []
        assert [one for one in contents if not answers_or_closes(clock, controller.status_port, one)] == []
        assert exchange(clock, controller.status_port, "status").startswith("DONE {'ready': ")


@given(content=st.binary(min_size=1, max_size=300), at=st.integers(1, 299))
@examples(50)
def test_a_client_that_leaves_in_the_middle_of_a_command_disturbs_no_other(content: bytes, at: int) -> None:
    with SharedTime() as clock, running_controller(clock, speed=1e5) as controller:
        with WireClient(clock, controller.command_port) as client:
            client.send(content[:at])
        assert exchange(clock, controller.command_port, "help").startswith("DONE\n")


@given(st.lists(COMMANDS, min_size=2, max_size=8))
@examples(50)
def test_commands_at_the_same_time_are_each_answered(contents: list[bytes]) -> None:
    with SharedTime() as clock, running_controller(clock, speed=1e5) as controller:
        clients = [WireClient(clock, controller.command_port).send(one) for one in contents]
        replies = [client.receive(LONGEST_S) for client in clients]
        for client in clients:
            client.socket.close()
    assert [reply for reply in replies if reply is None or not reply.startswith((b"DONE", b"ERROR"))] == []
