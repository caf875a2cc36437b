from django.urls import path

from monitoring.sensor_management.api import (
    ChannelView,
    DetectView,
    SensorsView,
    SensorTestView,
    SensorView,
    TestView,
)

urlpatterns = [
    path("", SensorsView.as_view()),
    # Before the sensors: a name would match them too.
    path("detect/", DetectView.as_view()),
    path("test/", TestView.as_view()),
    path("<slug:sensor>/", SensorView.as_view()),
    path("<slug:sensor>/test/", SensorTestView.as_view()),
    path("<slug:sensor>/channels/<int:channel>/", ChannelView.as_view()),
]
