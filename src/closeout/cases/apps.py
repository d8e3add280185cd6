"""Django's registration of the case file."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """The one Django app with tables."""

    name = "closeout.cases"
    label = "cases"
    default_auto_field = "django.db.models.BigAutoField"
