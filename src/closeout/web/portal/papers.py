"""What the holder takes along: the archive of records, the receipt of the application, the certificate."""

from __future__ import annotations

import io

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from closeout.cases import applications, documents, policies, queries, venues
from closeout.cases.models import Case
from closeout.lifecycle import State
from closeout.reasons import Refused
from closeout.records import sheets
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import Unreachable
from closeout.web.portal import errors, formats, holder, pages, standing

KINDS = {"pdf": "application/pdf", "json": "application/json"}


def _case(request: HttpRequest) -> Case | None:
    who = holder.who(request)
    return queries.case_of(who.account_id, venue=who.venue)


@require_http_methods(["GET", "POST"])
@holder.required
def records(request: HttpRequest) -> HttpResponse:
    """Put the archive together on request, and hand it out (R-REC-1, R-CLO-8)."""
    case = _case(request)
    if request.method == "POST":
        return _prepare(request, case)
    archive_ready = queries.documents(case).get("archive") if case else None
    return pages.show(request, "records.html", _("Your records"), case=case, archive=archive_ready)


def _prepare(request: HttpRequest, case: Case | None) -> HttpResponse:
    who = holder.who(request)
    now = venues.now()
    try:
        if case is None or standing.is_over(case):
            case = applications.open_case(who.account_id, venue=who.venue, language=pages.language(), now=now)
        documents.build_archive(case, now=now)
    except Unreachable:
        return errors.unreachable(request)
    except Refused as why:
        return errors.refused(request, why)
    return HttpResponseRedirect(reverse("portal:records"))


@require_GET
@holder.required
def archive(request: HttpRequest) -> HttpResponse:
    """Hand out the archive, opened with the holder's own key."""
    case = _case(request)
    document = queries.documents(case).get(documents.ARCHIVE) if case else None
    if document is None:
        raise Http404
    try:
        content = documents.read(document)
    except KeyDestroyed:
        return errors.gone(request)
    return _download(content, document.name, "application/zip")


@require_GET
@holder.required
def certificate(request: HttpRequest, form: str) -> HttpResponse:
    """Hand out the certificate as PDF or JSON (R-CLO-14)."""
    case = _case(request)
    document = queries.documents(case).get(f"certificate_{form}") if case else None
    if document is None:
        raise Http404
    return _download(documents.read(document), document.name, KINDS[form])


def _download(content: bytes, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@holder.required
def receipt(request: HttpRequest) -> HttpResponse:
    """Hand out the receipt of the application as PDF: number, dates, and how to take it back."""
    case = _case(request)
    if case is None or case.submitted_at is None:
        raise Http404
    language, zone = pages.language(), pages.zone_of(request)
    who = holder.who(request)
    rows = [
        (_("Application"), case.number),
        (_("Account"), f"{who.masked} · UID {who.uid}"),
        (_("Submitted"), formats.moment(case.submitted_at, language=language, zone=zone)),
        (_("State"), str(standing.STATES[State(case.state)])),
    ]
    if case.due_at is not None:
        rows.append((_("Would close on"), formats.moment(case.due_at, language=language, zone=zone)))
    rows.append((_("Our true addresses"), ", ".join(policies.of_version(case.policy_id).own_domains)))
    way_back = _(
        "Until that date you can take the application back: sign in and choose “Withdraw the application”."
    )
    story = [
        sheets.text(_("Receipt of your application to close the account"), 18),
        sheets.pairs(rows),
        *sheets.heading([_("Change your mind")]),
        sheets.text(way_back, 10),
    ]
    paper = io.BytesIO()
    domains = ", ".join(policies.of_version(case.policy_id).own_domains)
    sheets.build(story, paper, title=case.number, author=domains, footer=case.number, on_first=sheets.ribbon)
    return _download(paper.getvalue(), f"{case.number}.pdf", KINDS["pdf"])
