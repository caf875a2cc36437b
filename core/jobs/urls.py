from django.urls import path

from core.jobs.api import CancelView, JobsView, JobView

urlpatterns = [
    path("", JobsView.as_view()),
    path("<uuid:job>/", JobView.as_view()),
    path("<uuid:job>/cancel/", CancelView.as_view()),
]
