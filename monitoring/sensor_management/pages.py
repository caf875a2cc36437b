"""The pages of sensors: the list with its search, one sensor with its channels, and the forms that change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path

from core.broker.broker import BrokerDown
from core.limits.refusals import TooManyWaiting
from core.pages import Page, UnitInput, is_htmx_request, message_response
from core.readings.reading import QUANTITIES
from core.resources.forms import KindForm, ModelForm
from core.resources.pages import FormPage, PressPage, ResourcePage, SwitchPage, page_of
from monitoring.models import Sensor, SensorChannel
from monitoring.sensor_management.commands import SensorHostDown, SensorHostSlow
from monitoring.sensor_management.detection import detect_sensors, free_name, try_sensor, try_settings
from monitoring.sensor_management.resource import (
    SENSORS,
    ChannelChange,
    DetectionBody,
    SampleBody,
    SensorTestRequest,
    StoredTestRequest,
    TestBody,
)
from monitoring.sensor_management.selectors import sensors_for, with_status
from monitoring.sensor_management.services import USUAL_INTERVAL_S, change_channel, count_removal, host_names
from monitoring.sensors.driver import driver_class

PREFIX = "set_"


class SensorForm(KindForm):
    """A new sensor of a kind, the changes of one, or settings to try."""

    ids = "sensor-%s"
    prefix_of_settings = PREFIX

    def __init__(self, *given: Any, row: Any = None, **more: Any) -> None:
        super().__init__(*given, row=row, **more)
        known = {*host_names(), *([row.host] if row else [])}
        self.fields["host"].widget = forms.Select(choices=[(name, name) for name in sorted(known)])
        if interval := self.fields.get("interval_s"):
            interval.widget = UnitInput("s", {"inputmode": "decimal"})
            require(interval, "Write the seconds between two readings.")

    @property
    def setting_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]


class ChannelForm(ModelForm):
    """The name, the limits and the calibration of a channel."""

    ids = "channel-%s"

    def __init__(self, channel: SensorChannel, data: Any = None) -> None:
        names = [name for name in ChannelChange.model_fields if name != "main" or channel.quantity == "temperature"]
        super().__init__(ChannelChange, data, row=channel, names=names)
        self.fields["label"].help_text = f"empty: {channel.device_label or channel.key}"
        for name in ("lowest", "highest", "offset"):
            self.fields[name].widget = UnitInput(channel.unit.unit, {"inputmode": "text", "autocomplete": "off"})
        require(self.fields["offset"], "Write a number; 0 for no correction.")


def require(field: forms.Field, sentence: str) -> None:
    """An empty field has no default."""
    field.required, field.error_messages["required"] = True, sentence


UNREACHABLE = (BrokerDown, SensorHostDown, SensorHostSlow, TooManyWaiting)
KINDS = {kind: label for kind, (label, _) in SENSORS.kind_table.items()}
SHOWN_SAMPLES = 8


class SensorsPage(Page):
    """The list of sensors, and the search for others."""

    template = "sensors/sensors.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_list()

    def render_list(self, **more: Any) -> HttpResponse:
        return self.render({**list_context(self.request.user), "hosts": host_names(), **more})


class SensorsNow(Page):
    """The list, which changes by itself."""

    template = "sensors/_sensors_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(list_context(request.user))


def list_context(user: Any) -> dict[str, Any]:
    return {"sensors": with_status(sensors_for(user)), "kinds": KINDS}


class DetectSensorsPage(SensorsPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Search at all hosts; a partial request gets only the results."""
        try:
            found: dict[str, Any] = {"found": with_links(detect_sensors(self.actor)), "problems": []}
        except (BrokerDown, TooManyWaiting) as error:
            found = {"trouble": str(error)}
        if is_htmx_request(request):
            return self.render({"hosts": host_names(), **found}, "sensors/_found.html")
        return self.render_list(**found)


def with_links(found: DetectionBody) -> dict[str, Any]:
    """The answer, each device with the query that fills in the form."""
    results = [{**one.model_dump(), "query": form_query(one.kind, one.host, one.settings)} for one in found.results]
    return {**found.model_dump(), "results": results}


