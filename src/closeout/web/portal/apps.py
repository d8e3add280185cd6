"""The portal as a Django app: templates, static files, and texts."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Compile the catalogues before the first page is asked for."""

    name = "closeout.web.portal"
    label = "portal"

    def ready(self) -> None:
        """Compile what is stale; a read-only installation ships them compiled."""
        from closeout.web.portal import catalogue

        catalogue.compile_stale()
