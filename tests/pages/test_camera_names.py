"""The names of cameras in the sentences of pages. Their slugs are words of these sentences."""

from __future__ import annotations

from typing import Any

import pytest

from cameras import leases
from cameras.command_events import record_outcome
from cameras.errors import UNREACHED
from cameras.models import Camera
from cameras.settings.service import set_settings
from core.events.models import Alert, Event
from core.events.service import acknowledge_alert, raise_alert, record_event, resolve_alert
from core.text.sentences import sentence
from monitoring.alert_rules.rule import Rule, Signal, alert_sentence
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for

pytestmark = pytest.mark.django_db
NAMES = {"rain": "Roof", "night": "Zenith", "camera": "Microscope"}
DETAIL = "The gate rain is closed: 0.8 is above 0.2 at night. Type `skycam stop camera`."
ODD = r"A <b> `b` \1 {camera}"
"""A name that is neither markup, nor code, nor a template."""


@pytest.fixture
def named(db: None) -> dict[str, Camera]:
    return {slug: Camera.objects.create(slug=slug, name=name, kind="simulated") for slug, name in NAMES.items()}


def wait_for_gate(camera: Camera) -> Alert:
    """The alert of a rule, as the host of the camera opens it."""
    signal = Signal("session_waits", camera.slug, 1.0, camera=(str(camera.pk), camera.slug), detail=DETAIL)
    message = alert_sentence(Rule("gate", "gate_closed", "*", 0.5), signal, 0.0)
    return raise_alert(f"rule:gate:{camera.slug}", message, camera=camera)


def shown(client: Any, address: str) -> str:
    return text_of(client.get(address)).replace("<code>", "`").replace("</code>", "`")


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("address", ["/", "/events/", "/alerts/"])
def test_an_alert_names_its_camera_and_nothing_else(
    address: str, slug: str, viewer: Any, named: dict[str, Camera]
) -> None:
    wait_for_gate(named[slug])
    assert f"The session of {NAMES[slug]} takes no captures. {DETAIL}" in shown(viewer, address)


@pytest.mark.parametrize("slug", NAMES)
def test_the_events_about_an_alert_name_its_camera_and_nothing_else(
    slug: str, viewer: Any, named: dict[str, Camera]
) -> None:
    acknowledge_alert(wait_for_gate(named[slug]), "night")
    resolve_alert(f"rule:gate:{slug}", sentence("{camera} takes captures again.", camera=named[slug]))
    page = shown(viewer, "/events/")
    assert f"night has seen: The session of {NAMES[slug]} takes no captures. {DETAIL}" in page
    assert f"rule:gate:{slug} is closed: {NAMES[slug]} takes captures again." in page


@pytest.mark.parametrize("slug", NAMES)
def test_an_event_names_its_camera_and_nothing_else(slug: str, viewer: Any, named: dict[str, Camera]) -> None:
    leases.acquire_lease(named[slug], "rain")
    leases.acquire_lease(named[slug], "night", over=True)
    page = shown(viewer, "/events/")
    assert f"rain took {NAMES[slug]}." in page
    assert f"night took {NAMES[slug]} over from rain." in page


@pytest.mark.parametrize("slug", NAMES)
def test_a_refusal_names_its_camera_and_nothing_else(slug: str, operator: Any, named: dict[str, Camera]) -> None:
    leases.acquire_lease(named[slug], "night")
    assert f"{NAMES[slug]} is held by night since" in shown_after(operator, f"/cameras/{slug}/take/")
    assert f"{NAMES[slug]} is held by night since" in shown_after(operator, f"/cameras/{slug}/record/", kind="manual")


def shown_after(client: Any, address: str, **fields: str) -> str:
    return text_of(client.post(address, fields, headers={"HX-Request": "true"}))


def test_runs_of_events_name_all_their_cameras(viewer: Any, named: dict[str, Camera]) -> None:
    for camera in named.values():
        record_event("capture.saved", sentence("{camera} saved a capture.", camera=camera), camera=camera)
    assert "3 captures saved: Microscope, Zenith, Roof." in shown(viewer, "/events/")


