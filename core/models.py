from core.idempotency.models import IdempotentRequest
from core.jobs.models import Job
from core.station_settings.models import StationSetting

__all__ = ["IdempotentRequest", "Job", "StationSetting"]
