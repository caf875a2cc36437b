from django.urls import path

from scheduler.telescope.field_lists import api

urlpatterns = [
    path("<uuid:field_list>/fields/", api.FieldsView.as_view()),
    path("<uuid:field_list>/add/", api.AddFieldsView.as_view()),
    path("<uuid:field_list>/preview/", api.PreviewView.as_view()),
    path("<uuid:field_list>/plan/", api.PlanView.as_view()),
    path("<uuid:field_list>/next/", api.NextView.as_view()),
    path("<uuid:field_list>/observations/", api.ObservationsView.as_view()),
    path("<uuid:field_list>/observe/", api.ObserveView.as_view()),
    path("<uuid:field_list>/nightly/", api.NightlyView.as_view()),
]