def test_the_value_of_a_setting_is_not_named(viewer: Any) -> None:
    allsky = Camera.objects.create(slug="allsky", name="All-sky north", kind="simulated")
    with pytest.raises(UNREACHED):
        set_settings(allsky, {"scene": "allsky"}, "anna")
    assert "anna set scene to allsky on All-sky north." in shown(viewer, "/events/")
    assert Event.objects.get(kind="camera.settings").message == "anna set scene to allsky on allsky."


def test_the_outcome_of_a_command_names_its_camera(viewer: Any, named: dict[str, Camera]) -> None:
    message = sentence("anna connected {camera}.", camera=named["camera"])
    with record_outcome(record_event("command", message, camera=named["camera"])):
        pass
    assert Event.objects.get(kind="command.done").sentence.with_names({str(named["camera"].pk): "Microscope"}) == (
        "Done: anna connected Microscope."
    )


@pytest.mark.parametrize("address", ["/", "/events/"])
def test_a_name_is_text(address: str, viewer: Any, camera: Camera) -> None:
    Camera.objects.update(name=ODD)
    raise_alert("x", sentence("{camera} is away. Type `skycam connect sky`.", camera=camera), camera=camera)
    page = text_of(viewer.get(address))
    assert r"A &lt;b&gt; &#96;b&#96; \1 {camera} is away. Type <code>skycam connect sky</code>." in page


def test_another_camera_that_the_reader_may_not_see_keeps_its_slug(viewer: Any, named: dict[str, Camera]) -> None:
    only_for(named["night"])
    message = sentence("{one} has the files of {other}.", one=named["rain"], other=named["night"])
    record_event("storage.cleaned", message, camera=named["rain"])
    assert "Roof has the files of night." in shown(viewer, "/events/")


def test_a_removed_camera_is_not_named_by_the_next_one_of_its_slug(viewer: Any, camera: Camera) -> None:
    raise_alert("x", sentence("{camera} is away.", camera=camera), camera=camera)
    Camera.objects.filter(pk=camera.pk).update(slug="gone")
    Camera.objects.create(slug="sky", name="Another", kind="simulated")
    Camera.objects.filter(pk=camera.pk).delete()
    page = shown(viewer, "/alerts/")
    assert "sky is away." in page
    assert 'data-label="Camera">sky<' in page


def test_the_banner_begins_with_the_camera_unless_its_message_names_it(viewer: Any, named: dict[str, Camera]) -> None:
    alert = raise_alert("x", "The rain is heavy.", camera=named["rain"])
    assert "<b>Roof:</b> The rain is heavy." in shown(viewer, "/")
    Alert.objects.filter(pk=alert.pk).delete()
    raise_alert("y", sentence("{camera} is away.", camera=named["rain"]), camera=named["rain"])
    assert "<p>Roof is away." in shown(viewer, "/")


def test_rows_from_before_show_their_slug(viewer: Any, named: dict[str, Camera]) -> None:
    record_event("camera.state", "rain is away.", camera=named["rain"])
    assert "rain is away." in shown(viewer, "/events/")


def test_the_database_has_the_plain_text_and_the_mentions(camera: Camera) -> None:
    record_event("camera.state", sentence("It is {camera}.", camera=camera), camera=camera)
    event = Event.objects.get()
    assert (type(event.message), event.message) == (str, "It is sky.")
    assert event.mentions == [[6, 9, str(camera.pk)]]
    assert event.sentence.with_names({str(camera.pk): "Sky"}) == "It is Sky."


def test_programs_get_the_slug_and_where_it_is(viewer: Any, named: dict[str, Camera]) -> None:
    raise_alert("x", sentence("The camera of {camera} is away.", camera=named["camera"]), camera=named["camera"])
    for listed in ("alerts", "events"):
        (body,) = viewer.get(f"/api/v1/{listed}/").json()["results"]
        assert (body["message"], body["mentions"]) == ("The camera of camera is away.", [[14, 20]])
