from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from cameras.pages import CamerasPage, ConnectPage, DetectPage, FaultsPage, SettingsPage
from captures.gallery.pages import CaptureDetails, GalleryPage
from captures.gallery.pages import CapturePage as PicturePage
from captures.pages import CameraNow, CameraPage, CapturePage, StartPage, StopPage
from captures.sessions.pages import SessionNow, SessionPage, SessionsPage, StopSessionPage
from monitoring.pages import AcknowledgePage, EventsPage
from skycam_project.access import pages as access
from skycam_project.health import healthz
from skycam_project.pages.dashboard import DashboardNow, DashboardPage, ShellNow, TemperaturePage
from skycam_project.pages.preferences import choose
from skycam_project.pages.status import ExaminationPage, StatusNow, StatusPage

camera = [
    path("", CameraPage.as_view(), name="camera"),
    path("now/", CameraNow.as_view(), name="camera-now"),
    path("connect/", ConnectPage.as_view(), name="connect"),
    path("disconnect/", ConnectPage.as_view(connected=False), name="disconnect"),
    path("settings/", SettingsPage.as_view(), name="settings"),
    path("faults/", FaultsPage.as_view(), name="faults"),
    path("capture/", CapturePage.as_view(), name="capture"),
    path("start/", StartPage.as_view(), name="start"),
    path("stop/", StopPage.as_view(), name="stop"),
]
account = [
    path("", access.AccountPage.as_view(), name="account"),
    path("login/", access.SignInPage.as_view(), name="sign-in"),
    path("logout/", LogoutView.as_view(), name="sign-out"),
    path("password/", access.PasswordPage.as_view(), name="password"),
    path("tokens/", access.TokensPage.as_view(), name="tokens"),
    path("tokens/<int:token>/revoke/", access.RevokeTokenPage.as_view(), name="revoke-token"),
    path("sign-ins/<uuid:sign_in>/revoke/", access.RevokeSignInPage.as_view(), name="revoke-sign-in"),
]
urlpatterns = [
    path("", DashboardPage.as_view(), name="dashboard"),
    path("dashboard/now/", DashboardNow.as_view(), name="dashboard-now"),
    path("now/", ShellNow.as_view(), name="now"),
    path("temperatures/", TemperaturePage.as_view(), name="temperatures"),
    path("cameras/", CamerasPage.as_view(), name="cameras"),
    path("cameras/detect/", DetectPage.as_view(), name="detect"),
    path("cameras/<slug:slug>/", include(camera)),
    path("gallery/", GalleryPage.as_view(), name="gallery"),
    path("captures/<uuid:capture>/", PicturePage.as_view(), name="picture"),
    path("captures/<uuid:capture>/details/", CaptureDetails.as_view(), name="picture-details"),
    path("sessions/", SessionsPage.as_view(), name="sessions"),
    path("sessions/<uuid:session>/", SessionPage.as_view(), name="session"),
    path("sessions/<uuid:session>/now/", SessionNow.as_view(), name="session-now"),
    path("sessions/<uuid:session>/stop/", StopSessionPage.as_view(), name="stop-session"),
    path("events/", EventsPage.as_view(), name="events"),
    path("alerts/<uuid:alert>/acknowledge/", AcknowledgePage.as_view(), name="acknowledge"),
    path("status/", StatusPage.as_view(), name="status"),
    path("status/now/", StatusNow.as_view(), name="status-now"),
    path("status/examination/", ExaminationPage.as_view(), name="examination"),
    path("users/", access.UsersPage.as_view(), name="users"),
    path("users/<int:user>/", access.UserPage.as_view(), name="user"),
    path("accounts/", include(account)),
    path("preferences/", choose, name="preferences"),
    path("healthz", healthz),
    path("admin/login/", access.AdminDoor.as_view()),
    path("admin/", admin.site.urls),
    path("api/", include("skycam_project.api")),
]
handler400 = "skycam_project.access.problems.bad_request"
handler404 = "skycam_project.access.problems.not_found"
handler500 = "skycam_project.access.problems.server_error"
