"""Settings of the site. Everything that differs between machines comes from ``CLOSEOUT_*`` variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

HERE = Path(__file__).resolve().parent


def database(url: str, *, pool: int) -> dict[str, Any]:
    """Return Django's form of a PostgreSQL URL. ``pool``: most connections, 0 for one per thread."""
    parts = conninfo_to_dict(url)
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = {name: value for name, value in parts.items() if name not in known}
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool}
    settings: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options}
    for name, setting in known.items():
        settings[setting] = parts.get(name) or ""
    return settings


DATABASES = {
    "default": database(
        os.environ.get("CLOSEOUT_DATABASE_URL", "postgresql:///closeout"),
        pool=int(os.environ.get("CLOSEOUT_POOL", "0")),
    )
}
SECRET_KEY = os.environ.get("CLOSEOUT_SECRET_KEY", "")
DEBUG = False
ALLOWED_HOSTS = os.environ.get("CLOSEOUT_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
INSTALLED_APPS = ["django.contrib.staticfiles", "closeout.cases"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "closeout.web.urls"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [HERE.parent / "locale"]
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
