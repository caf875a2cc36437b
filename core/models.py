from core.idempotency.models import IdempotentRequest
from core.jobs.models import Job
from core.station_settings import StationSetting
from core.stations.models import StationLease, StationRecord

__all__ = ["IdempotentRequest", "Job", "StationLease", "StationRecord", "StationSetting"]
