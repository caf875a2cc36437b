"""Copies over SFTP, on a real sshd: its key is pinned, files are resumed, read back and renamed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

from cameras.models import Camera
from captures.models import Clip, Destination, StorageRoot
from captures.storage.offsite.destinations.port import CopyMissing
from captures.storage.stored_files import FILE_TABLES
from tests.harness.far_ends.offsite.sshd import Sshd, make_key
from tests.harness.rows.clips import clip_of
from tests.harness.rows.offsite import copies, destination, events, make_due, open_alerts, probe, restore, send, states

pytestmark = pytest.mark.django_db
LARGE = Random(35).randbytes(3_000_000)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def server(db: None, sshd: Sshd) -> Destination:
    """Tested, so that the key is pinned."""
    made = destination("sftp", sshd.settings, sshd.secret)
    assert probe(made)["works"]
    made.refresh_from_db()
    return made


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root, film=LARGE)


def place(server: Destination, sshd: Sshd) -> Path:
    [copy] = copies(server)
    return sshd.folder / "copies" / copy.key


def test_a_clip_is_copied_and_read_back(server: Destination, sshd: Sshd, clip: Clip) -> None:
    send(server)
    assert [copy.verified_by for copy in copies(server)] == ["read_back"]
    assert place(server, sshd).read_bytes() == LARGE
    assert len(list(place(server, sshd).parent.iterdir())) == 1


def test_the_first_test_pins_the_key_of_the_server(server: Destination, sshd: Sshd) -> None:
    assert server.host_key == sshd.fingerprint
    assert events() == ["offsite.pinned"]


def test_nothing_is_sent_before_the_key_is_pinned(sshd: Sshd, clip: Clip) -> None:
    made = destination("sftp", sshd.settings, sshd.secret)
    send(made)
    assert states(made) == ["queued"]
    assert "Test the destination" in made.hosts.get().error


def test_a_server_with_another_key_is_refused(server: Destination, sshd: Sshd, clip: Clip) -> None:
    sshd.change_key()
    assert not probe(server)["works"]
    send(server)
    assert states(server) == ["queued"]
    assert sshd.fingerprint in server.hosts.get().error


def test_another_user_key_is_refused_in_words(server: Destination, sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "another")
    made = destination("sftp", sshd.settings, {"private_key": (tmp_path / "another").read_text()}, name="another")
    assert probe(made)["said"] == ["The server refused the user, the password or the key."]


def test_a_part_is_continued(server: Destination, sshd: Sshd, clip: Clip) -> None:
    send(server)
    found = place(server, sshd)
    part = found.with_name(f"{found.name}.skycam-part")
    found.unlink()
    part.write_bytes(LARGE[:1_000_000])
    before = part.stat().st_ino
    server.copies.update(state="queued", verified_at=None)
    send(server)
    assert found.read_bytes() == LARGE
    assert found.stat().st_ino == before


def test_a_part_with_other_content_is_replaced(server: Destination, sshd: Sshd, clip: Clip) -> None:
    send(server)
    found = place(server, sshd)
    found.rename(found.with_name(f"{found.name}.skycam-part"))
    found.with_name(f"{found.name}.skycam-part").write_bytes(bytes(2_000_000))
    server.copies.update(state="queued", verified_at=None)
    send(server)
    assert found.read_bytes() == LARGE
    assert open_alerts() == []


def test_a_server_that_is_down_for_a_while_gets_everything(server: Destination, sshd: Sshd, clip: Clip) -> None:
    sshd.stop()
    send(server)
    assert states(server) == ["queued"]
    assert open_alerts() == ["offsite.failing"]
    sshd.start()
    make_due(server)
    send(server)
    assert states(server) == ["verified"]
    assert open_alerts() == []


def test_a_damaged_file_comes_back_from_its_copy(server: Destination, clip: Clip) -> None:
    send(server)
    file = Path(clip.root.path, clip.path)
    file.write_bytes(bytes(clip.bytes))
    restore(FILE_TABLES["clips"].of_row(clip))
    assert file.read_bytes() == LARGE
    assert len(list(file.parent.iterdir())) == 1


def test_a_copy_that_is_missing_when_it_is_needed_is_not_verified_any_more(
    server: Destination, sshd: Sshd, clip: Clip
) -> None:
    send(server)
    place(server, sshd).unlink()
    with pytest.raises(CopyMissing):
        restore(FILE_TABLES["clips"].of_row(clip))
    assert states(server) == ["queued"]


@pytest.fixture
def vague(db: None, tmp_path: Path) -> Iterator[tuple[Destination, Sshd]]:
    """A server that answers FAILURE for a file that is not there; tested."""
    server = Sshd(tmp_path, vague=True)
    made = destination("sftp", server.settings, server.secret)
    assert probe(made)["works"]
    made.refresh_from_db()
    yield made, server
    server.stop()


def test_a_server_that_answers_failure_for_a_missing_file_gets_the_copies(
    vague: tuple[Destination, Sshd], clip: Clip
) -> None:
    made, server = vague
    send(made)
    assert [(copy.state, copy.attempts) for copy in copies(made)] == [("verified", 1)]
    assert place(made, server).read_bytes() == LARGE


def test_a_copy_that_such_a_server_lost_is_found_missing_and_sent_again(
    vague: tuple[Destination, Sshd], clip: Clip
) -> None:
    made, server = vague
    send(made)
    place(made, server).unlink()
    with pytest.raises(CopyMissing):
        restore(FILE_TABLES["clips"].of_row(clip))
    make_due(made)
    send(made)
    assert states(made) == ["verified"]
    assert place(made, server).read_bytes() == LARGE


def test_another_failure_of_such_a_server_is_none_of_a_missing_file(
    vague: tuple[Destination, Sshd], clip: Clip
) -> None:
    made, server = vague
    send(made)
    found = place(made, server)
    found.unlink()
    found.mkdir()  # it cannot be opened as a file
    made.copies.update(state="queued", verified_at=None)
    send(made)
    assert states(made) == ["queued"]
    assert copies(made)[0].error == "The server refused the request: Failure."


def test_the_cause_of_a_failed_connection_is_in_the_sentence_and_no_traceback_in_the_log(
    sshd: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    with another_server() as port:
        made = destination("sftp", {**sshd.settings, "port": port}, sshd.secret)
        [said] = probe(made)["said"]
    assert said.startswith("The connection failed: Error reading SSH protocol banner")
    assert "Traceback" not in caplog.text


@contextmanager
def another_server() -> Iterator[int]:
    """The port of a server that speaks something else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class QuietHandler(BaseHTTPRequestHandler):
    def log_message(self, *words: object) -> None: ...
