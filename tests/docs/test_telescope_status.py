"""docs/cameras/telescope-status.md: its kinds, settings and examples are those of the code."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path

import pytest

from cameras.drivers.base import SystemClock
from cameras.telescope_status.file import parse_status
from cameras.telescope_status.sources import STATUS_SOURCES, CanPoint, Site, SourceContext, source_class
from cameras.telescope_status.status import TelescopeStatus, header_words
from skycam_project.config.model import SkycamConfig
from tests.harness.documents.pages import blocks, page, section
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/cameras/telescope-status.md"


def shown_default(value: object) -> str:
    if value in {None, ""}:
        return "none"
    return ", ".join(value) if isinstance(value, tuple) else json.dumps(value).strip('"').removesuffix(".0")


def section_of(kind: str) -> str:
    (heading,) = re.findall(rf"^### ({kind}: .+)$", page(PAGE), re.MULTILINE)
    return section(PAGE, heading)


def test_the_page_lists_all_kinds_and_which_of_them_can_point() -> None:
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\(\S+\) \| .+ \| (yes|no) \|$", page(PAGE), re.MULTILINE))
    expected = {kind: "yes" if issubclass(source_class(kind), CanPoint) else "no" for kind in STATUS_SOURCES}
    assert rows == expected


@pytest.mark.parametrize("kind", STATUS_SOURCES)
def test_the_table_of_a_kind_has_all_settings_with_their_defaults(kind: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| ", section_of(kind), re.MULTILINE)
    fields = source_class(kind).Settings.model_fields
    expected = {
        name: "required" if field.is_required() else shown_default(field.default) for name, field in fields.items()
    }
    assert dict(rows) == expected


def test_the_page_has_all_header_words() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| ", section(PAGE, "The telescope's status"), re.MULTILINE)
    listed = [word for row in rows for word in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(listed) == sorted(header_words(TelescopeStatus(0)))


def test_the_example_of_a_configuration_is_valid(tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "yaml")
    file = tmp_path / "skycam.yaml"
    file.write_text(example)
    (telescope,) = SkycamConfig.from_yaml(file).telescopes
    assert (telescope.name, telescope.source, telescope.cameras) == ("one-meter", "indi", ["mosaic"])


@pytest.mark.parametrize("language", ["text", "json"])
def test_the_example_of_a_file_is_read(language: str) -> None:
    (example,) = blocks(PAGE, language)
    found = parse_status(example, 0)
    assert (found.ra, found.dec) == (pytest.approx(5.588), pytest.approx(-5.391))
    assert (found.focus, found.filter_name, found.filter_id, found.is_slewing) == (25.3, "r", "2", False)
    assert found.problem == ""


def test_the_example_of_a_protocol_reads_a_telescope() -> None:
    example: dict[str, object] = {}
    exec("\n".join(blocks(PAGE, "python")), example)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"05:35:16.8 -5.391\n")

        thread = threading.Thread(target=answer)
        thread.start()
        settings = example["OneLineSettings"](host="127.0.0.1", port=server.getsockname()[1])  # type: ignore[operator]
        clock = SystemClock()
        source = example["OneLineSource"](settings, SourceContext(clock, Site(48.0, 11.0)))  # type: ignore[operator]
        found = source.read(clock.monotonic() + PATIENCE_S)
        thread.join(PATIENCE_S)
    assert (found.ra, found.dec, found.problem) == (pytest.approx(5.588), -5.391, "")
    assert found.ha is not None
