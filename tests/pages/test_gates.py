"""The gates of a camera on its page."""

from __future__ import annotations

from typing import Any

from cameras.gates.messages import GateStatus
from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from tests.harness.clients.pages import MARKUP, text_of

PAGE = "/cameras/sky/"
OPEN = GateStatus(name="wind", open=True, value=3.25, limit=None, sentence="", unknown="unsafe")
CLOSED = GateStatus(
    name="rain",
    open=False,
    value=0.4,
    limit=0.2,
    sentence="The gate rain is closed: 0.4 is above 0.2.",
    unknown="unsafe",
)


def report_gates(server: Any, *gates: GateStatus) -> None:
    found = absent_status("sky", "connected", "")
    status.write_status(server, found | {"observed": "ready", "gates": list(gates)})


def panel(client: Any, page: str = PAGE) -> str:
    return text_of(client.get(page)).partition('id="gates"')[2].partition("</section>")[0]


def test_the_page_shows_each_gate_with_its_value(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, OPEN, CLOSED)
    shown = panel(viewer)
    for text in ("wind", "Open", "3.25", "rain", "Closed", "0.4", "The gate rain is closed: 0.4 is above 0.2."):
        assert text in shown
    assert "hidden" not in shown.partition(">")[0]


def test_an_unknown_value_is_named_and_words_are_text(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, {**CLOSED, "value": None}, {**OPEN, "value": MARKUP})
    shown = panel(viewer)
    assert "value unknown" in shown
    assert MARKUP not in shown


def test_without_gates_the_panel_is_hidden(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey)
    assert "hidden" in panel(viewer).partition(">")[0]


def test_the_panel_refreshes_itself(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, CLOSED)
    assert "The gate rain is closed" in panel(viewer, f"{PAGE}now/")
