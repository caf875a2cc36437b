"""The time limits of a network camera."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkTimes:
    """In seconds."""

    open_s: float = 5.0
    """The time limit for connecting, and for probing the video after it."""
    first_s: float = 10.0
    """The time limit for the first picture: the longest interval of key frames that works."""
    read_s: float = 4.0
    """A source that sends no packet for this long is treated as disconnected. With RTSP, FFmpeg needs twice the
    time."""
    snapshot_s: float = 10.0
    """The time limit for a picture that is requested by itself."""
    pictureless_s: float = 10.0
    """After waiting this long in total, the camera is treated as one that sends no pictures."""
    check_every_s: float = 10.0
    """While no one reads frames, a picture is decoded this often to check that the camera still sends pictures."""
    streaming_s: float = 1.0
    """A reader that requested a frame within this time gets every frame; otherwise it gets the newest."""
