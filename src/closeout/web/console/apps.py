"""The console as a Django app: templates and static files."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Templates and static files of the console."""

    name = "closeout.web.console"
    label = "console"
