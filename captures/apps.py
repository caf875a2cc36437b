from django.apps import AppConfig


class CapturesConfig(AppConfig):
    name = "captures"
    default_auto_field = "django.db.models.BigAutoField"
