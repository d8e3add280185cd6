"""Django's registration of the case file."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CasesConfig(AppConfig):
    """The one Django app with tables."""

    name = "closeout.cases"
    label = "cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let every migration end with the tables guarded, and every connection know whom it serves."""
        from closeout.cases import isolation

        isolation.watch()
        post_migrate.connect(_guard, sender=self, dispatch_uid="isolation")


def _guard(*, using: str, **_: Any) -> None:
    from closeout.cases import isolation

    if using == "default":
        isolation.prepare()
