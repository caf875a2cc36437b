from __future__ import annotations

from core import registry
from core.resources.resource import Resource
from monitoring.maintenance.resource import WINDOWS, WindowBody
