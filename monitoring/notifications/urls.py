from django.urls import path

from monitoring.notifications.api import NotificationsView

urlpatterns = [path("", NotificationsView.as_view())]
