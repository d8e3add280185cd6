"""Error pages: what happened, what to do, and nothing else; none tells whether an account exists."""

from __future__ import annotations

import functools
import logging
import secrets
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.translation import gettext as _

from closeout.reasons import Refused
from closeout.web.portal import pages
from closeout.web.portal.privacy import UnexpectedFile

log = logging.getLogger(__name__)


Way = tuple[str, str]  # address and label
View = Callable[..., HttpResponseBase]


def page(
    request: HttpRequest,
    status: int,
    title: str,
    what: str,
    then: str,
    *,
    number: str = "",
    way: Way | None = None,
) -> HttpResponse:
    """Show an error page with a way to go on, to the start page if there is no better one."""
    url, label = way or (reverse("portal:home"), _("To the start page"))
    shown = {"url": url, "label": label}
    return pages.show(
        request, "error.html", title, status=status, what=what, then=then, way=shown, number=number
    )


def in_words(view: View) -> View:
    """Let ``view`` answer with a page also where only a bare status would come: 405 with what may be asked."""

    @functools.wraps(view)
    def told(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        answer = page(
            request,
            405,
            _("This page cannot do that"),
            _("It was asked in a way that it does not know."),
            _("Nothing was changed. Open it from its link or button."),
        )
        answer.headers["Allow"] = response.headers["Allow"]
        return answer

    return told


def bad(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400; a body beyond the limit is 413."""
    from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent

    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return too_much(request)
    if isinstance(exception, UnexpectedFile):
        return page(
            request,
            415,
            _("No file is asked for here"),
            _("This page takes no files, so yours was not kept."),
            _("Nothing was changed. Send proof of identity only where a request of ours stands."),
            way=(reverse("portal:support"), _("See what we asked you for")),
        )
    return page(
        request,
        400,
        _("This request could not be read"),
        _("Something in the address or the form was not right."),
        _("Nothing was changed. Go back and try once more."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    return page(
        request,
        403,
        _("This is not open to you"),
        _("The page belongs to somebody else or needs another way in."),
        _("Nothing was changed. Sign in again from the start page."),
    )


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form that does not carry its proof: it is too old or comes from another site."""
    return page(
        request,
        403,
        _("The form is too old"),
        _("It was opened too long ago, in another browser, or it did not come from these pages."),
        _("Nothing was changed. Open the page again and repeat the step."),
    )


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    return page(
        request,
        404,
        _("There is no such page"),
        _("The address is mistyped, or the page has moved."),
        _("Start from the beginning, or look it up in the help."),
    )


def refused(request: HttpRequest, why: Refused) -> HttpResponse:
    """Answer 409 with every reason that the business gives."""
    language = pages.language()
    return page(
        request,
        409,
        _("That is not possible now"),
        " ".join(why.sentences(language)),
        _("Nothing else was changed."),
    )


def gone(request: HttpRequest) -> HttpResponse:
    """Answer 410 to a link that was good once, or never: the answer is the same."""
    return page(
        request,
        410,
        _("This link is no longer good"),
        _("It was used, it has expired, or it was not copied in full."),
        _("Nothing was changed. Sign in to see where the application stands."),
    )


def too_much(request: HttpRequest) -> HttpResponse:
    """Answer 413."""
    return page(
        request,
        413,
        _("That is too long"),
        _("The text or file is larger than this page can take."),
        _("Nothing was changed. Shorten it and send it again."),
    )


def too_often(request: HttpRequest, seconds: int) -> HttpResponse:
    """Answer 429 with the time to wait."""
    from django.utils.translation import ngettext

    wait = ngettext("Try again in %(seconds)d second.", "Try again in %(seconds)d seconds.", seconds)
    response = page(
        request,
        429,
        _("Too many attempts"),
        _("This step was tried too often in a short time."),
        wait % {"seconds": seconds},
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def unreachable(request: HttpRequest) -> HttpResponse:
    """Answer 503: the exchange does not answer; nothing may be concluded and nothing is tried."""
    response = page(
        request,
        503,
        _("The exchange does not answer"),
        _("It is our fault, not yours."),
        _("Nothing was changed. Try again in a few minutes."),
    )
    response.headers["Retry-After"] = "60"
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a number that support can look up; the page says nothing of the cause."""
    number = secrets.token_hex(4)
    log.error("answered 500, number %s", number, exc_info=sys.exc_info())
    return page(
        request,
        500,
        _("Something broke on our side"),
        _("It is our fault, not yours."),
        _("Nothing was half done: a step is done in full or not at all. Try again in a moment."),
        number=number,
    )
