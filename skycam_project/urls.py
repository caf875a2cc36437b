from django.contrib.auth.views import LogoutView
from django.urls import include, path

from cameras.control_pages import AcquireLeasePage, ConnectPage, ReleaseLeasePage, RenewLeasePage
from cameras.editing.add_pages import CamerasPage, DiscoverPage
from cameras.editing.edit_pages import AudiencePage, EditPage, RemovePage
from cameras.fault_pages import FaultsPage
from cameras.settings_panel import BodyPage, PresetPage, PresetsPage, SettingsPage
from cameras.viewer_pages import EndViewerPage, ViewersNow, ViewersPage
from captures.pages.archives.pages import ArchivedFilePage, ArchiveNow, ArchivePage, ArchivesPage
from captures.pages.camera.exposure_panel import ExposurePage
from captures.pages.camera.pages import CameraNow, CameraPage, CapturePage, StartForecastPage, StartPage, StopPage
from captures.pages.experiments.change_pages import (
    AbortExperimentPage,
    AddExperimentPage,
    ArchiveExperimentPage,
    EditExperimentPage,
    ExperimentAttachmentsPage,
    ExperimentNotesPage,
    MoveExperimentPage,
    VerifyArchivePage,
)
from captures.pages.experiments.pages import (
    ExperimentCapturesPage,
    ExperimentClipsPage,
    ExperimentNow,
    ExperimentPage,
    ExperimentsPage,
)
from captures.pages.gallery.pages import CaptureDetails, GalleryPage, TilesPage
from captures.pages.gallery.pages import CapturePage as PicturePage
from captures.pages.gallery.pages import DeletePage as DeletePicturePage
from captures.pages.gallery.pictures import PicturesPage
from captures.pages.sessions.pages import (
    HandOverSessionPage,
    PauseSessionPage,
    ResumeSessionPage,
    SessionNow,
    SessionPage,
    SessionsPage,
    StopSessionPage,
)
from captures.pages.storage.integrity_pages import AdoptPage, FindingPage, IntegrityNow, IntegrityPage, SetAsidePage
from captures.pages.storage.offsite_pages import (
    DestinationPage,
    RetryCopyPage,
    RetryDestinationPage,
    SwitchDestinationPage,
    TestDestinationPage,
    add_destination_page,
)
from captures.pages.storage.pages import StorageNow, StoragePage
from captures.pages.storage.plan_pages import PlanNow, PlanPage, TryRulesPage
from captures.pages.storage.trash_pages import PurgePage, RestorePage, TrashPage
from captures.recordings.clips.pages import AtPage, ClipsPage
from captures.recordings.clips.player import ClipPage, DeletePage, PinPage
from captures.recordings.control.pages import RecordPage, StopRecordingPage
from captures.storage.bring_back.api import BringArchiveBackPage, BringCaptureBackPage
from core.jobs.pages import CancelJobPage, JobsNow, JobsPage
from core.registry import resolve
from core.resources.pages import pages_of
from monitoring.notifications import pages as notifications
from monitoring.notifications.links import AlertLinkPage
from monitoring.pages import EventsPage
from scheduler.editing.pages import (
    AddSchedulePage,
    EditSchedulePage,
    PreviewPage,
    RemoveSchedulePage,
    ScheduleNightPage,
    SchedulesPage,
    SwitchSchedulePage,
)
from scheduler.reports.pages import GoToNightPage, NightsPage, ReportFilePage, ReportPage
from scheduler.telescope import pages as telescope
from scheduler.tonight.pages import TonightPage
from skycam_project.access import pages as access
from skycam_project.admin.site import SITE
from skycam_project.health import healthz, readyz
from skycam_project.hosts import pages as hosts
from skycam_project.metrics import PrometheusView
from skycam_project.pages.dashboard import DashboardNow, DashboardPage, ShellNow, TemperaturePage
from skycam_project.pages.page_files import favicon
from skycam_project.pages.preferences import save_preferences
from skycam_project.pages.readings import ReadingMarksPage, ReadingsPage
from skycam_project.pages.settings import StationSettingsPage
from skycam_project.pages.status import ExaminationPage, StatusNow, StatusPage
from skycam_project.pages.support_bundle import SupportBundlePage
from skycam_project.resources import RESOURCES, WITH_PAGES

