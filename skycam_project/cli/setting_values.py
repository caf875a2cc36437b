"""Camera settings as people write them: `exposure=1/50s`, besides the driver's own `exposure_us=20000`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from core.times.durations import InvalidExposure, parse_exposure
from skycam_project.cli.errors import CliError, invalid
from skycam_project.cli.options import AssignmentParam
from skycam_project.cli.shared_options import shared_option

if TYPE_CHECKING:
    from cameras.models import Camera
    from cameras.runtime.messages import Reading

settings_option = shared_option(
    "--set", "A setting, such as exposure=1/50s or gain=2; can be repeated.", into="values", type=AssignmentParam()
)


def setting_values(given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The settings in the form of the drivers. CliError for an invalid exposure, or one that is given twice."""
    found: dict[str, Any] = {}
    for name, value in given:
        setting = "exposure_us" if name == "exposure" else name
        if setting in found and name != setting:
            raise CliError("invalid", "exposure and exposure_us are one setting. Give one of them.")
        found[setting] = in_microseconds(name, value) if setting == "exposure_us" else value
    return found


def set_or_store(camera: Camera, values: dict[str, Any], actor: str, *, replace: bool = False) -> Reading:
    """The camera's answer to its new settings. CliError says that they are stored if the camera cannot be reached."""
    from cameras.errors import ControlError
    from cameras.leases.lease_holders import LeaseHeld
    from cameras.settings.service import set_settings
    from core.broker.broker import BrokerDown

    try:
        return set_settings(camera, values, actor, replace=replace)
    # Refused: nothing is stored in this case.
    except LeaseHeld:
        raise
    except (ControlError, BrokerDown) as error:
        problem = getattr(error, "problem", "broker-down")
        stored = "The settings are stored and applied when the camera opens."
        raise CliError(problem, f"{error} {stored}") from None


def in_microseconds(name: str, value: Any) -> Any:
    """Microseconds from a text with its unit. A plain number is accepted only for `exposure_us`."""
    if name == "exposure_us" and not isinstance(value, str):
        return value
    try:
        return parse_exposure(str(value))
    except InvalidExposure as error:
        raise invalid(
            [(name, f"{error} exposure_us={value} is microseconds." if is_number(value) else str(error))]
        ) from None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
