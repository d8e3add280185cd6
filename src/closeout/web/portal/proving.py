"""Proof of identity in place of a lost factor: asked for by the holder, requested by agents, sent from here only."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from closeout.cases import applications, evidence, policies, proving, queries, uploads, venues
from closeout.cases.models import Case, EvidenceRequest
from closeout.lifecycle import State
from closeout.reasons import Refused, refuse
from closeout.venues.base import Unreachable
from closeout.web.portal import errors, holder, pages, standing, uploading

CAMERA = "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()"


@require_http_methods(["GET", "POST"])
@csp_update({"media-src": [SELF, "blob:"]})
@holder.required
def proof(request: HttpRequest) -> HttpResponse:
    """Show what is asked for: every request of ours stands here (R-SUP-9); on POST, ask to renew the identity."""
    who = holder.who(request)
    if request.method == "POST":
        return _renew(request, who)
    return _page(request, queries.case_of(who.account_id, venue=who.venue), None)


def _renew(request: HttpRequest, who: holder.Holder) -> HttpResponse:
    """Begin the update of an outdated identity verification inside the application (R-DIA-2)."""
    case, now = queries.case_of(who.account_id, venue=who.venue), venues.now()
    try:
        if case is None or standing.is_over(case):
            case = applications.open_case(who.account_id, venue=who.venue, language=pages.language(), now=now)
        proving.renew(case, now=now)
    except Unreachable:
        return errors.unreachable(request)
    except Refused as why:
        return errors.refused(request, why)
    return HttpResponseRedirect(reverse("portal:proof"))


def _page(request: HttpRequest, case: Case | None, refused: Refused | None) -> HttpResponse:
    now = venues.now()
    asked = evidence.requests(case, now=now) if case is not None else ()
    who = holder.who(request)
    outdated = not asked and proving.is_outdated(queries.report(who.account_id, policies.in_force(), now=now))
    response = pages.show(
        request,
        "proof.html",
        _("Proof of identity"),
        status=409 if refused else 200,
        refused=refused,
        photo=any(one.kind == "photo" for one in asked),
        video=next((_video(one) for one in asked if one.kind == "video"), None),
        received="received" in request.GET,
        outdated=outdated,
        renewed_by=proving.renewed_by(case) if case is not None and outdated else None,
        on_file=case is not None and case.state == State.REVIEW and not evidence.offered(case),
        decidable_at=evidence.decidable_at(case) if case is not None else None,
    )
    response.headers["Permissions-Policy"] = CAMERA
    return response


def _video(request: EvidenceRequest) -> dict[str, object]:
    return {"sentence": evidence.sentence(request, now=venues.now())}


def bounded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Look at the size before anything is read; then the form's proof as on every page."""

    @csrf_exempt
    @require_POST
    def looked_at(request: HttpRequest, kind: str) -> HttpResponseBase:
        most = uploads.MOST[kind]
        if not uploading.admit(request, most=most):
            why = refuse("upload_too_large", megabytes=most >> 20)
            return _plain(why) if _is_script(request) else errors.refused(request, why)
        return csrf_protect(view)(request, kind)

    return looked_at


@bounded
@holder.required
def sent(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a photo or a video that was asked for."""
    who = holder.who(request)
    case, now = queries.case_of(who.account_id, venue=who.venue), venues.now()
    asked = evidence.requests(case, now=now) if case is not None else ()
    wanted = next((one for one in asked if one.kind == kind), None)
    file = request.FILES.get("file")
    try:
        if wanted is None:
            raise refuse("evidence_closed")
        if file is None:
            raise refuse("upload_missing")
        evidence.receive(wanted, file.read(), now=now)
    except Refused as why:
        return _plain(why) if _is_script(request) else _page(request, case, why)
    return HttpResponseRedirect(reverse("portal:proof") + "?received=")


def _is_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "text/plain"


def _plain(why: Refused) -> HttpResponse:
    """Answer the recorder, which shows the reasons as they are."""
    return HttpResponse(
        "\n".join(why.sentences(pages.language())), status=409, content_type="text/plain; charset=utf-8"
    )
