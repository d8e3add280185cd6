"""Links of letters: the token moves from the address into a cookie of the pages that it opens, and nowhere else.

So no later request, no Referer and no log line of ours carries it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect

from closeout.cases import signed_names


def opened(page: str, *, cookie: str, token: str, minutes: int) -> HttpResponse:
    """Go on to ``page``, where ``token`` is good for ``minutes``; what a mailbox adds to an address is cut off."""
    response = HttpResponseRedirect(page)
    response.status_code = 303
    response.set_cookie(
        cookie, signed_names.bare(token), max_age=minutes * 60, path=page,
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
