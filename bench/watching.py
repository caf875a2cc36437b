"""The viewers of a relay, in a separate process: `python -m bench.watching`, with a `Watch` as JSON on stdin.

Prints one line when the measured time begins and one when it ends, then the result as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from websockets.asyncio.client import connect

from bench.mjpeg import decoded, frames, monotonic_us
from cameras.drivers.simulated.codec import read_frame_number
from cameras.live.publisher import FRAME_HEADER
from tests.harness.clients.station_sockets import BINARY
from tests.harness.clients.viewers import REQUEST


@dataclass(frozen=True)
class Watch:
    """A loopback port: MJPEG at `/`, or with `path` a live view of Skycam."""

    port: int
    viewers: int
    warm_up_s: float
    seconds: float
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def frames(self) -> AsyncIterator[bytes]:
        return live_frames(self) if self.path else frames(self.port)


@dataclass
class Viewer:
    """Keeps one of `of` frames with its time. Reading the numbers of all frames would cost more than relaying them."""

    turn: int
    of: int
    count: int = 0
    kept: list[tuple[int, bytes]] = field(default_factory=list)

    async def watch(self, watch: Watch) -> None:
        async for jpeg in watch.frames():
            self.count += 1
            if self.count % self.of == self.turn:
                self.kept.append((monotonic_us(), jpeg))

    def late_ms(self) -> list[float]:
        numbers = ((came, read_frame_number(decoded(jpeg))) for came, jpeg in self.kept)
        return [(came - number) / 1000 for came, number in numbers if number is not None]


async def live_frames(watch: Watch) -> AsyncIterator[bytes]:
    """Frames of a live view, with two outstanding requests at any time."""
    async with connect(
        f"ws://127.0.0.1:{watch.port}{watch.path}", subprotocols=cast(Any, [BINARY]),
        additional_headers=watch.headers, compression=None, max_size=None,
    ) as opened:  # fmt: skip
        await opened.send(REQUEST)
        while True:
            await opened.send(REQUEST)
            if isinstance(message := await opened.recv(), bytes):
                yield message[FRAME_HEADER.size :]


async def run_viewers(watch: Watch) -> list[Viewer]:
    viewers = [Viewer(turn, watch.viewers) for turn in range(watch.viewers)]
    tasks = [asyncio.create_task(viewer.watch(watch)) for viewer in viewers]
    await asyncio.sleep(watch.warm_up_s)
    for viewer in viewers:
        viewer.count = 0
        viewer.kept.clear()
    print("began", flush=True)
    await asyncio.sleep(watch.seconds)
    print("ended", flush=True)
    [task.result() for task in tasks if task.done()]
    [task.cancel() for task in tasks]
    await asyncio.gather(*tasks, return_exceptions=True)
    return viewers


@dataclass(frozen=True)
class ViewerResult:
    """The result for all viewers: how late the kept frames were, and the number of frames of the slowest viewer."""

    late_ms: list[float]
    fewest: int


def main() -> None:
    viewers = asyncio.run(run_viewers(Watch(**json.load(sys.stdin))))
    late = [value for viewer in viewers for value in viewer.late_ms()]
    print(json.dumps(asdict(ViewerResult(late, min(viewer.count for viewer in viewers)))), flush=True)


if __name__ == "__main__":
    main()
