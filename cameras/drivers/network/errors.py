"""FFmpeg's errors as sentences. PyAV puts the whole address, password included, into its exceptions: only their kind is
used, and none of them is the cause or the context of what leaves the driver."""

from __future__ import annotations

import errno

import av
from av import error as av_error

from cameras.drivers.base import CameraError
from cameras.drivers.credentials import LOGIN, shown
from cameras.drivers.network.addresses import PROTOCOLS

FAILURES = (av_error.FFmpegError, OSError, ValueError, RuntimeError)
"""What PyAV raises while it opens, reads or decodes."""
SENTENCES: list[tuple[type[Exception], str]] = [
    (av_error.HTTPForbiddenError, "does not allow this user to see it. Give the user that right on the camera."),
    (av_error.HTTPNotFoundError, "has no such stream. Look up the path in the camera's manual and change the address."),
    (av_error.HTTPClientError, "refuses the request. Look up the address in the camera's manual."),
    (av_error.HTTPError, "says that it has an error of its own. Restart the camera."),
    (av_error.ConnectionRefusedError, "refuses the connection. Is the camera on, and is the port right?"),
    (av_error.ArgumentError, "does not send video of a kind that Skycam opens (H.264, H.265, MJPEG, MPEG-TS)."),
    (av_error.DemuxerNotFoundError, "does not send video of a kind that Skycam opens (H.264, H.265, MJPEG, MPEG-TS)."),
    (av_error.InvalidDataError, "sends something that is no video. Look at the address with another program."),
    (av_error.EOFError, "ended the stream. Skycam tries again."),
]
UNTRUSTED = "Where its certificate is signed by nobody but itself, end its address with #unverified."
REDIRECTED = "A redirection to another address is not followed: give that one."
LOST = "cannot be reached, or broke off the connection. Look at its name, its power and the network."


def opening_failed(address: str, error: Exception) -> CameraError:
    """Why the connection was not opened, without the address's secrets."""
    if isinstance(error, av_error.HTTPUnauthorizedError):
        return _unauthorized(address)
    said = next((said for kind, said in SENTENCES if isinstance(error, kind)), None)
    return unreachable(address, said or _lost(address, error))


def _lost(address: str, error: Exception) -> str:
    """FFmpeg tells neither a redirection nor a certificate that is not trusted from a broken connection."""
    may_redirect = address.startswith("http") and error.args[:1] == (errno.EIO,)
    untrusted = PROTOCOLS[address.partition(":")[0]].encrypted
    return " ".join([LOST, *([REDIRECTED] if may_redirect else []), *([UNTRUSTED] if untrusted else [])])


def unreachable(address: str, sentence: str) -> CameraError:
    return CameraError(f"{shown(address)} {sentence}", reason="camera_unreachable")


def _unauthorized(address: str) -> CameraError:
    """Trying again cannot help, and many cameras lock out whoever does."""
    if LOGIN.match(address):
        said = "refuses the name or the password. Save the camera's address with the right ones."
    else:
        said = "asks for a name and a password. Save the camera's address with them: rtsp://NAME:PASSWORD@host/path."
    return CameraError(f"{shown(address)} {said}", permanent=True)


def library() -> str:
    """`PyAV 18.1.0 (libavformat 62.12.102)`."""
    version = ".".join(str(part) for part in av.library_versions["libavformat"])
    return f"PyAV {av.__version__} (libavformat {version})"
