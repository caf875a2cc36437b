from core.station_settings.models import StationSetting

__all__ = ["StationSetting"]
