"""The messages for errors of the network and of FFmpeg. PyAV's exceptions contain the whole address with its password,
so only their type is used, and none becomes the cause or context of a CameraError. No message contains the address: all
users of the camera can read messages, but only managers may see addresses."""

from __future__ import annotations

import errno
import socket
import ssl

import av
from av import error as av_error

from cameras.drivers.base import CameraError
from cameras.drivers.credentials import LOGIN
from cameras.drivers.network.addresses import PROTOCOLS
from cameras.drivers.network.http_client import NO_HTTP, UNAUTHORIZED, UnexpectedStatus, UnsupportedSignIn
from core.outgoing import AddressRefused

FAILURES = (av_error.FFmpegError, OSError, ValueError, RuntimeError, UnsupportedSignIn)
"""What opening, reading and decoding raise."""
FORBIDDEN = "does not allow this user to see it. Give the user that right on the camera."
NO_STREAM = "has no such stream. Look up the path in the camera's manual and change the address."
BAD_REQUEST = "refuses the request. Look up the address in the camera's manual."
OWN_ERROR = "reports an internal error. Restart the camera."
OTHER_KIND = "does not send video in a format that Skycam opens (H.264, H.265, MJPEG, MPEG-TS, or single JPEGs)."
OTHER_PROTOCOL = "does not answer in the protocol of its address. Check the beginning of the address, and the port."
REFUSED_DATA = (
    "sends data that is no video, or damaged. Check the stream on the camera's own pages, and with another program."
)
UNTRUSTED = "If its certificate is self-signed, end its address with #unverified."
REDIRECTED = "A redirection to another address is not followed: enter that address."
LOST = "cannot be reached, or closed the connection. Check its name, its power and the network."
NO_ROUTE = "cannot be reached: the network has no way to its address. Check the address, its power and the network."
ENDED = "ended the stream. Skycam reopens it."
SILENCE = (TimeoutError, av_error.ExitError)
"""PyAV ends FFmpeg's calls itself when their time is over."""
# The order matters: a subclass stands before its base class.
SENTENCES: list[tuple[type[Exception], str]] = [
    (av_error.HTTPForbiddenError, FORBIDDEN),
    (av_error.HTTPNotFoundError, NO_STREAM),
    (av_error.HTTPClientError, BAD_REQUEST),
    (av_error.HTTPError, OWN_ERROR),
    (ConnectionRefusedError, "refuses the connection. Is the camera on, and is the port right?"),
    (ConnectionError, "broke off the connection. Check the camera and the network; Skycam reopens it."),
    (socket.gaierror, "has a host name that is not known. Check the name, or enter the IP address."),
    (ssl.SSLCertVerificationError, f"has a certificate that this machine does not trust. {UNTRUSTED}"),
    (ssl.SSLError, "does not agree to an encrypted connection. Check the beginning of the address, and the port."),
    (av_error.ArgumentError, OTHER_KIND),
    (av_error.DemuxerNotFoundError, OTHER_KIND),
    (av_error.InvalidDataError, REFUSED_DATA),
    (av_error.EOFError, ENDED),
]
NO_ROUTES = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
STATUSES = {403: FORBIDDEN, 404: NO_STREAM, 400: BAD_REQUEST, 500: OWN_ERROR, NO_HTTP: OTHER_PROTOCOL}
"""Sentences for HTTP statuses; 400 and 500 stand for all others of their class."""


def opening_failed(address: str, error: Exception, waited_s: float, limit_s: float) -> CameraError:
    """The CameraError for a connection that could not be opened in `waited_s` of `limit_s` seconds."""
    if isinstance(error, UnsupportedSignIn):
        return _sign_in_unsupported(error)
    if isinstance(error, UnexpectedStatus):
        return _status_error(address, error.status)
    if isinstance(error, av_error.HTTPUnauthorizedError):
        return _unauthorized(address)
    # FFmpeg may report the end of its time as invalid data.
    if isinstance(error, SILENCE) or waited_s >= limit_s:
        return unreachable(f"sent nothing for {waited_s:.0f} s. Check its address, its power and the network.")
    if isinstance(error, av_error.ArgumentError) and address.startswith("rtsp"):
        return unreachable(f"{LOST} {REDIRECTED}")  # FFmpeg's error for a redirection
    return unreachable(_sentence(error) or _lost(address))


def reading_failed(error: Exception, silent_s: float) -> CameraError:
    """The CameraError for an open connection that ended with `error`; `silent_s`: since the camera last sent
    something."""
    if isinstance(error, SILENCE):
        return unreachable(f"was silent for {silent_s:.0f} s. Check the camera and the network; Skycam reopens it.")
    return unreachable(_sentence(error) or f"lost the connection ({type(error).__name__}). Skycam reopens it.")


def _sentence(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.errno in NO_ROUTES:
        return NO_ROUTE
    return next((sentence for kind, sentence in SENTENCES if isinstance(error, kind)), None)


def refused(error: AddressRefused) -> CameraError:
    """The message does not reveal what listens there."""
    return CameraError(f"The camera's address {error}", permanent=True)


def _status_error(address: str, status: int) -> CameraError:
    if status == UNAUTHORIZED:
        return _unauthorized(address)
    if status // 100 == 3:
        return unreachable(f"{LOST} {REDIRECTED}")
    return unreachable(STATUSES.get(status) or STATUSES.get(status // 100 * 100, OTHER_PROTOCOL))


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


def _sign_in_unsupported(error: UnsupportedSignIn) -> CameraError:
    return CameraError(
        f"The camera asks for a sign-in that Skycam does not have ({str(error) or 'it names none'}). "
        "Set it to Digest with MD5 or SHA-256 on its own pages. The password was not sent.",
        permanent=True,
    )


def library() -> str:
    """`PyAV 18.1.0 (libavformat 62.12.102)`."""
    version = ".".join(str(part) for part in av.library_versions["libavformat"])
    return f"PyAV {av.__version__} (libavformat {version})"
