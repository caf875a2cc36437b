from django.urls import path

from monitoring.webhooks.api import (
    DeliveriesView,
    DeliveryView,
    ReplayView,
    RotateSecretView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)

urlpatterns = [
    path("", WebhooksView.as_view()),
    path("<uuid:webhook>/", WebhookView.as_view()),
    path("<uuid:webhook>/rotate-secret/", RotateSecretView.as_view()),
    path("<uuid:webhook>/test/", WebhookTestView.as_view()),
    path("<uuid:webhook>/deliveries/", DeliveriesView.as_view()),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/", DeliveryView.as_view()),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/replay/", ReplayView.as_view()),
]
