"""A bucket of an S3-compatible server as a destination. Django-free; imported in the process of a job only.

Uploads above PART_BYTES are multipart. A later attempt asks the server which parts it has, and compares their
checksums with the file. Every copy is compared at the far end: by the SHA-256 that the server computed, if it was
seen to refuse a wrong one, else by reading the copy back.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from captures.storage.offsite.destinations.guarded_http import STALL_S, GuardedHttp, PacedBody, other_region
from captures.storage.offsite.destinations.port import (
    CHUNK_BYTES,
    FAILPOINTS,
    Compared,
    CopyMissing,
    DestinationError,
    FileUnreadable,
    Pace,
    Source,
    Upload,
    WrongChecksum,
    check_key,
    is_whole,
    without_secrets,
)
from captures.storage.offsite.destinations.settings import S3Secret, S3Settings
from core.outgoing import OutgoingGuard
from core.text.names import readable

PART_BYTES = 16 * 1024 * 1024
MAX_PARTS = 9_000
PROBE = ".skycam-probe"
LOST = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall"})
"""Errors of an upload that the server has forgotten, in part or whole: it is begun again."""
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
WRONG = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest"})
UNKNOWN_HEADER = frozenset({400, 501})
"""Status of a request with a header that the server does not know; among others."""
SIGNATURE = frozenset({"AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "InvalidToken", "ExpiredToken"})


@dataclass(frozen=True, slots=True)
class KnownChecksums:
    """`checks_sha256`: whether the server is known to refuse a wrong checksum. `takes_checksums`: whether it takes
    requests with checksums at all; None: unknown. It is then found out at the first request that is refused, and passed
    to `note_takes_checksums`."""

    checks_sha256: bool = False
    takes_checksums: bool | None = None
    note_takes_checksums: Callable[[bool], None] = field(default=lambda _takes: None)


class ChecksumSupport:
    """What the server does with checksums, found out with an object of its own, `probe_name`, and the arguments of
    requests to it. The methods that ask the server raise ClientError."""

    def __init__(self, client: Any, bucket: str, probe_name: str, known: KnownChecksums) -> None:
        self._client, self._probe = client, {"Bucket": bucket, "Key": probe_name}
        self.checks_sha256, self._takes = known.checks_sha256, known.takes_checksums
        self._note_takes = known.note_takes_checksums

    @property
    def algorithm(self) -> dict[str, str]:
        """Empty, as `sha256`, for a server that refuses checksums. Its copies are read back."""
        return {} if self._takes is False else {"ChecksumAlgorithm": "SHA256"}

    def sha256(self, digest: bytes) -> dict[str, str]:
        return {} if self._takes is False else {"ChecksumSHA256": encoded(digest)}

    def refuses_after(self, error: ClientError) -> bool:
        """Whether a request may have failed for its checksum, of a server of which that was unknown, and was found to
        refuse them: then it is sent again without. ClientError when it also refuses a request without a checksum."""
        if self._takes is not None or not may_be_refused_checksum(error):
            return False
        takes = self.find_takes()
        self._note_takes(takes)
        return not takes

    def find_takes(self) -> bool:
        """Whether the server takes a request with a checksum. Some refuse what they do not know. ClientError when a
        request without a checksum is refused as well: then it has another cause."""
        digest = encoded(hashlib.sha256(b"skycam").digest())
        try:
            self._client.put_object(**self._probe, Body=b"skycam", ChecksumAlgorithm="SHA256", ChecksumSHA256=digest)
            self._takes = True
        except ClientError as error:
            if not may_be_refused_checksum(error):
                raise
            self._client.put_object(**self._probe, Body=b"skycam")
            self._takes = False
        self._client.delete_object(**self._probe)
        return self._takes

    def refuses_wrong_sha256(self) -> bool:
        """Whether the server compares a checksum with what it received, of an object and of a part. Some store the one
        that they are given."""
        wrong = {
            "Body": b"skycam", "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": encoded(hashlib.sha256(b"another").digest()),
        }  # fmt: skip
        if not is_refused(partial(self._client.put_object, **self._probe, **wrong)):
            self._client.delete_object(**self._probe)
            return False
        begun = self._client.create_multipart_upload(**self._probe, ChecksumAlgorithm="SHA256")
        upload = {**self._probe, "UploadId": begun["UploadId"]}
        try:
            return is_refused(partial(self._client.upload_part, **upload, **wrong, PartNumber=1))
        finally:
            self._client.abort_multipart_upload(**upload)


class MultipartUpload:
    """Uploads of objects in parts of at least `part_bytes`, which a later attempt continues. ClientError."""

    def __init__(self, client: Any, bucket: str, pace: Pace, checksums: ChecksumSupport, part_bytes: int) -> None:
        self._client, self._bucket, self._pace, self._checksums = client, bucket, pace, checksums
        self.part_bytes = part_bytes

    def send(self, source: Source, name: str, upload: Upload) -> str:
        """The checksum of the whole object, which is made of those of its parts."""
        size = max(self.part_bytes, -(-source.size // MAX_PARTS))
        try:
            there = self._parts_there(name, upload)
            parts, digests, whole = [], b"", hashlib.sha256()
            for number, begin in enumerate(range(0, source.size, size), 1):
                content = source.read(size, begin)
                digest = hashlib.sha256(content).digest()
                digests += digest
                whole.update(content)
                tag = there.get((number, len(content)), {})
                # A part of an earlier attempt counts only with its checksum.
                if not is_of(tag, content, digest):
                    tag = self._send_part(name, upload.id, number, content, digest)
                    FAILPOINTS.hit("after_part_sent")
                parts.append({"PartNumber": number, "ETag": tag["ETag"], **self._checksums.sha256(digest)})
            # The server compares what it received with these parts: they have to be those of the file.
            if whole.hexdigest() != source.sha256:
                raise FileUnreadable("The content of the file changed while it was sent.")
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=name, UploadId=upload.id, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            if code_of(error) in LOST:
                self.abort(name)
                upload.set("")
            raise
        # Completed: the id is of no use any more, and a kill before this line finds no such upload and begins again.
        upload.set("")
        return encoded(hashlib.sha256(digests).digest())

    def abort(self, name: str) -> None:
        """Abort the unfinished uploads of this object."""
        for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=name):
            for found in page.get("Uploads", []):
                if found["Key"] == name:
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=found["UploadId"])

    def _parts_there(self, name: str, upload: Upload) -> dict[tuple[int, int], dict[str, Any]]:
        """The parts that the server has of the upload, by number and size. Begins one if there is none."""
        if upload.id:
            try:
                pages = self._client.get_paginator("list_parts").paginate(
                    Bucket=self._bucket, Key=name, UploadId=upload.id
                )
                return {(part["PartNumber"], part["Size"]): part for page in pages for part in page.get("Parts", [])}
            except ClientError as error:
                if code_of(error) not in LOST:
                    raise
        # A kill between the next two statements leaves an upload whose id is in no row; its parts would cost for ever.
        self.abort(name)
        begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=name, **self._checksums.algorithm)
        FAILPOINTS.hit("after_upload_begun")
        upload.set(begun["UploadId"])
        return {}

    def _send_part(self, name: str, upload: str, number: int, content: bytes, digest: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.upload_part(
            Bucket=self._bucket, Key=name, UploadId=upload, PartNumber=number, Body=PacedBody(content, self._pace),
            **self._checksums.algorithm, **self._checksums.sha256(digest),
        )  # fmt: skip
        return answer


class S3Sender:
    """One bucket of one server; the objects are named by `settings.prefix` and the key."""

    def __init__(
        self, settings: S3Settings, secret: S3Secret, guard: OutgoingGuard, pace: Pace,
        known: KnownChecksums | None = None, *, part_bytes: int = PART_BYTES, stall_s: float = STALL_S,
    ) -> None:  # fmt: skip
        self._bucket, self._prefix, self._pace = settings.bucket, settings.prefix, pace
        self._secrets = secret.secret_key, settings.access_key
        self._http = GuardedHttp(guard, stall_s)
        # A session of its own: none of the files and variables of the environment is read for credentials.
        session = boto3.session.Session(
            aws_access_key_id=settings.access_key, aws_secret_access_key=secret.secret_key,
            region_name=settings.region,
        )  # fmt: skip
        config = Config(
            s3={"addressing_style": "path" if settings.path_style else "virtual"},
            # The rows say when a copy is tried again: a second layer of retries would hide failures.
            retries={"total_max_attempts": 1, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            signature_version="s3v4",
        )
        self._client: Any = session.client("s3", endpoint_url=settings.endpoint, config=config)
        self._client.meta.events.register("before-send.s3", self._http.send)
        self._client.meta.events.register("before-call.s3", refuse_other_regions)
        self._checksums = ChecksumSupport(self._client, self._bucket, self._prefix + PROBE, known or KnownChecksums())
        self._multipart = MultipartUpload(self._client, self._bucket, pace, self._checksums, part_bytes)

    def put_file(self, source: Source, key: str, upload: Upload) -> str:
        name = self._prefix + check_key(key)
        with translated(self._secrets):
            if upload.again and self._is_there(source, name, upload):
                return "read_back"
            upload.forget_compared(Compared.PLACED)
            wanted = self._put(source, name, upload)
            FAILPOINTS.hit("after_data_sent")
            return self._verify(source, name, upload, wanted)

    def fetch(self, key: str, begin: int = 0) -> Iterator[bytes]:
        with translated(self._secrets):
            yield from self._read(self._prefix + check_key(key), begin)

    def address(self, key: str, lifetime_s: int, type_: str, disposition: str) -> str:
        """A presigned address at which a browser gets the copy; `disposition` is the header of that name."""
        wanted = {
            "Bucket": self._bucket, "Key": self._prefix + check_key(key), "ResponseContentType": type_,
            "ResponseContentDisposition": disposition,
        }  # fmt: skip
        return str(self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=lifetime_s))

    def forget(self, key: str, upload: str) -> None:
        with contextlib.suppress(DestinationError), translated(self._secrets):
            self._multipart.abort(self._prefix + check_key(key))

    def remove(self, key: str) -> None:
        with translated(self._secrets):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + check_key(key))

    def probe(self) -> list[str]:
        with translated(self._secrets):
            name, content = self._prefix + PROBE, b"skycam"
            self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
            answer = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read(CHUNK_BYTES)
            self._client.delete_object(Bucket=self._bucket, Key=name)
        if answer != content:
            raise WrongChecksum("The bucket gave back something else than what was written.")
        return ["An object was written, read and removed."]

    def probe_checksums(self) -> tuple[bool, bool]:
        """Whether the server takes requests with checksums, and whether it refuses a wrong one. DestinationError."""
        with translated(self._secrets):
            takes = self._checksums.find_takes()
            return takes, takes and self._checksums.refuses_wrong_sha256()

    def close(self) -> None:
        self._http.close()
        self._client.close()

    def _put(self, source: Source, name: str, upload: Upload) -> str:
        """The checksum that the object should have. ClientError."""
        put = self._put_whole if source.size <= self._multipart.part_bytes else self._multipart.send
        try:
            return put(source, name, upload)
        except ClientError as error:
            if not self._checksums.refuses_after(error):
                raise
        return put(source, name, upload)

    def _put_whole(self, source: Source, name: str, _upload: Upload) -> str:
        digest = bytes.fromhex(source.sha256)
        body = PacedBody(source.read(source.size, 0), self._pace)
        self._client.put_object(
            Bucket=self._bucket, Key=name, Body=body, **self._checksums.algorithm, **self._checksums.sha256(digest)
        )
        return encoded(digest)

    def _is_there(self, source: Source, name: str, upload: Upload) -> bool:
        try:
            head = self._head(name)
        except ClientError as error:
            if code_of(error) in MISSING:
                return False
            raise
        return head["ContentLength"] == source.size and self._is_whole(source, name, upload)

    def _is_whole(self, source: Source, name: str, upload: Upload) -> bool:
        return is_whole(source, partial(self._read, name), upload, Compared.PLACED, self._pace)

    def _read(self, name: str, begin: int = 0) -> Generator[bytes, None, None]:
        part = {"Range": f"bytes={begin}-"} if begin else {}
        answer = self._client.get_object(Bucket=self._bucket, Key=name, **part)
        with contextlib.closing(answer["Body"]) as body:
            if begin and "ContentRange" not in answer:
                raise DestinationError("The server does not answer requests for a part of an object.")
            while chunk := body.read(CHUNK_BYTES):
                self._pace.take_bytes(len(chunk))
                yield chunk

    def _verify(self, source: Source, name: str, upload: Upload, wanted: str) -> str:
        head = self._head(name, **({"ChecksumMode": "ENABLED"} if self._checksums.checks_sha256 else {}))
        if head["ContentLength"] != source.size:
            self._remove(name)
            raise WrongChecksum(f"The copy has {head['ContentLength']} bytes, not {source.size}.")
        # Most servers add the number of the parts: `...=-6`.
        if self._checksums.checks_sha256 and str(head.get("ChecksumSHA256")).partition("-")[0] == wanted:
            return "server"
        if not self._is_whole(source, name, upload):
            self._remove(name)
            raise WrongChecksum
        return "read_back"

    def _head(self, name: str, **more: str) -> dict[str, Any]:
        """ClientError."""
        try:
            found: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=name, **more)
        except ClientError as error:
            if code_of(error) not in MISSING:
                # An answer to HEAD has no words. To read the object is refused for the same reason, and with them.
                self._client.get_object(Bucket=self._bucket, Key=name, Range="bytes=0-0")["Body"].close()
            raise
        return found

    def _remove(self, name: str) -> None:
        """A copy that is wrong. If it cannot be removed, the next attempt overwrites it."""
        with contextlib.suppress(ClientError, BotoCoreError, DestinationError, urllib3.exceptions.HTTPError):
            self._client.delete_object(Bucket=self._bucket, Key=name)


def refuse_other_regions(context: dict[str, Any], **_: Any) -> None:
    """botocore asks for the region after each error that could be of another one, and asks again about that answer: a
    server that always says so would keep it for ever."""
    context.setdefault("s3_redirect", {})["redirected"] = True


@contextlib.contextmanager
def translated(secrets: Sequence[str]) -> Iterator[None]:
    """DestinationError for what boto3 raises. Its texts have none of `secrets`."""
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if region := error.response.get("Error", {}).get("Region"):
            raise other_region(str(region)) from error
        kind = WrongChecksum if code in WRONG else CopyMissing if code in MISSING else DestinationError
        said = readable(without_secrets(str(error.response.get("Error", {}).get("Message", "")), secrets))[:200]
        raise kind(f"The server refused the request: {readable(code)[:60]}. {said}".strip()) from error
    except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
        raise DestinationError(describe(error)) from error


def describe(error: Exception) -> str:
    """The cause of a failed connection as a sentence."""
    match error:
        case urllib3.exceptions.TimeoutError() | TimeoutError():
            why = "the server did not answer in time"
        case urllib3.exceptions.SSLError():
            reason = (
                getattr(error.args[0], "verify_message", "") or getattr(error.args[0], "reason", "") or "TLS failed"
            )
            why = f"{readable(str(reason))[:100]}. Check the certificate of the server"
        case urllib3.exceptions.ProtocolError():
            why = "the server closed it"
        case OSError() if error.strerror:
            why = error.strerror
        case _:
            why = type(error).__name__
    return f"The connection failed: {why}."


def is_refused(send: Callable[[], object]) -> bool:
    """Whether the server refuses the checksum of what is sent. ClientError for another reason."""
    try:
        send()
    except ClientError as error:
        if code_of(error) in WRONG:
            return True
        raise
    return False


def may_be_refused_checksum(error: ClientError) -> bool:
    """Whether a request may have been refused for having a checksum. Servers name that in many ways."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in UNKNOWN_HEADER and code_of(error) not in WRONG | LOST | SIGNATURE


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def is_of(part: dict[str, Any], content: bytes, digest: bytes) -> bool:
    """Whether the server's part has this content, by its MD5, which is the tag of most servers, or by its SHA-256."""
    tag = str(part.get("ETag", "")).strip('"')
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return tag == md5 or part.get("ChecksumSHA256") == encoded(digest)
