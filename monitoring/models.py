"""The models of the app, with those of events and alerts, which `core/events` has."""

from __future__ import annotations

from core.events.models import Alert, Event
from monitoring.notification_models import AlertSilence, NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.rule_models import AlertRule, MaintenanceWindow
from monitoring.sensor_models import DueAggregate, Reading, ReadingAggregate, ReadingQuality, Sensor, SensorChannel
from monitoring.webhook_models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "Alert",
    "AlertRule",
    "AlertSilence",
    "DeliveryState",
    "DueAggregate",
    "Event",
    "MaintenanceWindow",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationKind",
    "NotificationRoute",
    "NotificationState",
    "Reading",
    "ReadingAggregate",
    "ReadingQuality",
    "Sensor",
    "SensorChannel",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]