camera = [
    path("", CameraPage.as_view(), name="camera"),
    path("now/", CameraNow.as_view(), name="camera-now"),
    path("exposure/", ExposurePage.as_view(), name="camera-exposure"),
    path("connect/", ConnectPage.as_view(), name="connect"),
    path("disconnect/", ConnectPage.as_view(connected=False), name="disconnect"),
    path("take/", AcquireLeasePage.as_view(), name="take"),
    path("hold/", RenewLeasePage.as_view(), name="hold"),
    path("release/", ReleaseLeasePage.as_view(), name="release"),
    path("edit/", EditPage.as_view(), name="edit-camera"),
    path("remove/", RemovePage.as_view(), name="remove-camera"),
    path("settings/", SettingsPage.as_view(), name="settings"),
    path("settings/body/", BodyPage.as_view(), name="settings-body"),
    path("presets/", PresetsPage.as_view(), name="presets"),
    path("presets/<str:name>/", PresetPage.as_view(), name="preset"),
    path("faults/", FaultsPage.as_view(), name="faults"),
    path("audience/", AudiencePage.as_view(), name="audience"),
    path("capture/", CapturePage.as_view(), name="capture"),
    path("start/", StartPage.as_view(), name="start"),
    path("start/forecast/", StartForecastPage.as_view(), name="start-forecast"),
    path("stop/", StopPage.as_view(), name="stop"),
    path("record/", RecordPage.as_view(), name="record"),
    path("stop-recording/", StopRecordingPage.as_view(), name="stop-recording"),
]
experiment = [
    path("", ExperimentPage.as_view(), name="experiment"),
    path("now/", ExperimentNow.as_view(), name="experiment-now"),
    path("edit/", EditExperimentPage.as_view(), name="edit-experiment"),
    path("start/", MoveExperimentPage.as_view(move="start"), name="start-experiment"),
    path("complete/", MoveExperimentPage.as_view(move="complete"), name="complete-experiment"),
    path("abort/", AbortExperimentPage.as_view(), name="abort-experiment"),
    path("archive/", ArchiveExperimentPage.as_view(), name="archive-experiment"),
    path("verify/", VerifyArchivePage.as_view(), name="verify-experiment"),
    path("notes/", ExperimentNotesPage.as_view(), name="experiment-notes"),
    path("attachments/", ExperimentAttachmentsPage.as_view(), name="experiment-attachments"),
    path("clips/", ExperimentClipsPage.as_view(), name="experiment-clips"),
    path("captures/", ExperimentCapturesPage.as_view(), name="experiment-captures"),
]
schedule = [
    path("", EditSchedulePage.as_view(), name="schedule"),
    path("preview/", PreviewPage.as_view(), name="preview-schedule"),
    path("switch/", SwitchSchedulePage.as_view(), name="switch-schedule"),
    path("night/", ScheduleNightPage.as_view(), name="schedule-night"),
    path("remove/", RemoveSchedulePage.as_view(), name="remove-schedule"),
]
storage = [
    path("", StoragePage.as_view(), name="storage"),
    path("now/", StorageNow.as_view(), name="storage-now"),
    path("plans/", TryRulesPage.as_view(), name="try-rules"),
    path("plans/<uuid:plan>/", PlanPage.as_view(), name="cleanup-plan"),
    path("plans/<uuid:plan>/now/", PlanNow.as_view(), name="cleanup-plan-now"),
    path("destinations/add/", add_destination_page, name="add-destination"),
    path("destinations/<uuid:destination>/", DestinationPage.as_view(), name="destination"),
    path("destinations/<uuid:destination>/test/", TestDestinationPage.as_view(), name="test-destination"),
    path("destinations/<uuid:destination>/switch/", SwitchDestinationPage.as_view(), name="switch-destination"),
    path("destinations/<uuid:destination>/retry/", RetryDestinationPage.as_view(), name="retry-destination"),
    path("copies/<uuid:copy>/retry/", RetryCopyPage.as_view(), name="retry-copy"),
    path("trash/", TrashPage.as_view(), name="trash"),
    path("trash/restore/", RestorePage.as_view(), name="restore-captures"),
    path("trash/delete/", PurgePage.as_view(), name="purge-captures"),
    path("integrity/", IntegrityPage.as_view(), name="integrity"),
    path("integrity/now/", IntegrityNow.as_view(), name="integrity-now"),
    path("integrity/<uuid:finding>/", FindingPage.as_view(), name="finding"),
    path("integrity/<uuid:finding>/adopt/", AdoptPage.as_view(), name="adopt-file"),
    path("integrity/<uuid:finding>/set-aside/", SetAsidePage.as_view(), name="set-file-aside"),
]
host_pages = [
    path("", hosts.HostsPage.as_view(), name="hosts"),
    # Before the hosts: a name would match these too.
    path("now/", hosts.HostsNow.as_view(), name="hosts-now"),
    path("invitations/<uuid:invitation>/withdraw/", hosts.WithdrawInvitationPage.as_view(), name="withdraw-invitation"),
    path("<slug:name>/", hosts.HostPage.as_view(), name="host"),
    path("<slug:name>/now/", hosts.HostNow.as_view(), name="host-now"),
    path("<slug:name>/drain/", hosts.DrainPage.as_view(), name="drain-host"),
    path("<slug:name>/retire/", hosts.RetirePage.as_view(), name="retire-host"),
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
derived = [resolve(RESOURCES[name]) for name in WITH_PAGES]
urlpatterns = [
    path("", DashboardPage.as_view(), name="dashboard"),
    path("dashboard/now/", DashboardNow.as_view(), name="dashboard-now"),
    path("now/", ShellNow.as_view(), name="now"),
    path("temperatures/", TemperaturePage.as_view(), name="temperatures"),
    path("cameras/", CamerasPage.as_view(), name="cameras"),
    # Before the cameras: a slug would match it too.
    path("cameras/detect/", DiscoverPage.as_view(), name="detect"),
    path("cameras/<slug:slug>/", include(camera)),
    path("live/viewers/", ViewersPage.as_view(), name="viewers"),
    path("live/viewers/now/", ViewersNow.as_view(), name="viewers-now"),
    path("live/viewers/<uuid:viewer>/end/", EndViewerPage.as_view(), name="end-viewer"),
    path("gallery/", GalleryPage.as_view(), name="gallery"),
    path("gallery/pictures/", PicturesPage.as_view(), name="pictures"),
    path("gallery/tiles/", TilesPage.as_view(), name="tiles"),
    path("captures/<uuid:capture>/bring-back/", BringCaptureBackPage.as_view(), name="bring-capture-back"),
    path("captures/<uuid:capture>/", PicturePage.as_view(), name="picture"),
    path("captures/<uuid:capture>/details/", CaptureDetails.as_view(), name="picture-details"),
    path("captures/<uuid:capture>/delete/", DeletePicturePage.as_view(), name="delete-capture"),
    path("clips/", ClipsPage.as_view(), name="clips"),
    path("clips/at/", AtPage.as_view(), name="clip-at"),
    path("clips/<uuid:clip>/", ClipPage.as_view(), name="clip"),
    path("clips/<uuid:clip>/pin/", PinPage.as_view(), name="pin-clip"),
    path("clips/<uuid:clip>/delete/", DeletePage.as_view(), name="delete-clip"),
    path("sessions/", SessionsPage.as_view(), name="sessions"),
    path("sessions/<uuid:session>/", SessionPage.as_view(), name="session"),
    path("sessions/<uuid:session>/now/", SessionNow.as_view(), name="session-now"),
    path("sessions/<uuid:session>/stop/", StopSessionPage.as_view(), name="stop-session"),
    path("sessions/<uuid:session>/hand-over/", HandOverSessionPage.as_view(), name="hand-over-session"),
    path("sessions/<uuid:session>/pause/", PauseSessionPage.as_view(), name="pause-session"),
    path("sessions/<uuid:session>/resume/", ResumeSessionPage.as_view(), name="resume-session"),
    path("experiments/", ExperimentsPage.as_view(), name="experiments"),
    path("experiments/add/", AddExperimentPage.as_view(), name="add-experiment"),
    path("experiments/<uuid:experiment>/", include(experiment)),
    path("archives/", ArchivesPage.as_view(), name="archives"),
    path("archives/<uuid:archive>/", ArchivePage.as_view(), name="archive"),
    path("archives/<uuid:archive>/now/", ArchiveNow.as_view(), name="archive-now"),
    path("archives/<uuid:archive>/bring-back/", BringArchiveBackPage.as_view(), name="bring-archive-back"),
    path("archives/<uuid:archive>/files/<uuid:file>/", ArchivedFilePage.as_view(), name="archived-file"),
    path("schedules/", SchedulesPage.as_view(), name="schedules"),
    path("schedules/add/", AddSchedulePage.as_view(), name="add-schedule"),
    path("schedules/preview/", PreviewPage.as_view(), name="preview-schedule"),
    path("schedules/<uuid:schedule>/", include(schedule)),
    path("telescope/", telescope.FieldListsPage.as_view(), name="field-lists"),
    path("telescope/add/", telescope.AddFieldListPage.as_view(), name="add-field-list"),
    path("telescope/preview/", telescope.PreviewListPage.as_view(), name="preview-new-field-list"),
    path("telescope/<uuid:field_list>/", telescope.FieldListPage.as_view(), name="field-list"),
    path("telescope/<uuid:field_list>/edit/", telescope.EditFieldListPage.as_view(), name="edit-field-list"),
    path("telescope/<uuid:field_list>/preview/", telescope.PreviewListPage.as_view(), name="preview-field-list"),
    path("telescope/<uuid:field_list>/add/", telescope.AddFieldsPage.as_view(), name="add-fields"),
    path("telescope/<uuid:field_list>/observe/", telescope.ObserveListPage.as_view(), name="observe-field-list"),
    path("telescope/<uuid:field_list>/nightly/", telescope.NightlyListPage.as_view(), name="nightly-field-list"),
    path("telescope/<uuid:field_list>/archive/", telescope.ArchiveListPage.as_view(), name="archive-field-list"),
    path("tonight/", TonightPage.as_view(), name="tonight"),
    path("nights/", NightsPage.as_view(), name="nights"),
    # Before the nights: a date would match it too.
    path("nights/go/", GoToNightPage.as_view(), name="go-to-night"),
    path("nights/<str:night>/", ReportPage.as_view(), name="night"),
    path("nights/<str:night>/report.html", ReportFilePage.as_view(), name="night-file"),
    path("readings/", ReadingsPage.as_view(), name="readings"),
    path("readings/marks/", ReadingMarksPage.as_view(), name="reading-marks"),
    path("events/", EventsPage.as_view(), name="events"),
    path("alerts/<uuid:alert>/silence/", notifications.SilenceAlertPage.as_view(), name="silence-alert"),
    path("alerts/link/<str:link>/", AlertLinkPage.as_view(), name="alert-link"),
    path("notifications/", include("monitoring.notifications.pages")),
    path("alerts/", include("monitoring.alert_rules.pages")),
    *(path(resource.path, include(pages_of(resource))) for resource in derived),
    path("jobs/", JobsPage.as_view(), name="jobs"),
    path("jobs/now/", JobsNow.as_view(), name="jobs-now"),
    path("jobs/<uuid:job>/cancel/", CancelJobPage.as_view(), name="cancel-job"),
    path("status/", StatusPage.as_view(), name="status"),
    path("status/now/", StatusNow.as_view(), name="status-now"),
    path("status/examination/", ExaminationPage.as_view(), name="examination"),
    path("status/support-bundle/", SupportBundlePage.as_view(), name="support-bundle"),
    path("hosts/", include(host_pages)),
    path("storage/", include(storage)),
    path("sensors/", include("monitoring.sensor_management.pages")),
    path("webhooks/", include("monitoring.webhooks.pages")),
    path("users/", access.UsersPage.as_view(), name="users"),
    path("users/<int:user>/", access.UserPage.as_view(), name="user"),
    path("settings/", StationSettingsPage.as_view(), name="station-settings"),
    path("accounts/", include(account)),
    path("preferences/", save_preferences, name="preferences"),
    path("favicon.ico", favicon),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", PrometheusView.as_view()),
    # These two come before the admin's own: its sign-in would evade the limits of sign-in attempts, and its password
    # form the event and the end of all tokens.
    path("admin/login/", access.AdminSignInRedirect.as_view()),
    path("admin/password_change/", access.PasswordPage.as_view()),
    path("admin/", SITE.urls),
    path("api/", include("skycam_project.api")),
]
handler400 = "skycam_project.pages.errors.bad_request"
handler404 = "skycam_project.pages.errors.not_found"
handler500 = "skycam_project.pages.errors.server_error"
