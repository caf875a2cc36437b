"""The messages for FFmpeg's errors. PyAV's exceptions contain the whole address with its password, so only their type
is used, and none becomes the cause or context of a CameraError. No message contains the address: all users of the
camera can read messages, but only managers may see addresses."""

from __future__ import annotations

import av
from av import error as av_error

from cameras.drivers.base import CameraError
from cameras.drivers.credentials import LOGIN
from cameras.drivers.network.addresses import PROTOCOLS
from cameras.drivers.network.http_stream import UnexpectedStatus
from core.outgoing import AddressRefused

FAILURES = (av_error.FFmpegError, OSError, ValueError, RuntimeError)
"""What PyAV raises when opening, reading or decoding."""
FORBIDDEN = "does not allow this user to see it. Give the user that right on the camera."
NO_STREAM = "has no such stream. Look up the path in the camera's manual and change the address."
BAD_REQUEST = "refuses the request. Look up the address in the camera's manual."
OWN_ERROR = "reports an internal error. Restart the camera."
OTHER_KIND = "does not send video in a format that Skycam opens (H.264, H.265, MJPEG, MPEG-TS)."
NOT_VIDEO = "sends something other than video. Check the address with another program."
# The order matters: a subclass stands before its base class.
SENTENCES: list[tuple[type[Exception], str]] = [
    (av_error.HTTPForbiddenError, FORBIDDEN),
    (av_error.HTTPNotFoundError, NO_STREAM),
    (av_error.HTTPClientError, BAD_REQUEST),
    (av_error.HTTPError, OWN_ERROR),
    (ConnectionRefusedError, "refuses the connection. Is the camera on, and is the port right?"),
    (av_error.ArgumentError, OTHER_KIND),
    (av_error.DemuxerNotFoundError, OTHER_KIND),
    (av_error.InvalidDataError, NOT_VIDEO),
    (av_error.EOFError, "ended the stream. Skycam tries again."),
]
UNAUTHORIZED = 401
STATUSES = {403: FORBIDDEN, 404: NO_STREAM, 400: BAD_REQUEST, 500: OWN_ERROR}
"""Sentences for HTTP statuses; 400 and 500 stand for all others of their class."""
UNTRUSTED = "If its certificate is self-signed, end its address with #unverified."
REDIRECTED = "A redirection to another address is not followed: enter that address."
LOST = "cannot be reached, or closed the connection. Check its name, its power and the network."


def opening_failed(address: str, error: Exception) -> CameraError:
    """The CameraError for a connection that could not be opened."""
    if isinstance(error, UnexpectedStatus):
        return _status_error(address, error.status)
    if isinstance(error, av_error.HTTPUnauthorizedError):
        return _unauthorized(address)
    if isinstance(error, av_error.ArgumentError) and address.startswith("rtsp"):
        return unreachable(f"{LOST} {REDIRECTED}")  # FFmpeg's error for a redirection
    sentence = next((sentence for kind, sentence in SENTENCES if isinstance(error, kind)), None)
    return unreachable(sentence or _lost(address))


def refused(error: AddressRefused) -> CameraError:
    """The message does not reveal what listens there."""
    return CameraError(f"The camera's address {error}", permanent=True)


def _status_error(address: str, status: int) -> CameraError:
    if status == UNAUTHORIZED:
        return _unauthorized(address)
    if status // 100 == 3:
        return unreachable(f"{LOST} {REDIRECTED}")
    return unreachable(STATUSES.get(status) or STATUSES.get(status // 100 * 100, NOT_VIDEO))


def _lost(address: str) -> str:
    """FFmpeg does not distinguish an untrusted certificate from a broken connection."""
    untrusted = PROTOCOLS[address.partition(":")[0]].encrypted
    return " ".join([LOST, *([UNTRUSTED] if untrusted else [])])


def unreachable(sentence: str) -> CameraError:
    """`sentence` follows the words "The camera"."""
    return CameraError(f"The camera {sentence}", reason="camera_unreachable")


def _unauthorized(address: str) -> CameraError:
    """Permanent: trying again cannot help, and many cameras lock out users who try again."""
    if LOGIN.match(address):
        sentence = "refuses the name or the password. Save the camera's address with the right ones."
    else:
        sentence = (
            "asks for a name and a password. Save the camera's address with them: rtsp://NAME:PASSWORD@host/path."
        )
    return CameraError(f"The camera {sentence}", permanent=True)


def library() -> str:
    """`PyAV 18.1.0 (libavformat 62.12.102)`."""
    version = ".".join(str(part) for part in av.library_versions["libavformat"])
    return f"PyAV {av.__version__} (libavformat {version})"
