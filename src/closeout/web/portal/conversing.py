"""Messages with support: the thread, what was asked of the holder, and a form that knows what stands in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from closeout.cases import asking, policies, queries, venues
from closeout.cases.correspondence import Said
from closeout.cases.office import office
from closeout.conditions.check import Report, Result
from closeout.reasons import Refused
from closeout.records.vault import KeyDestroyed
from closeout.web.portal import errors, formats, holder, pages, selfcheck
from closeout.web.portal.forms import SupportForm
from closeout.web.portal.pages import Problem

Text = str | Promise
ABOUT: dict[str, Text] = {
    "stolen": gettext_lazy("I think somebody else is or was in my account."),
    "authenticator": gettext_lazy("I have lost my authenticator and want to prove who I am."),
    "records": gettext_lazy("I have a question about my records."),
    "late-value": gettext_lazy("Something arrived after the account was closed."),
}
KINDS: dict[str, Text] = {
    "photo": gettext_lazy("A photo of you holding your document"),
    "video": gettext_lazy("A short video"),
    "questions": gettext_lazy("Answers to questions about this account"),
}
STATES: dict[str, Text] = {
    "open": gettext_lazy("Waits for you"),
    "received": gettext_lazy("Received"),
    "lapsed": gettext_lazy("Lapsed; nothing is asked any more"),
}
CLOSING = "closing"
SHORT = 60


@dataclass(frozen=True)
class Bubble:
    """One message as the page shows it. ``foreign``: addresses in it that are not ours."""

    said: Said
    mine: bool
    who: str
    foreign: Sequence[tuple[str, str]]


@require_http_methods(["GET", "POST"])
@holder.required
def support(request: HttpRequest) -> HttpResponse:
    """Show the conversation and take a message; what fails to close comes along by itself (R-SUP-2, R-DIA-1)."""
    if request.method == "POST":
        return _take(request)
    if request.headers.get("HX-Request"):
        return _part(request)
    about = request.GET.getlist("about")[:10]
    text = "" if not about else _prefilled(request, about)
    form = SupportForm(initial={"text": text, "about": " ".join(about)[:SHORT]})
    return _page(request, form)


def _take(request: HttpRequest) -> HttpResponse:
    form = SupportForm(request.POST)
    if not form.is_valid():
        problems = [Problem(str(text), "id_text") for texts in form.errors.values() for text in texts]
        return _page(request, form, problems=problems, status=422)
    who, now = holder.who(request), venues.now()
    known = set(form.cleaned_data["about"].split())
    try:
        said = asking.ask(
            who.account_id,
            form.cleaned_data["text"],
            venue=who.venue,
            now=now,
            key=_once(who, form.cleaned_data["text"]),
            case=queries.case_of(who.account_id, venue=who.venue),
            about=sorted(known),
        )
    except KeyDestroyed:
        return errors.gone(request)
    except Refused as why:
        if why.reasons[0].code == "too_many_messages":
            return errors.too_often(request, int(why.reasons[0].values["seconds"]))
        problems = [Problem(text, "id_text") for text in why.sentences(pages.language())]
        return _page(request, form, problems=problems, status=422)
    return HttpResponseRedirect(f"{reverse('portal:support')}?sent=1#message-{said.id}")


def _once(who: holder.Holder, text: str) -> str:
    """Return the key under which ``text`` is said once until support has answered, however often it is sent."""
    answers = (
        said.id for said in asking.thread(who.account_id, venue=who.venue) if said.author_kind != "holder"
    )
    digest = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
    return f"{max(answers, default=0)}-{digest[:40]}"


def _page(
    request: HttpRequest, form: SupportForm, *, problems: Sequence[Problem] = (), status: int = 200
) -> HttpResponse:
    now, desk, talk = venues.now(), office(), _talk(request)
    return pages.show(
        request,
        "support.html",
        _("Messages with support"),
        status=status,
        form=form,
        problems=problems,
        sent="sent" in request.GET,
        opens=f"{desk.opens:%H:%M}",
        closes=f"{desk.closes:%H:%M}",
        office_zone=formats.offset(now, desk.zone),
        is_open=desk.is_open(now),
        answer_by=desk.answer_by(now),
        domains=policies.in_force().own_domains,
        **talk,
    )


def _part(request: HttpRequest) -> HttpResponse:
    """Return what changes while the page is open; what is being typed is not part of it."""
    return pages.part(request, "conversation_part.html", **_talk(request))


def _talk(request: HttpRequest) -> dict[str, Any]:
    who = holder.who(request)
    thread = asking.thread(who.account_id, venue=who.venue)
    asked = asking.requests(who.account_id, venue=who.venue, now=venues.now())
    return {
        "bubbles": [_bubble(said) for said in thread],
        "after": thread[-1].id if thread else 0,
        "asked": [
            {"what": KINDS[one.kind], "state": STATES[one.state], "open": one.state == "open", "one": one}
            for one in asked
        ],
    }


def _bubble(said: Said) -> Bubble:
    mine = said.author_kind == "holder"
    name = (
        _("You") if mine else _("Support · %(name)s") % {"name": said.author} if said.author else _("Support")
    )
    return Bubble(said, mine, name, [(one.host, one.imitates) for one in said.foreign])


def _prefilled(request: HttpRequest, about: Sequence[str]) -> str:
    """Write what the holder would have to write: what stands in the way, as the self-check names it."""
    known = [str(ABOUT[code]) for code in about if code in ABOUT]
    who, now = holder.who(request), venues.now()
    report = queries.report(who.account_id, policies.in_force(), now=now)
    rows = _rows(report, about) if report is not None else []
    if rows:
        known += [_("I cannot close my account. This stands in the way:"), *(f"- {row}" for row in rows)]
    return "\n".join(known)


def _rows(report: Report, about: Sequence[str]) -> list[str]:
    overview = selfcheck.overview(report, policies.in_force(), language=pages.language())
    shown = [*overview.unknown, *overview.clearable, *overview.yours, *overview.waiting]
    wanted = [row for row in shown if CLOSING in about or row.code in about]
    unmet = {found.condition.code for found in report.findings if found.result is not Result.CLEAR}
    return [" · ".join((row.title, *row.lines)) for row in wanted if row.code in unmet]