def form_query(kind: str, host: str, settings: dict[str, Any]) -> str:
    return urlencode({"kind": kind, "host": host, **{f"{PREFIX}{name}": value for name, value in settings.items()}})


class SensorFormPage(FormPage):
    kind_form = SensorForm

    def follow(self, row: Any) -> HttpResponse:
        return redirect("sensor", row.name)


class AddSensorPage(SensorFormPage):
    """First the kinds, then the form of a kind."""

    template = "sensors/add.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        kind = self.new_kind()
        if kind and kind not in SENSORS.form_kinds():
            raise Http404
        return super().get(request) if kind else self.choose()

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return super().post(request) if self.new_kind() in SENSORS.form_kinds() else self.choose(400)

    def choose(self, status: int = 200) -> HttpResponse:
        return self.render({"kinds": SENSORS.form_kinds()}, status=status)

    def new_kind(self) -> str:
        return kind_in(self.request)

    def form(self, row: Any, data: Any = None) -> Any:
        form, shortest_s = super().form(row, data), driver_class(self.new_kind()).shortest_interval_s
        taken = set(Sensor.objects.filter(removed_at=None).values_list("name", flat=True))
        given = {name: value for name, value in self.request.GET.items() if name.startswith(PREFIX) or name == "host"}
        name = free_name(self.new_kind(), taken)
        form.initial = {"name": name, "interval_s": max(USUAL_INTERVAL_S, shortest_s), **given}
        return form

    def context(self) -> dict[str, Any]:
        return {"kind": self.new_kind(), "kind_label": SENSORS.kind_table[self.new_kind()][0]}


def kind_in(request: HttpRequest) -> str:
    return str((request.POST or request.GET).get("kind", ""))


class TestSettingsPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Try the settings of the form for a new sensor, and answer with the outcome."""
        if kind_in(request) not in SENSORS.kind_table:
            return message_response(request, "bad", "There is no such kind of sensor.")
        return form_outcome(request, kind_in(request), None, lambda wanted: try_settings(wanted, self.actor))


def form_outcome(
    request: HttpRequest, kind: str, sensor: Sensor | None, run: Callable[[SensorTestRequest], TestBody]
) -> HttpResponse:
    """The outcome of a test with the settings of the form."""
    form = SensorForm(
        SensorTestRequest, SENSORS.settings_model(kind), request.POST, row=sensor, names=["host"],
        shown=sensor.settings if sensor else None, fixed={"kind": kind},
    )  # fmt: skip
    if not form.is_valid():
        return message_response(
            request, "bad", " ".join(str(message) for messages in form.errors.values() for message in messages)
        )
    return outcome_response(request, lambda: run(form.wanted))


def outcome_response(request: HttpRequest, run: Callable[[], TestBody]) -> HttpResponse:
    try:
        outcome = run()
    except ValidationError as error:
        return message_response(request, "bad", " ".join(error.messages))
    except UNREACHABLE as error:
        return message_response(request, "warn", str(error))
    if not outcome.ok:
        return message_response(request, "bad", f"The test failed. {outcome.message}")
    return message_response(request, "ok", outcome_sentence(outcome))


def outcome_sentence(outcome: TestBody) -> str:
    """`It answered in 0.4 s: outside 4.2 °C, humidity 60 %.`"""
    samples = outcome.samples
    more = f" and {len(samples) - SHOWN_SAMPLES} more" if len(samples) > SHOWN_SAMPLES else ""
    shown = ", ".join(map(sample_text, samples[:SHOWN_SAMPLES]))
    return f"It answered in {outcome.took_s:.1f} s: {shown}{more}."


def sample_text(sample: SampleBody) -> str:
    quantity = QUANTITIES.get(sample.quantity, QUANTITIES["number"])
    label = sample.label or sample.channel
    if sample.value is None:
        return f"{label} no number"
    text = f"{label} {sample.value:.{quantity.digits}f} {quantity.unit}".rstrip().replace("-", "\N{MINUS SIGN}")
    return text if sample.is_valid else f"{text} (an error value of the device)"


class SensorPage(SensorFormPage):
    """One sensor with its channels, and for managers the form that changes it."""

    template = "sensors/sensor.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor, user = self.row(), cast(Any, request.user)
        if sensor.kind in SENSORS.kind_table and user.may("manager"):
            return self.show(self.form(sensor))
        return self.render(self.context())

    def context(self) -> dict[str, Any]:
        return sensor_context(self.row())


class SensorNow(ResourcePage):
    """The parts of the page that change by themselves."""

    template = "sensors/_sensor_now.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(sensor_context(self.row()))


def sensor_context(sensor: Sensor) -> dict[str, Any]:
    return {"sensor": with_status([sensor])[0], "kinds": KINDS}


class TestSensorPage(ResourcePage):
    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Try the sensor with the settings of the form, and answer with the outcome."""
        sensor = self.row()
        if sensor.kind not in SENSORS.kind_table:
            raise Http404
        # The button beside the sensor's name has no form: it tries what is stored.
        if not any(name.startswith(PREFIX) for name in request.POST):
            return outcome_response(request, lambda: try_sensor(sensor, StoredTestRequest(), self.actor))
        return form_outcome(
            request, sensor.kind, sensor,
            lambda wanted: try_sensor(sensor, StoredTestRequest(settings=wanted.settings), self.actor),
        )  # fmt: skip


