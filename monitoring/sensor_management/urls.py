from django.urls import path

from monitoring.sensor_management.api import ChannelView, DetectView, TestView

urlpatterns = [
    path("detect/", DetectView.as_view()),
    path("test/", TestView.as_view()),
    path("<slug:sensor>/channels/<int:channel>/", ChannelView.as_view()),
]
