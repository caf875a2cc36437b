"""The servers' video: pictures that carry their number, as H.264, as JPEG, or in a transport stream."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cameras.drivers.simulated.codec import draw_frame_number

WIDTH, HEIGHT = 320, 240
GROUP = 40
"""Pictures from one key frame to the next."""
START_CODE = re.compile(rb"\x00\x00\x00?\x01")


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """The background changes with each picture, so that a mix of two pictures is detected."""
    image = np.full((height, width, 3), 60 + number * 37 % 120, np.uint8)
    draw_frame_number(image, number)
    return image


def jpeg(number: int, *options: int) -> bytes:
    """`options` of OpenCV: a flag and its value."""
    _, data = cv2.imencode(".jpg", picture(number), [cv2.IMWRITE_JPEG_QUALITY, 90, *options])
    return data.tobytes()


def with_thumbnail(data: bytes) -> bytes:
    """The JPEG with EXIF that holds another whole JPEG, as that of a camera."""
    _, thumbnail = cv2.imencode(".jpg", np.full((120, 160, 3), 200, np.uint8))
    exif = b"Exif\0\0" + thumbnail.tobytes()
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:]


def with_restarts(number: int) -> bytes:
    """A JPEG with restart markers in its coded data."""
    return jpeg(number, cv2.IMWRITE_JPEG_RST_INTERVAL, 4)


def progressive(number: int) -> bytes:
    """A JPEG of several scans, with tables between them."""
    return jpeg(number, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def with_fill_bytes(data: bytes) -> bytes:
    """The JPEG with bytes FF before its first and its last marker, as T.81 allows."""
    return data[:2] + b"\xff\xff\xff" + data[2:-2] + b"\xff\xff" + data[-2:]


@functools.cache
def huge_jpeg() -> bytes:
    """144 million pixels."""
    _, data = cv2.imencode(".jpg", np.zeros((12_000, 12_000), np.uint8))
    return data.tobytes()


@dataclass(frozen=True)
class CodedPicture:
    """Annex B, with its place among the pictures as they are seen."""

    data: bytes
    shown: int
    is_key: bool


@functools.cache
def coded(
    count: int, fps: int, *, width: int = WIDTH, height: int = HEIGHT, group: int = GROUP, b_frames: int = 0
) -> list[CodedPicture]:
    """`count` pictures as H.264, numbered from 0, in decoding order."""
    order = {"bf": str(b_frames), "b-adapt": "0"} if b_frames else {"tune": "zerolatency"}
    pictures = [picture(number, width, height) for number in range(count)]
    return encoded(pictures, fps, {"g": str(group), "crf": "20", **order})


def encoded(pictures: Sequence[NDArray[np.uint8]], fps: int, options: dict[str, str]) -> list[CodedPicture]:
    """Pictures of one size as H.264, in the order of decoding."""
    codec = av.CodecContext.create("libx264", "w")
    packets: list[Packet[VideoStream]] = []
    codec.pix_fmt, codec.framerate = "yuv420p", fps
    codec.height, codec.width = pictures[0].shape[:2]
    codec.options = {"preset": "ultrafast", "sc_threshold": "0", "g": str(GROUP)} | options
    for number, image in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode()
    return [CodedPicture(bytes(packet), packet.pts or 0, packet.is_keyframe) for packet in packets]


def h264(count: int, fps: int) -> list[bytes]:
    """`count` pictures, numbered from 0, as Annex B. `count` is a multiple of GROUP, so that they can be repeated."""
    return [one.data for one in coded(count, fps)]


def units(access_unit: bytes) -> list[bytes]:
    """The NAL units of one picture."""
    return [unit for unit in START_CODE.split(access_unit) if unit]


QUIET = {"libx265": {"x265-params": "log-level=none:keyint=20"}}


@functools.cache
def transport_stream(count: int, fps: int, codec: str = "libx264", noise: int = 0) -> list[bytes]:
    """The same pictures as MPEG-TS, one piece for each. With `noise` (grey levels) each has many packets."""
    file, pieces = io.BytesIO(), []
    with av.open(file, "w", format="mpegts", options={"flush_packets": "1", "pat_period": "0.2"}) as container:
        video = container.add_stream(
            codec,
            rate=fps,
            options={"preset": "ultrafast", "g": "20", "crf": "12", "tune": "zerolatency", **QUIET.get(codec, {})},
        )
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(count):
            container.mux(video.encode(av.VideoFrame.from_ndarray(noisy(number, noise), format="rgb24")))
            pieces.append(file.getvalue())
            file.seek(0)
            file.truncate()
    return pieces


def noisy(number: int, noise: int) -> NDArray[np.uint8]:
    image = picture(number)
    added = np.random.default_rng(number).integers(-noise, noise, image.shape, endpoint=True)
    return np.clip(image + added, 0, 255).astype(np.uint8)


def renamed(packets: bytes, kind: int) -> bytes:
    """A piece of a transport stream with another kind of video in its table of contents (PMT)."""
    found = bytearray(packets)
    for start in range(0, len(found), 188):
        if found[start + 1] & 0x40 and found[start + 4 : start + 6] == b"\0\2":
            table = start + 5
            end = table + 3 + (int.from_bytes(found[table + 1 : table + 3]) & 0xFFF)
            found[table + 12 + (int.from_bytes(found[table + 10 : table + 12]) & 0xFFF)] = kind
            found[end - 4 : end] = checksum(bytes(found[table : end - 4]))
    return bytes(found)


def checksum(table: bytes) -> bytes:
    """CRC-32/MPEG-2."""
    value = 0xFFFFFFFF
    for byte in table:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value.to_bytes(4)
