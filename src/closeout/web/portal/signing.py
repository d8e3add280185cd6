"""The page of a signer, behind the link in their letter and without sign-in: read, sign or object, show documents.

As with the link of a change of mind, the token comes once in an address and then lies in a cookie of these pages.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from closeout.cases import documents as papers
from closeout.cases import mandates, queries, signatures, stories, venues, way_back
from closeout.cases.mandate_kinds import DOCUMENTS, KINDS
from closeout.cases.models import Mandate, Signer
from closeout.cases.office import office
from closeout.lifecycle import CLOSED, FINAL, State
from closeout.reasons import Refused, refuse
from closeout.web.portal import errors, links, pages, proving

COOKIE, MINUTES = "signature", 60
TYPES = {"pdf": "application/pdf", "json": "application/json"}


@csrf_exempt
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the page; nothing else is done."""
    return links.opened(reverse("portal:signature"), cookie=COOKIE, token=token, minutes=MINUTES)


def let_in(signer: Signer) -> HttpResponse:
    """Open the page to the browser that has just given notice."""
    return links.opened(
        reverse("portal:signature"), cookie=COOKIE, token=signatures.token(signer), minutes=MINUTES
    )


def _required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Let in who has a link of ours."""

    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        signer = signatures.signer_of(request.COOKIES.get(COOKIE, ""))
        if signer is None or not signer.sealed:
            return errors.page(
                request,
                404,
                _("Open the link from the letter"),
                _("This page belongs to the link in our letters to people who sign."),
                _("Nothing was changed. Open the link again from the letter, with cookies allowed."),
                way=(reverse("portal:mandate"), _("Act for somebody else")),
            )
        return view(request, signer, *args, **kwargs)

    return guarded


@require_http_methods(["GET", "POST"])
@_required
def signature(request: HttpRequest, signer: Signer) -> HttpResponse:
    """Show what is signed and how it stands; on POST sign or object."""
    if request.method == "GET":
        return _page(request, signer, None)
    now, said = venues.now(), request.POST
    try:
        if "object" in said:
            signatures.object_to(signer, now=now)
        else:
            signatures.sign(signer, said.get("name", ""), digest=said.get("digest", ""), now=now)
    except Refused as why:
        return _page(request, signer, why)
    return HttpResponseRedirect(reverse("portal:signature"))


@proving.bounded
@_required
def documents(request: HttpRequest, signer: Signer, kind: str) -> HttpResponse:
    """Take one document as a photo or a PDF. ``kind``: what is read, always a document."""
    file = request.FILES.get("file")
    try:
        if file is None or kind != "document":
            raise refuse("upload_missing")
        signatures.receive(signer, request.POST.get("document", ""), file.read(), now=venues.now())
    except Refused as why:
        return _page(request, signer, why)
    return HttpResponseRedirect(reverse("portal:signature") + "#documents")


@require_GET
@_required
def certificate(request: HttpRequest, signer: Signer, form: str) -> HttpResponse:
    """Hand the certificate of closure to somebody who signed (hard case 28)."""
    case = signer.mandate.case
    if case is None or signer.signed_at is None or case.state not in CLOSED:
        raise Http404
    document = queries.documents(case).get(f"certificate_{form}")
    if document is None:
        raise Http404
    papers.note_download(document, actor=f"signer:{signer.pk}", way="portal", now=venues.now())
    response = HttpResponse(papers.read(document), content_type=TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{document.name}"'
    return response


def _page(request: HttpRequest, signer: Signer, refused: Refused | None) -> HttpResponse:
    mandate, language = Mandate.objects.select_related("case").get(pk=signer.mandate_id), pages.language()
    signer = Signer.objects.select_related("mandate__case").get(pk=signer.pk)
    kind, case = KINDS[mandate.kind], mandate.case
    state = State(case.state) if case else None
    mine = [
        paper for paper in (mandates.papers(mandate) if case else ()) if paper.signer in (None, signer.pk)
    ]
    return pages.show(
        request,
        "signature.html",
        _("Your signature"),
        status=409 if refused else 200,
        refused=refused,
        signer=signer,
        mandate=mandate,
        case=case,
        person=mandates.person_of(signer),
        kind=kind.name[language],
        declaration=kind.declaration[language],
        state=stories.STATES[state.value][language] if state else "",
        running=state is not None
        and state not in FINAL
        and state not in CLOSED
        and state is not State.CLOSING,
        closed=state in CLOSED if state else False,
        current=signer.signed_at is not None and signer.signed_digest == mandate.digest,
        given=len(mandates.signed(mandate)) if case else 0,
        answer_by=office().answer_by(mandate.opened_at),
        link=signatures.link(signer),
        documents=[(paper.code, DOCUMENTS[paper.code][language], paper.state) for paper in mine],
        wanted=[
            (paper.code, DOCUMENTS[paper.code][language])
            for paper in mine
            if paper.state in ("missing", "again")
        ],
        stop=way_back.link(case) if case else "",
    )
