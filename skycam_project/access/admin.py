"""Users are changed on our own pages, which write events and check the rules. Groups have no effect on a station."""

from django.contrib import admin
from django.contrib.auth.models import Group

admin.site.unregister(Group)
