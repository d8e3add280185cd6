"""What the holder takes along: the archive of records, the receipt of the application, the certificate."""

from __future__ import annotations

import io
from datetime import timedelta
from urllib.parse import urlencode

from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from closeout.cases import applications, documents, policies, queries, venues
from closeout.cases.models import Case, Document
from closeout.lifecycle import State
from closeout.reasons import Refused, refuse
from closeout.records import locked_zip, sheets
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import Unreachable
from closeout.web.portal import errors, formats, holder, pages, standing

TICKET = "closeout.records"
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
    return _page(request, case)


def _page(request: HttpRequest, case: Case | None, *, refused: Refused | None = None) -> HttpResponse:
    made = queries.documents(case).get("archive") if case else None
    return pages.show(
        request, "records.html", _("Your records"), case=case, archive=made if made and made.path else None,
        preparing=documents.preparing(case) if case else None, ticket=made and _ticket(made), refused=refused,
        status=409 if refused else 200, least=locked_zip.PASSPHRASE_LEAST,
    )  # fmt: skip


def _prepare(request: HttpRequest, case: Case | None) -> HttpResponse:
    who = holder.who(request)
    now = venues.now()
    try:
        if case is None or standing.is_over(case):
            case = applications.open_case(who.account_id, venue=who.venue, language=pages.language(), now=now)
        documents.ask_archive(case, now=now)
    except Unreachable:
        return errors.unreachable(request)
    except Refused as why:
        return errors.refused(request, why)
    return HttpResponseRedirect(reverse("portal:records"))


def _ticket(document: Document) -> str:
    """Return what opens one download of this very archive, for as long as a verification stays fresh."""
    return TimestampSigner(salt=TICKET).sign(f"{document.case_id}.{document.sha256}")


def _admits(ticket: str, document: Document, *, minutes: int) -> bool:
    try:
        said = TimestampSigner(salt=TICKET).unsign(ticket, max_age=timedelta(minutes=minutes))
    except BadSignature:
        return False
    return constant_time_compare(said, f"{document.case_id}.{document.sha256}")


@require_http_methods(["GET", "POST"])
@holder.required
def archive(request: HttpRequest) -> HttpResponseBase:
    """Hand out the archive, opened with the holder's own key, to somebody who has signed in just now (R-REC-1).

    With POST it comes locked under the passphrase in the form; that is written down nowhere.
    """
    case = _case(request)
    document = queries.documents(case).get(documents.ARCHIVE) if case else None
    if case is None or document is None:
        raise Http404
    minutes = policies.of_version(case.policy_id).step_up_minutes
    if not holder.is_fresh(request, minutes=minutes):
        there = urlencode({"next": reverse("portal:records")})
        return HttpResponseRedirect(f"{reverse('portal:signin')}?{there}")
    asked = request.POST if request.method == "POST" else request.GET
    if not _admits(asked.get("ticket", ""), document, minutes=minutes):
        return HttpResponseRedirect(reverse("portal:records"))
    try:
        return _handed_out(document, _passphrase(request))
    except Refused as why:
        return _page(request, case, refused=why)
    except (KeyDestroyed, FileNotFoundError, IsADirectoryError):
        return errors.gone(request)


def _passphrase(request: HttpRequest) -> str:
    """Return the passphrase that was typed, twice alike; empty for none. Raises: Refused."""
    if request.method != "POST":
        return ""
    typed, again = request.POST.get("passphrase", ""), request.POST.get("again", "")
    if not locked_zip.PASSPHRASE_LEAST <= len(typed) <= locked_zip.PASSPHRASE_MOST:
        raise refuse("passphrase_short", least=locked_zip.PASSPHRASE_LEAST, most=locked_zip.PASSPHRASE_MOST)
    if not constant_time_compare(typed, again):
        raise refuse("passphrase_differs")
    return typed


def _handed_out(document: Document, passphrase: str) -> StreamingHttpResponse:
    """Return the archive as a stream, after the download was written down. Raises: KeyDestroyed, OSError."""
    now = venues.now()
    content, name = documents.stream(document), document.name
    if passphrase:
        content = locked_zip.lock(name, content, passphrase, at=now.replace(tzinfo=None))
        name = f"{document.name.removesuffix('.zip')}-locked.zip"
    documents.note_download(document, actor="holder", way="locked" if passphrase else "portal", now=now)
    response = StreamingHttpResponse(content, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if not passphrase:
        response.headers["Content-Length"] = str(document.size)
    return response


@require_GET
@holder.required
def certificate(request: HttpRequest, form: str) -> HttpResponse:
    """Hand out the certificate as PDF or JSON (R-CLO-14)."""
    case = _case(request)
    document = queries.documents(case).get(f"certificate_{form}") if case else None
    if document is None:
        raise Http404
    documents.note_download(document, actor="holder", way="portal", now=venues.now())
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
