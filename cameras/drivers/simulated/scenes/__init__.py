"""The scenes that the simulated camera can show. Each scene is one file and one line here."""

from __future__ import annotations

from cameras.drivers.simulated.scenes.allsky import AllSkyScene
from cameras.drivers.simulated.scenes.base import Image, Scene
from cameras.drivers.simulated.scenes.bench import BenchScene
from cameras.drivers.simulated.scenes.chart import ChartScene
from cameras.drivers.simulated.scenes.microscope import MicroscopeScene
from cameras.drivers.simulated.scenes.sky import SkyScene

SCENES: dict[str, type[Scene]] = {
    "sky": SkyScene,
    "allsky": AllSkyScene,
    "microscope": MicroscopeScene,
    "bench": BenchScene,
    "chart": ChartScene,
}

__all__ = ["SCENES", "Image", "Scene"]
