"""A server with SFTP as a destination. Django-free; imported in the process of a job only.

The file is written under a temporary name, continued there by a later attempt, read back, and renamed.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import logging
import posixpath
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import Any

import paramiko
from paramiko.sftp import CMD_EXTENDED

from captures.storage.offsite.destinations.port import (
    FAILPOINTS,
    Compared,
    CopyMissing,
    DestinationError,
    Interrupted,
    Pace,
    Source,
    Upload,
    WrongChecksum,
    check_key,
    has_beginning,
    is_whole,
    without_secrets,
)
from captures.storage.offsite.destinations.settings import SftpSecret, SftpSettings
from core.outgoing import AddressRefused, OutgoingGuard
from core.text.names import readable

CONNECT_S, STALL_S = 10.0, 30.0
WRITE_BYTES, WINDOW_BYTES = 32 * 1024, 2 * 1024 * 1024
"""Of a request; and what is requested before any of it has arrived."""
PART = ".skycam-part"
PROBE = ".skycam-probe"
# Its thread logs each failed connection with a traceback. The cause is in the sentence of the DestinationError.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SftpSender:
    """`host_key` is the pinned fingerprint; a server with another key is refused before anything secret is sent. Empty
    for the first test, which reads it from `found_key`."""

    def __init__(
        self, settings: SftpSettings, secret: SftpSecret, guard: OutgoingGuard, pace: Pace, *, host_key: str,
        pin: bool = False, stall_s: float = STALL_S,
    ) -> None:  # fmt: skip
        """DestinationError."""
        self._base, self._pace = settings.path, pace
        self._secrets = (secret.password,)
        connection = None
        try:
            connection = guard.connect(settings.host, settings.port, CONNECT_S)
            self._transport = paramiko.Transport(connection)
        except AddressRefused as error:
            raise DestinationError(f"The address {error}") from error
        except (OSError, paramiko.SSHException) as error:
            if connection is not None:
                connection.close()
            raise DestinationError(f"No connection to {settings.host}, port {settings.port}: {_why(error)}.") from error
        try:
            self._open(settings, secret, host_key, pin=pin, stall_s=stall_s)
        except BaseException:
            self._transport.close()
            raise

    def _open(
        self, settings: SftpSettings, secret: SftpSecret, host_key: str, *, pin: bool, stall_s: float
    ) -> None:  # fmt: skip
        with translated(self._secrets):
            self._transport.banner_timeout = self._transport.auth_timeout = CONNECT_S
            self._transport.start_client(timeout=CONNECT_S)
            self.found_key = fingerprint(self._transport.get_remote_server_key())
            check_host_key(host_key, self.found_key, pin=pin)
            if secret.password:
                self._transport.auth_password(settings.user, secret.password)
            else:
                self._transport.auth_publickey(settings.user, parse_key(secret.private_key))
            # Packets keep the connection alive while the limit of bandwidth lets nothing pass.
            self._transport.set_keepalive(10)
            client = paramiko.SFTPClient.from_transport(self._transport)
            if client is None:
                raise DestinationError("The server has no SFTP.")
            self._client: Any = client
            if (channel := client.get_channel()) is not None:
                channel.settimeout(stall_s)

    def put_file(self, source: Source, key: str, upload: Upload) -> str:
        path = self._base + check_key(key)
        part = f"{path}{PART}"
        with translated(self._secrets):
            self._make_folders(posixpath.dirname(path))
            if upload.again and self._is_there(path, source, upload):
                return "read_back"
            # An earlier attempt may have been comparing the whole file.
            if not upload.was_comparing(Compared.SENT) or self._size(part) != source.size:
                self._write(part, source, upload)
            FAILPOINTS.hit("after_data_sent")
            if not is_whole(source, partial(self._read, part), upload, Compared.SENT, self._pace):
                self._client.remove(part)
                raise WrongChecksum
            self._rename(part, path)
            FAILPOINTS.hit("after_copy_placed")
        return "read_back"

    def fetch(self, key: str, begin: int = 0) -> Iterator[bytes]:
        with translated(self._secrets):
            yield from self._read(self._base + check_key(key), begin)

    def forget(self, key: str, upload: str) -> None:
        with contextlib.suppress(DestinationError), translated(self._secrets):
            self._client.remove(f"{self._base}{check_key(key)}{PART}")

    def remove(self, key: str) -> None:
        with translated(self._secrets), contextlib.suppress(FileNotFoundError):
            self._client.remove(self._base + check_key(key))

    def probe(self) -> list[str]:
        path = self._base + PROBE
        with translated(self._secrets):
            self._make_folders(posixpath.dirname(path))
            with self._client.open(path, "wb") as file:
                file.write(b"skycam")
            whole = b"".join(self._read(path)) == b"skycam"
            self._client.remove(path)
        if not whole:
            raise WrongChecksum("The server gave back something else than what was written.")
        return ["A file was written, read and removed.", f"The server's key is {self.found_key}."]

    def close(self) -> None:
        self._transport.close()

    def _is_there(self, path: str, source: Source, upload: Upload) -> bool:
        found = self._stat(path)
        same = found is not None and int(found.st_size or 0) == source.size
        return same and is_whole(source, partial(self._read, path), upload, Compared.PLACED, self._pace)

    def _write(self, part: str, source: Source, upload: Upload) -> None:
        upload.forget_compared(Compared.SENT)
        begin = self._size(part)
        # Compared and not only counted: the end may be lost that the server had not stored yet.
        if begin and not has_beginning(source, partial(self._read, part), upload, begin):
            upload.forget_compared(Compared.BEGUN)
            self._client.truncate(part, 0)
            begin = 0
        with self._client.open(part, "r+b" if begin else "wb") as file:
            file.set_pipelined(True)
            file.seek(begin)
            for chunk in source.chunks(begin):
                for place in range(0, len(chunk), WRITE_BYTES):
                    piece = chunk[place : place + WRITE_BYTES]
                    self._pace.take_bytes(len(piece))
                    file.write(piece)
            file.flush()
            self._sync(file)

    def _sync(self, file: Any) -> None:
        """Ask the server to store the file, which only some can do."""
        with contextlib.suppress(OSError):
            # paramiko has no method for extensions of OpenSSH.
            self._client._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)  # noqa: SLF001

    def _read(self, path: str, begin: int = 0) -> Generator[bytes, None, None]:
        with self._open_to_read(path) as file:
            file.seek(begin)
            size = self._size(path)
            for place in range(begin, size, WINDOW_BYTES):
                file.prefetch(min(size, place + WINDOW_BYTES))
                # All of it before the first piece is passed on: an interruption then leaves no thread of paramiko that
                # still sends requests.
                window = file.read(min(size - place, WINDOW_BYTES))
                for piece in range(0, len(window), WRITE_BYTES):
                    chunk = window[piece : piece + WRITE_BYTES]
                    self._pace.take_bytes(len(chunk))
                    yield chunk

    def _open_to_read(self, path: str) -> Any:
        """FileNotFoundError, OSError."""
        try:
            return self._client.open(path, "rb")
        except OSError as error:
            if self._means_missing(error, path):
                raise FileNotFoundError(errno.ENOENT, "No such file") from error
            raise

    def _size(self, path: str) -> int:
        found = self._stat(path)
        return 0 if found is None else int(found.st_size or 0)

    def _stat(self, path: str) -> Any:
        """None when there is no such file."""
        try:
            return self._client.stat(path)
        except OSError as error:
            if self._means_missing(error, path):
                return None
            raise

    def _means_missing(self, error: OSError, path: str) -> bool:
        """Some servers answer FAILURE for a file that is not there, as for any other error: then its folder tells."""
        if isinstance(error, FileNotFoundError):
            return True
        return is_failure(error) and not self._is_listed(path)

    def _is_listed(self, path: str) -> bool:
        """Whether its folder has it; True when that cannot be known. OSError."""
        folder, name = posixpath.split(path)
        if not name:
            return True
        try:
            return name in self._client.listdir(folder or ".")
        except OSError:
            # The folder may be missing, too.
            return self._is_listed(folder) if folder else True

    def _rename(self, part: str, path: str) -> None:
        try:
            self._client.posix_rename(part, path)
        except OSError:
            # A server without the extension does not replace a file.
            if self._stat(path) is not None:
                self._client.remove(path)
            self._client.rename(part, path)

    def _make_folders(self, folder: str) -> None:
        if not folder or self._stat(folder) is not None:
            return
        self._make_folders(posixpath.dirname(folder))
        # Another host may make it now.
        with contextlib.suppress(OSError):
            self._client.mkdir(folder)


@contextlib.contextmanager
def translated(secrets: Sequence[str]) -> Iterator[None]:
    """DestinationError for what paramiko raises. Its texts have none of `secrets`."""
    try:
        yield
    except (DestinationError, Interrupted):
        raise
    except paramiko.AuthenticationException as error:
        raise DestinationError("The server refused the user, the password or the key.") from error
    except FileNotFoundError as error:
        raise CopyMissing("The server has no such file.") from error
    except (OSError, paramiko.SSHException, paramiko.SFTPError, EOFError) as error:
        raise DestinationError(without_secrets(describe(error), secrets)) from error


def describe(error: Exception) -> str:
    """The cause as a sentence."""
    match error:
        case TimeoutError():
            return "The server did not answer in time."
        case EOFError():
            return "The server closed the connection."
        case OSError(errno=errno.ENOSPC):
            return "The disk of the server is full."
        case OSError(errno=errno.EACCES):
            return "The server does not allow it. Check the rights of the user in the folder."
        case OSError() if is_failure(error):
            return f"The server refused the request: {_why(error)}."
    return f"The connection failed: {_why(error)}."


def is_failure(error: OSError) -> bool:
    """Whether it is an answer of the server without a known cause, such as FAILURE. paramiko gives it a text alone."""
    return error.errno is None and not isinstance(error, TimeoutError) and bool(error.args)


def _why(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return readable(str(said)).strip().rstrip(".")[:200]


def fingerprint(key: paramiko.PKey) -> str:
    """As `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def check_host_key(pinned: str, found: str, *, pin: bool) -> None:
    """DestinationError for a server whose key is not the pinned one. `pin`: none is pinned yet."""
    if not pinned and not pin:
        raise DestinationError("The server's key is not known yet. Test the destination, which pins it.")
    if pinned and pinned != found:
        raise DestinationError(
            f"The server has the key {found}, and not {pinned} as before. It may be another server. If its key was "
            "changed on purpose, write the new one into the destination."
        )


def parse_key(text: str) -> paramiko.PKey:
    """DestinationError."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        # Each of them raises for the keys of the others.
        with contextlib.suppress(paramiko.SSHException, ValueError, IndexError):
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text.strip() + "\n"))
            return found
    raise DestinationError("The private key cannot be read. Give one of Ed25519, ECDSA or RSA, without a passphrase.")
