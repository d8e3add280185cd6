"""The site as a WSGI application; the door that starts it has prepared database and environment."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "closeout.web.settings")
application = get_wsgi_application()
