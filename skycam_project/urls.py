from django.contrib import admin
from django.urls import include, path

from skycam_project.health import healthz

urlpatterns = [
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("api/", include("skycam_project.api")),
]
handler400 = "skycam_project.access.problems.bad_request"
handler404 = "skycam_project.access.problems.not_found"
handler500 = "skycam_project.access.problems.server_error"
