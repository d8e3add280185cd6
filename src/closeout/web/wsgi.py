"""The site as a WSGI application; the door that starts it has prepared database and environment."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from closeout.web.signin import entrances

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "closeout.web.settings")

AT_ONCE = int(os.environ.get("CLOSEOUT_AT_ONCE", "4"))  # pages in the making; a stream that waits is none
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def gated(inner: Application, *, at_once: int) -> Application:
    """Return ``inner`` with at most ``at_once`` answers in the making, however many threads the server has.

    Streams need many threads and hardly any work (docs/adr/0031); pages would only get in each other's way.
    """
    gate = threading.BoundedSemaphore(at_once)

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with gate:
            return inner(environ, start_response)

    return outer


application = gated(get_wsgi_application(), at_once=AT_ONCE)
entrances.demand()  # a mistake in the ways in stops the start, not a visitor
