"""Commands to a camera, and their answers.

A command goes into the camera host's list in Redis. The host passes it to the camera's process, and the answer comes
back on a reply list. Deadlines are in Redis TIME.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Generic, cast

import redis
import uuid6

from cameras.commands.messages import Answer, Arguments, ArgumentsT, BodyT, Command, CommandKind, CommandMessage
from cameras.errors import ControlError, HostDown, TooSlow
from cameras.models import Camera
from cameras.status.messages import Heartbeat
from core.broker import broker
from core.text.sentences import sentence, with_mentions, with_sentence
from core.versions import version_problem

ANSWER_TTL_S = 60
COMMAND_TTL_S = 86_400
"""A command that no host fetches expires after a day. Its own deadline is over long before."""
# Less than the connection's `socket_timeout` (ANSWER_S, 3 s), which redis-py applies to blocking commands, too.
BLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class SentCommand(Generic[BodyT]):
    """A command whose answer has a body of the type BodyT."""

    command_id: str
    deadline: float
    """When waiting for the answer ends, in seconds of time.monotonic()."""


def check_reachable(camera: Camera) -> int:
    """Redis TIME in milliseconds. BrokerDown or HostDown when no command can be sent, or the host would not understand
    it."""
    with broker.reachable() as server:
        pipe = server.pipeline(transaction=False)
        pipe.time()
        # The heartbeat lives 5 s: a host that is down is an error at once, not after the whole deadline.
        pipe.get(broker.key("host", camera.host))
        now, beat = pipe.execute()
    if beat is None:
        raise host_down_error(camera)
    check_version(camera.host, beat)
    return broker.milliseconds(now)


def check_version(host: str, beat: str) -> None:
    """HostDown for a host whose version is too far from this one: it would not understand the command."""
    found = cast(Heartbeat, json.loads(beat))
    if problem := version_problem(host, found.get("schema"), found.get("protocol")):
        raise HostDown(problem)


def send_command(
    camera: Camera, kind: CommandKind[ArgumentsT, BodyT], arguments: ArgumentsT, *, wait_s: float, deadline_ms: int
) -> SentCommand[BodyT]:
    """Send a command to the camera's host, which does not start it after `deadline_ms` (Redis TIME, from
    `check_reachable`).

    `wait_s` is how long the caller will wait for the answer. BrokerDown when it cannot be sent.
    """
    command = make_command(kind, arguments, deadline_ms, camera=str(camera.id), slug=camera.slug)
    push_command(camera.host, command)
    return sent_command(command["command_id"], wait_s)


def send_host_command(
    host: str, kind: CommandKind[Arguments, BodyT], *, wait_s: float, deadline_ms: int
) -> SentCommand[BodyT]:
    """The same for a command to the host itself."""
    command = make_command(kind, Arguments(), deadline_ms)
    push_command(host, command)
    return sent_command(command["command_id"], wait_s)


def sent_command(command_id: str, wait_s: float) -> SentCommand[Any]:
    """The handle of a command that was just sent, with `wait_s` seconds for its answer."""
    return SentCommand(command_id, time.monotonic() + wait_s)


def make_command(
    kind: CommandKind[ArgumentsT, Any], arguments: ArgumentsT, deadline_ms: int, *, camera: str = "", slug: str = ""
) -> Command:
    message = CommandMessage[str, ArgumentsT](
        command_id=str(uuid6.uuid7()), camera=camera, slug=slug, order=kind.order, arguments=arguments,
        deadline_ms=deadline_ms,
    )  # fmt: skip
    return cast(Command, message)


def push_command(host: str, command: Command) -> None:
    """Push a command onto the host's list. BrokerDown within a second when the broker is away."""
    name = broker.key(f"camera.{host}")
    with broker.reachable() as server:
        # No MULTI: if only the push arrives, the next command limits the life of the list.
        pipe = server.pipeline(transaction=False)
        pipe.rpush(name, json.dumps(command))
        pipe.expire(name, COMMAND_TTL_S)
        pipe.execute()


def host_down_error(camera: Camera) -> HostDown:
    return HostDown(
        sentence(
            "The camera host {host!r} does not answer, so {camera} cannot be reached. Is `skycam up` running there?",
            host=camera.host, camera=camera,
        )
    )  # fmt: skip


def wait_for_answer(sent: SentCommand[BodyT]) -> BodyT:
    """The answer's body. TooSlow without an answer in time; ControlError when the command failed."""
    answer = cast(Answer, with_sentence(json.loads(_pop_answer(sent))))
    if answer["ok"]:
        return cast(BodyT, answer.get("body", {}))
    raise ControlError(answer.get("detail", ""), answer.get("problem"), answer.get("reason", ""))


def _pop_answer(sent: SentCommand[Any]) -> str:
    name = broker.key("reply", sent.command_id)
    with broker.reachable() as server:
        while (left := sent.deadline - time.monotonic()) > 0:
            # Redis reads a timeout of 0 as for ever, hence the minimum.
            found = server.blpop([name], timeout=min(BLOCK_S, max(left, 0.01)))
            if found:
                return str(found[1])
    raise TooSlow("The camera has not answered yet; the command may still succeed.")


def run_command(
    camera: Camera, kind: CommandKind[ArgumentsT, BodyT], arguments: ArgumentsT, *, wait_s: float = 10.0
) -> BodyT:
    """Send a command and wait for its answer."""
    # The command and its caller give up together: no command is started that no one waits for.
    deadline_ms = check_reachable(camera) + int(wait_s * 1000)
    return wait_for_answer(send_command(camera, kind, arguments, wait_s=wait_s, deadline_ms=deadline_ms))


def push_answer(server: redis.Redis, command_id: str, content: Answer) -> None:
    """Push the answer onto the list that `wait_for_answer` reads. It expires after a minute."""
    name = broker.key("reply", command_id)
    pipe = server.pipeline(transaction=False)
    pipe.lpush(name, json.dumps(with_mentions(content)))
    pipe.expire(name, ANSWER_TTL_S)
    pipe.execute()
