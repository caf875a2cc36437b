from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "skycam_project.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from skycam_project.checks import register_checks

        register_checks()
