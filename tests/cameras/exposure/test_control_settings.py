"""The settings of exposure control: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from cameras.exposure.settings import ExposureControlRequest, growth_order
from core.api.model import describe_error
from tests.harness.project import PROJECT

MASK = base64.b64encode(b"\xff" * 512).decode()
LEAST = {"exposure_us": [20, 8_000_000]}


def sentence(**changes: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        ExposureControlRequest(**{**LEAST, **changes})
    (error,) = raised.value.errors()
    return " ".join([*map(str, error["loc"]), describe_error(error)])


def test_the_least_that_must_be_given_are_the_limits_of_the_exposure() -> None:
    assert ExposureControlRequest(**LEAST).control() == {
        "target": 0.4,
        "measure": "mean",
        "exposure_us": [20, 8_000_000],
        "order": ["exposure_us"],
        "damping": 0.3,
        "hysteresis_ev": 0.25,
    }


def test_everything_that_can_be_given_survives_json() -> None:
    given = {
        "target": 0.5,
        "measure": "percentile",
        "percentile": 95,
        "mask": MASK,
        "exposure_us": [20, 8_000_000],
        "iso": [100, 6400],
        "f_number": [2.8, 8],
        "order": ["iso", "f_number", "exposure_us"],
        "damping": 0,
        "hysteresis_ev": 0.5,
    }
    stored = ExposureControlRequest(**given).control()
    assert stored == given
    assert ExposureControlRequest(**json.loads(json.dumps(stored))).control() == stored


@pytest.mark.parametrize("gain", [{"gain": [0, 20]}, {"iso": [100, 200]}])
def test_exposure_then_gain_or_iso_then_aperture_is_the_default_order(gain: dict[str, Any]) -> None:
    control = ExposureControlRequest(**LEAST, **gain, f_number=[2.8, 8]).control()
    assert growth_order(control) == ["exposure_us", *gain, "f_number"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"target": 0.01}, "target must be at least 0.02."),
        ({"target": 0.95}, "target must be at most 0.9."),
        ({"target": float("nan")}, "target must be a finite number."),
        ({"target": True}, "target must be a number, not true or false."),
        ({"measure": "mode"}, "measure must be mean, median or percentile."),
        ({"percentile": 50}, "percentile has no meaning with the measure mean. Leave it out."),
        (
            {"measure": "percentile"},
            "percentile is missing: give the percentile from 0 to 100, or use the mean or the median.",
        ),
        ({"measure": "percentile", "percentile": 101}, "percentile must be at most 100."),
        ({"mask": "AAAA"}, "mask The mask has 4 characters; 64 x 64 bits in base64 have 684."),
        ({"exposure_us": None}, "exposure_us must be a list of two whole numbers: [minimum, maximum]."),
        ({"exposure_us": [1.5, 2]}, "exposure_us must be a list of two whole numbers: [minimum, maximum]."),
        ({"exposure_us": [1]}, "exposure_us must be a list of two whole numbers: [minimum, maximum]."),
        ({"exposure_us": [2, 1]}, "exposure_us must be [minimum, maximum], both from 1 to 3600000000."),
        ({"gain": [float("nan"), 2]}, "gain must be [minimum, maximum], both from 0 to 1000."),
        ({"gain": ["0", 2]}, "gain must be a list of two numbers: [minimum, maximum]."),
        ({"f_number": [0, 2]}, "f_number must be [minimum, maximum], both from 0.1 to 128."),
        ({"iso": [100, 200], "gain": [0, 1]}, "gain and iso exclude each other. Leave one out."),
        (
            {"order": ["exposure_us", "iso"]},
            "order must name each setting that has limits, and no other: exposure_us.",
        ),
        (
            {"order": ["shutter"]},
            "order has the unknown name 'shutter'. Known are exposure_us, gain, iso, f_number.",
        ),
        ({"order": ["exposure_us", "exposure_us"]}, "order has a name twice."),
        ({"damping": 1}, "damping must be at most 0.95."),
        ({"hysteresis_ev": -1}, "hysteresis_ev must be at least 0."),
        ({"speed": 1}, "speed is not known here."),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(changes: dict[str, Any], expected: str) -> None:
    assert sentence(**changes) == expected


def test_web_processes_check_and_explain_without_loading_numpy_or_pillow() -> None:
    script = (
        "import sys, cameras.exposure.settings, cameras.exposure.control; "
        "sys.exit(' '.join({'numpy', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True)
    assert done.stderr == "\n"
