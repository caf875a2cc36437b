from django.urls import path

from captures.capturing.api import CalendarView, CapturesView, CaptureView
from captures.experiment_control import (
    ArchivedFileView,
    ArchivedThumbnailView,
    ArchiveFilesView,
    ArchiveManifestView,
    ArchivesView,
    ArchiveVerifyView,
    ArchiveView,
    ArchiveZipView,
    ExperimentAccountView,
    ExperimentArchiveView,
)
from captures.files.clip_serving import ClipFileView, PosterView
from captures.files.serving import CaptureFileView
from captures.files.thumbnails import ThumbnailView
from captures.recordings.clips.api import ClipsView, ClipView, TimelineView
from captures.recordings.control.api import RecordingView, RecordView, StopRecordingView
from captures.sessions.api import (
    SeedStartBody,
    SessionHandOverView,
    SessionPauseView,
    SessionResumeView,
    SessionStopView,
    SessionsView,
    SessionView,
    StartView,
    StopView,
)
from captures.storage.api import (
    AdoptView,
    BacklogView,
    CleanupView,
    DestinationTestView,
    IntegrityCsvView,
    IntegrityView,
    SetAsideView,
    StorageView,
    UsageView,
)
from captures.storage.bring_back.api import BringBackView, CaptureBringBackView
from captures.storage.trash.api import CaptureDetailView, RestoreView, TrashView

urlpatterns = [
    path("captures/", CapturesView.as_view()),
    path("captures/calendar/", CalendarView.as_view()),
    path("captures/trash/", TrashView.as_view()),
    path("captures/<uuid:capture>/", CaptureDetailView.as_view()),
    path("captures/<uuid:capture>/restore/", RestoreView.as_view()),
    path("captures/<uuid:capture>/bring-back/", CaptureBringBackView.as_view()),
    path("captures/<uuid:capture>/file/", CaptureFileView.as_view()),
    path("captures/<uuid:capture>/thumbnail/", ThumbnailView.as_view()),
    path("clips/", ClipsView.as_view()),
    path("clips/timeline/", TimelineView.as_view()),
    path("clips/<uuid:clip>/", ClipView.as_view()),
    path("clips/<uuid:clip>/file/", ClipFileView.as_view()),
    path("clips/<uuid:clip>/poster/", PosterView.as_view()),
    path("experiments/<uuid:experiment>/account/", ExperimentAccountView.as_view()),
    path("experiments/<uuid:experiment>/archive/", ExperimentArchiveView.as_view()),
    path("archives/", ArchivesView.as_view()),
    path("archives/<uuid:archive>/", ArchiveView.as_view()),
    path("archives/<uuid:archive>/files/", ArchiveFilesView.as_view()),
    path("archives/<uuid:archive>/files/<uuid:file>/content/", ArchivedFileView.as_view()),
    path("archives/<uuid:archive>/files/<uuid:file>/thumbnail/", ArchivedThumbnailView.as_view()),
    path("archives/<uuid:archive>/zip/", ArchiveZipView.as_view()),
    path("archives/<uuid:archive>/manifest/", ArchiveManifestView.as_view()),
    path("archives/<uuid:archive>/verify/", ArchiveVerifyView.as_view()),
    path("offsite/destinations/<uuid:destination>/test/", DestinationTestView.as_view()),
    path("offsite/destinations/<uuid:destination>/backlog/", BacklogView.as_view()),
    path("offsite/bring-back/", BringBackView.as_view()),
    path("sessions/", SessionsView.as_view()),
    path("sessions/<uuid:session>/", SessionView.as_view()),
    path("sessions/<uuid:session>/stop/", SessionStopView.as_view()),
    path("sessions/<uuid:session>/hand-over/", SessionHandOverView.as_view()),
    path("sessions/<uuid:session>/pause/", SessionPauseView.as_view()),
    path("sessions/<uuid:session>/resume/", SessionResumeView.as_view()),
    path("storage/", StorageView.as_view()),
    path("storage/usage/", UsageView.as_view()),
    path("storage/cleanup/", CleanupView.as_view()),
    path("storage/integrity/", IntegrityView.as_view()),
    path("storage/integrity/csv/", IntegrityCsvView.as_view()),
    path("storage/integrity/<uuid:finding>/adopt/", AdoptView.as_view()),
    path("storage/integrity/<uuid:finding>/set-aside/", SetAsideView.as_view()),
    path("cameras/<slug:slug>/capture/", CaptureView.as_view()),
    path("cameras/<slug:slug>/start/", StartView.as_view()),
    path("cameras/<slug:slug>/stop/", StopView.as_view()),
    path("cameras/<slug:slug>/recording/", RecordingView.as_view()),
    path("cameras/<slug:slug>/record/", RecordView.as_view()),
    path("cameras/<slug:slug>/stop-recording/", StopRecordingView.as_view()),
]

primary = [
    path("start/", StartView.as_view(body=SeedStartBody)),
    path("stop/", StopView.as_view()),
]
"""The seed's routes, for the primary camera."""
