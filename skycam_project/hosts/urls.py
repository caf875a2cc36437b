from django.urls import path

from skycam_project.hosts.api import InvitationsView, InvitationView, JoinView

urlpatterns = [
    # Before the hosts: a name would match these too.
    path("join/", JoinView.as_view()),
    path("invitations/", InvitationsView.as_view()),
    path("invitations/<uuid:invitation>/", InvitationView.as_view()),
]
