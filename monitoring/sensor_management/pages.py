"""The pages of sensors: the list with its search, one sensor with its channels, and the forms that change them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from pydantic import ValidationError as Refused

from core.api.constraints import describe_error
from core.broker.broker import BrokerDown
from core.limits.wait_limiter import TooManyWaiting
from core.pages.page import Page, is_htmx_request, message_response
from monitoring.models import Sensor, SensorChannel
from monitoring.sensor_management.bodies import DetectionBody, TestBody
from monitoring.sensor_management.commands import SensorHostDown, SensorHostSlow
from monitoring.sensor_management.detection import detect_sensors, free_name, try_sensor, try_settings
from monitoring.sensor_management.driver_settings import form_kinds
from monitoring.sensor_management.forms import PREFIX, ChannelForm, SensorForm
from monitoring.sensor_management.hosts import host_names
from monitoring.sensor_management.removal import count_removal
from monitoring.sensor_management.requests import ChannelChange, SensorChange, SensorRequest
from monitoring.sensor_management.selectors import sensor_for, sensors_for, status_of, statuses_of
from monitoring.sensor_management.services import add_sensor, change_channel, change_sensor, remove_sensor
from monitoring.sensors.kinds import SENSORS
from monitoring.sensors.messages import SampleMessage
from monitoring.sensors.quantities import QUANTITIES

UNREACHABLE = (BrokerDown, SensorHostDown, SensorHostSlow, TooManyWaiting)
KINDS = {kind: label for kind, (label, _) in SENSORS.items()}
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
    return {"sensors": statuses_of(sensors_for(user)), "kinds": KINDS}


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
    results = [{**one, "query": form_query(one["kind"], one["host"], one["settings"])} for one in found["results"]]
    return {**found, "results": results}


def form_query(kind: str, host: str, settings: dict[str, Any]) -> str:
    return urlencode({"kind": kind, "host": host, **{f"{PREFIX}{name}": value for name, value in settings.items()}})


class AddSensorPage(Page):
    """First the kinds, then the form of a kind."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "sensors/add.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = request.GET.get("kind", "")
        if not kind:
            return self.render({"kinds": form_kinds()})
        if kind not in form_kinds():
            raise Http404
        taken = set(Sensor.objects.filter(removed_at=None).values_list("name", flat=True))
        given = {name: value for name, value in request.GET.items() if name.startswith(PREFIX) or name == "host"}
        return self._form(SensorForm(kind, host_names(), initial={"name": free_name(kind, taken), **given}))

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = request.POST.get("kind", "")
        if kind not in form_kinds():
            return self.render({"kinds": form_kinds()}, status=400)
        form = SensorForm(kind, host_names(), request.POST)
        if not form.is_valid():
            return self._form(form, 400)
        values = form.cleaned_data
        try:
            wanted = SensorRequest(
                name=values["name"], label=values["label"], kind=form.kind, host=values["host"],
                interval_s=values["interval_s"], settings=form.settings,
            )  # fmt: skip
            sensor = add_sensor(wanted, self.actor)
        except Refused as error:
            form.add_errors(field_errors(error))
        except ValidationError as error:
            form.add_errors(error)
        else:
            messages.success(request, f"{sensor.display_name} was added. Its values come with the first reading.")
            return redirect("sensor", sensor.name)
        return self._form(form, 400)

    def _form(self, form: SensorForm, status: int = 200) -> HttpResponse:
        return self.render({"form": form, "kind_label": KINDS[form.kind]}, status=status)


def known_kind(kind: str) -> str:
    """404 for a kind that does not exist."""
    if kind not in SENSORS:
        raise Http404
    return kind


def sentence(item: Any) -> str:
    """A validator's own sentence, or one of pydantic's error."""
    text = item["msg"].removeprefix("Value error, ") if item["type"] == "value_error" else describe_error(item)
    return f"{text[:1].upper()}{text[1:]}"


def field_errors(error: Refused) -> ValidationError:
    """Pydantic's errors as those of Django."""
    return ValidationError({str(item["loc"][0]): sentence(item) for item in error.errors()})


class TestSettingsPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Try the settings of the form for a new sensor, and answer with the outcome."""
        kind = request.POST.get("kind", "")
        if kind not in SENSORS:
            return message_response(request, "bad", "There is no such kind of sensor.")
        form = SensorForm(kind, host_names(), request.POST)
        if errors := form.setting_errors:
            return message_response(request, "bad", " ".join(errors))
        host = form.cleaned_data["host"]
        return outcome_response(request, lambda: try_settings(form.kind, host, form.settings, self.actor))


def outcome_response(request: HttpRequest, run: Any) -> HttpResponse:
    try:
        outcome: TestBody = run()
    except ValidationError as error:
        return message_response(request, "bad", " ".join(error.messages))
    except UNREACHABLE as error:
        return message_response(request, "warn", str(error))
    if not outcome["ok"]:
        return message_response(request, "bad", f"The test failed. {outcome['message']}")
    return message_response(request, "ok", outcome_sentence(outcome))


def outcome_sentence(outcome: TestBody) -> str:
    """`It answered in 0.4 s: outside 4.2 °C, humidity 60 %.`"""
    samples = outcome["samples"]
    more = f" and {len(samples) - SHOWN_SAMPLES} more" if len(samples) > SHOWN_SAMPLES else ""
    shown = ", ".join(map(sample_text, samples[:SHOWN_SAMPLES]))
    return f"It answered in {outcome['took_s']:.1f} s: {shown}{more}."


def sample_text(sample: SampleMessage) -> str:
    quantity = QUANTITIES.get(sample["quantity"], QUANTITIES["number"])
    label = sample["label"] or sample["channel"]
    if sample["value"] is None:
        return f"{label} no number"
    text = f"{label} {sample['value']:.{quantity.digits}f} {quantity.unit}".rstrip().replace("-", "\N{MINUS SIGN}")
    return text if sample["is_valid"] else f"{text} (an error value of the device)"


class PageOfSensor(Page):
    """A page of the sensor in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (Sensor.DoesNotExist, SensorChannel.DoesNotExist):
            raise Http404 from None

    def sensor(self) -> Sensor:
        """Sensor.DoesNotExist."""
        return sensor_for(self.request.user, self.kwargs["sensor"])

    def channel(self) -> SensorChannel:
        """SensorChannel.DoesNotExist."""
        return self.sensor().channels.select_related("sensor").get(pk=self.kwargs["channel"])


class SensorPage(PageOfSensor):
    """One sensor with its channels, and for managers the form that changes it."""

    roles = {"GET": "viewer", "POST": "manager"}
    template = "sensors/sensor.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor = self.sensor()
        user: Any = request.user
        is_editable = sensor.kind in SENSORS and user.may("manager")
        return self._page(sensor, SensorForm(sensor.kind, host_names(), sensor=sensor) if is_editable else None)

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor = self.sensor()
        form = SensorForm(known_kind(sensor.kind), host_names(), request.POST, sensor)
        if not form.is_valid():
            return self._page(sensor, form, 400)
        values = form.cleaned_data
        try:
            wanted = SensorChange(
                label=values["label"], host=values["host"], interval_s=values["interval_s"], settings=form.settings
            )
            change_sensor(sensor, wanted, self.actor)
        except Refused as error:
            form.add_errors(field_errors(error))
        except ValidationError as error:
            form.add_errors(error)
        else:
            messages.success(request, f"{sensor.name} was changed.")
            return redirect("sensor", sensor.name)
        return self._page(sensor, form, 400)

    def _page(self, sensor: Sensor, form: SensorForm | None, status: int = 200) -> HttpResponse:
        return self.render({"status": status_of(sensor), "form": form, "kinds": KINDS}, status=status)


class SensorNow(PageOfSensor):
    """The parts of the page that change by themselves."""

    template = "sensors/_sensor_now.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render({"status": status_of(self.sensor()), "kinds": KINDS})


class TestSensorPage(PageOfSensor):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Try the sensor with the settings of the form, and answer with the outcome."""
        sensor = self.sensor()
        form = SensorForm(known_kind(sensor.kind), host_names(), request.POST, sensor)
        # The button beside the sensor's name has no form: it tries what is stored.
        has_settings = any(name.startswith(PREFIX) for name in request.POST)
        if has_settings and (errors := form.setting_errors):
            return message_response(request, "bad", " ".join(errors))
        return outcome_response(request, lambda: try_sensor(sensor, form.settings if has_settings else {}, self.actor))


class SwitchSensorPage(PageOfSensor):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Switch it on or off."""
        enabled = request.POST.get("enabled") == "yes"
        sensor = change_sensor(self.sensor(), SensorChange(enabled=enabled), self.actor)
        messages.success(request, f"{sensor.display_name} is {'on' if enabled else 'off'}.")
        return redirect("sensor", sensor.name)


class RemoveSensorPage(PageOfSensor):
    """Asks first how much is deleted."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "sensors/remove.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor = self.sensor()
        return self.render({"sensor": sensor, "counts": count_removal(sensor)})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        sensor = self.sensor()
        remove_sensor(sensor, self.actor)
        messages.success(request, f"{sensor.display_name} was removed.")
        return redirect("sensors")


class ChannelPage(PageOfSensor):
    """The form of a channel."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "sensors/channel.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        channel = self.channel()
        return self.render({"channel": channel, "form": ChannelForm(channel)})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        channel = self.channel()
        form = ChannelForm(channel, request.POST)
        if form.is_valid():
            try:
                changed = change_channel(channel, ChannelChange(**form.cleaned_data), self.actor)
            except Refused as error:
                form.add_errors(field_errors(error))
            except ValidationError as error:
                form.add_errors(error)
            else:
                messages.success(request, f"{changed.display_name} was changed.")
                return redirect("sensor", changed.sensor.name)
        return self.render({"channel": channel, "form": form}, status=400)
