"""Users are changed on our own pages, which tell of it and keep the rules; groups mean nothing on a station."""

from django.contrib import admin
from django.contrib.auth.models import Group

admin.site.unregister(Group)
