from django.urls import path

from scheduler.editing.api import ScheduleNightView, SchedulesView, ScheduleView

urlpatterns = [
    path("", SchedulesView.as_view()),
    path("<uuid:schedule>/", ScheduleView.as_view()),
    path("<uuid:schedule>/night/", ScheduleNightView.as_view()),
]
