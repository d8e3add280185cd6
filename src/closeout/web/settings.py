"""Settings of the site. Everything that differs between machines comes from ``CLOSEOUT_*`` variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF, STRICT_DYNAMIC
from psycopg.conninfo import conninfo_to_dict

from closeout.web import logs

HERE = Path(__file__).resolve().parent


def database(url: str, *, pool: int) -> dict[str, Any]:
    """Return Django's form of a PostgreSQL URL. ``pool``: most connections, 0 for one per thread."""
    parts = conninfo_to_dict(url)
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options: dict[str, Any] = {name: value for name, value in parts.items() if name not in known}
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
INSTALLED_APPS = [
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "closeout.cases",
    "closeout.web.portal",
    "closeout.web.console",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django_http_compression.middleware.HttpCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "closeout.web.portal.privacy.PrivacyMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
ROOT_URLCONF = "closeout.web.urls"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [HERE.parent / "locale"]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # no collecting step: the wheel carries the files as they are
WHITENOISE_MAX_AGE = 3600
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What every page may do (security.md of the design: strict CSP with Trusted Types, short sessions, no cache).
HTTPS = os.environ.get("CLOSEOUT_HTTPS", "") == "1"
CLOSEOUT_DEMO = os.environ.get("CLOSEOUT_DEMO", "1") == "1"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [STRICT_DYNAMIC, NONCE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["htmx"],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "__Host-sid" if HTTPS else "sid"
SESSION_COOKIE_AGE = 15 * 60  # idle; the absolute limit is the portal's
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_FAILURE_VIEW = "closeout.web.portal.errors.forged"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
FILE_UPLOAD_HANDLERS = ["closeout.web.portal.privacy.NoFiles"]
DATA_UPLOAD_MAX_NUMBER_FILES = 1  # proof of identity; its page has a limit of its own
LOGGING = logs.LOGGING