class SwitchSensorPage(SwitchPage):
    def follow(self, row: Any) -> HttpResponse:
        return redirect("sensor", row.name)


class RemoveSensorPage(PressPage):
    """Asks first how much is deleted."""

    template = "sensors/remove.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor = self.row()
        return self.render({"sensor": sensor, "counts": count_removal(sensor)})


class ChannelPage(ResourcePage):
    """The form of a channel."""

    template = "sensors/channel.html"

    def channel(self) -> SensorChannel:
        """ObjectDoesNotExist."""
        sensor = SENSORS.find_row(self.request.user, self.kwargs["sensor"])
        found: SensorChannel = sensor.channels.select_related("sensor").get(pk=self.kwargs["channel"])
        return found

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        channel = self.channel()
        return self.render({"channel": channel, "form": ChannelForm(channel)})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        channel = self.channel()
        form = ChannelForm(channel, request.POST)
        if form.is_valid():
            try:
                changed = change_channel(channel, form.wanted, self.actor)
            except ValidationError as error:
                form.add_errors(error)
            else:
                messages.success(request, f"{changed.display_name} was changed.")
                return redirect("sensor", changed.sensor.name)
        return self.render({"channel": channel, "form": form}, status=400)


def sensor_page(kind: type[ResourcePage], name: str, readers: str = "") -> Any:
    return page_of(kind, SENSORS, name, "sensors", readers=readers)


urlpatterns: list[URLPattern | URLResolver] = [
    path("", SensorsPage.as_view(), name="sensors"),
    # Before the sensors: a name would match them too.
    path("now/", SensorsNow.as_view(), name="sensors-now"),
    path("detect/", DetectSensorsPage.as_view(), name="detect-sensors"),
    path("add/", sensor_page(AddSensorPage, "add"), name="add-sensor"),
    path("test/", TestSettingsPage.as_view(), name="test-sensor-settings"),
    path("<slug:sensor>/", sensor_page(SensorPage, "change", "viewer"), name="sensor"),
    path("<slug:sensor>/now/", sensor_page(SensorNow, "show"), name="sensor-now"),
    path("<slug:sensor>/test/", sensor_page(TestSensorPage, "test"), name="test-sensor"),
    path("<slug:sensor>/switch/", sensor_page(SwitchSensorPage, "change"), name="switch-sensor"),
    path("<slug:sensor>/channels/<int:channel>/", sensor_page(ChannelPage, "change"), name="sensor-channel"),
    path("<slug:sensor>/remove/", sensor_page(RemoveSensorPage, "remove"), name="remove-sensor"),
]
