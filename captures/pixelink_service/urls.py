from django.urls import path

from captures.pixelink_service import schema, views

urlpatterns = [
    path("health", views.HealthRoute.as_view()),
    path("settings", views.SettingsRoute.as_view()),
    path("capture", views.CaptureRoute.as_view()),
    path("captures/list", views.ListRoute.as_view()),
    path("video/feed", views.FeedRoute.as_view()),
    path("openapi.json", schema.SchemaRoute.as_view()),
    path("docs", schema.DocsRoute.as_view()),
]
handler400 = "captures.pixelink_service.errors.bad_request"
handler404 = "captures.pixelink_service.errors.not_found"
handler500 = "captures.pixelink_service.errors.server_error"
