"""Who of the operator's people is signed in. Nothing in the console is open to anybody else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from closeout.cases import staff
from closeout.cases.models import StaffSession
from closeout.reasons import Refused
from closeout.web.console import pages

LONGEST = timedelta(hours=8)  # idle time is the age of the session cookie: 15 minutes
KEY = "staff_session"

View = Callable[..., HttpResponseBase]


def begin(request: HttpRequest, session: StaffSession) -> None:
    """Bind the browser to ``session``; what its session held before is gone."""
    request.session.flush()
    request.session.cycle_key()
    request.session[KEY] = session.pk.hex


def of(request: HttpRequest) -> StaffSession | None:
    """Return the session of who is signed in; one that is too old is ended."""
    ident = request.session.get(KEY)
    found = staff.session_of(str(ident)) if ident else None
    if found is None:
        return None
    now = datetime.now(UTC)
    if now - found.started_at > LONGEST:
        staff.sign_out(found, now=now)
        request.session.flush()
        return None
    return found


def end(request: HttpRequest) -> None:
    """End the session here and in the database."""
    found = of(request)
    if found is not None:
        staff.sign_out(found, now=datetime.now(UTC))
    request.session.flush()


def required(view: View) -> View:
    """Let only signed-in people in, and answer their refusals with the reasons."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        session = of(request)
        if session is None:
            return HttpResponseRedirect(reverse("console:signin"))
        request.staff_session = session  # type: ignore[attr-defined]
        try:
            return view(request, *args, **kwargs)
        except Refused as why:
            return pages.refused(request, why)

    return guarded


def who(request: HttpRequest) -> StaffSession:
    """Return the session of a page that :func:`required` guards."""
    found: StaffSession = request.staff_session  # type: ignore[attr-defined]
    return found
