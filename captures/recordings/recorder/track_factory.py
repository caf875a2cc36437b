"""Choose the track of a clip: encoding or copying."""

from __future__ import annotations

from cameras.drivers.packets import PacketData
from cameras.runtime.spec import Recording
from captures.recordings.recorder.tracks import FrameOrPacket, Track


def make_track(first: FrameOrPacket, desired: Recording) -> Track:
    """The track of a clip that begins with `first`. The first call loads FFmpeg. Unplayable."""
    if isinstance(first, PacketData):
        # Imported here, as `av` takes 62 ms and 12 MB: a camera that does not record starts without it.
        from captures.recordings.recorder.stream_copy import CopiedTrack

        return CopiedTrack(first)
    from captures.recordings.recorder.encoding import EncodedTrack

    return EncodedTrack(first, desired)
