"""The page of a closed account: certificate and identity open it; statements, late value, what is kept until when.

R-CLO-7, R-REC-2. Nobody signs in here any more: a session of its own, short, for one account, read-only but for the
claim. Whether anything fits shows only to whoever reads the mailbox that the account had.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from closeout.cases import claiming, claims, documents, policies, queries, retained, venues
from closeout.cases.models import Case, ClaimRound
from closeout.reasons import Refused, refuse
from closeout.web.portal import errors, holder, pages, uploading
from closeout.web.signin import network

ROUND, CASE, SINCE = "claim_round", "closed_case", "closed_since"
LONGEST = timedelta(minutes=30)
MOST = 200  # signs of a name, an address, a number
View = Callable[..., HttpResponseBase]


@csrf_exempt
@require_http_methods(["GET", "POST"])
def entrance(request: HttpRequest) -> HttpResponseBase:
    """Ask for the certificate and for who one is; on POST begin a round."""
    if request.method == "POST" and not uploading.admit(request, most=claiming.PAPER_MAX):
        return errors.too_much(request)
    return _entrance(request)


@csrf_protect
def _entrance(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return _form(request)
    said = {name: request.POST.get(name, "")[:MOST].strip() for name in ("name", *_proofs())}
    paper = request.FILES.get("certificate")
    if paper is None or not all(said.values()):
        return _form(request, refused=refuse("claim_incomplete"), said=said)
    try:
        row = claiming.begin(
            paper.read(), claims.Told(**said), network=network.of(request), language=pages.language(),
            now=venues.now(),
        )  # fmt: skip
    except Refused as why:
        return _form(request, refused=why, said=said)
    return _begun(request, row)


def _proofs() -> tuple[str, ...]:
    return policies.in_force().claim_proof


def _form(
    request: HttpRequest, *, refused: Refused | None = None, said: dict[str, str] | None = None
) -> HttpResponse:
    return pages.show(
        request, "afterwards/entrance.html", _("Your closed account"), refused=refused, said=said or {},
        proofs=_proofs(), status=409 if refused else 200,
    )  # fmt: skip


def _begun(request: HttpRequest, row: ClaimRound) -> HttpResponse:
    holder.sign_out(request)
    if claiming.needs_code():
        request.session[ROUND] = row.pk.hex
        return HttpResponseRedirect(reverse("portal:closed_code"))
    if row.case is None:
        return _form(request, refused=refuse("claim_unproven"))
    return _let_in(request, row.case)


def _let_in(request: HttpRequest, case: Case) -> HttpResponse:
    request.session.flush()
    request.session.cycle_key()
    request.session.update({CASE: case.pk, SINCE: datetime.now(UTC).isoformat()})
    return HttpResponseRedirect(reverse("portal:closed_account"))


@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Ask for the code from the mailbox. The page is the same whether one was sent or not."""
    ident = request.session.get(ROUND)
    if ident is None:
        return HttpResponseRedirect(reverse("portal:closed"))
    refused = None
    if request.method == "POST":
        try:
            return _let_in(
                request,
                claiming.confirm(uuid.UUID(ident), request.POST.get("code", "")[:20], now=venues.now()),
            )
        except Refused as why:
            refused = why
    return pages.show(
        request, "afterwards/code.html", _("Enter the code"), refused=refused, status=409 if refused else 200
    )


def _required(view: View) -> View:
    """Let in who proved the claim a short while ago; others begin at the entrance."""

    @functools.wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        since = request.session.get(SINCE)
        if since is not None and datetime.now(UTC) - datetime.fromisoformat(since) <= LONGEST:
            found = queries.cases([request.session[CASE]])
            if found:
                return view(request, found[0])
        request.session.flush()
        return HttpResponseRedirect(reverse("portal:closed"))

    return guarded


@dataclass(frozen=True)
class Kept:
    """One line of what is still kept, and until when."""

    what: str
    until: datetime
    law: str
    erased: bool


def _kept(case: Case) -> list[Kept]:
    names = {"identity": _("Identity"), "transactions": _("Transactions, statements, tax files")}
    return [
        Kept(names[item.category], item.until.replace(tzinfo=UTC), item.law, item.erased_at is not None)
        for item in sorted(retained.items(case).values(), key=lambda item: item.category)
    ]


@require_GET
@_required
def account(request: HttpRequest, case: Case) -> HttpResponse:
    """Show what remains of the account."""
    now = venues.now()
    until = retained.statements_until(case)
    return pages.show(
        request, "afterwards/account.html", pgettext("account", "Closed account"), case=case,
        account=documents.masked(case.account_id), waiting=sorted(claims.waiting(case).items()),
        paid=sorted(request.session.pop("paid", {}).items()), kept=_kept(case),
        readable_until=until if until is not None and now < until else None, over=until,
    )  # fmt: skip


@require_POST
@_required
def payout(request: HttpRequest, case: Case) -> HttpResponse:
    """Pay out what arrived late; twice pays once."""
    paid = claims.pay(case, now=venues.now())
    request.session["paid"] = {asset: f"{amount.normalize():f}" for asset, amount in paid.items()}
    return HttpResponseRedirect(reverse("portal:closed_account"))


@require_GET
@_required
def statements(request: HttpRequest, case: Case) -> HttpResponseBase:
    """Hand out statements and tax files while the seasons last; who took them is written down first."""
    now = venues.now()
    try:
        content = retained.statements(case, now=now)
    except Refused as why:
        return errors.refused(request, why)
    except OSError:
        return errors.gone(request)
    documents.note_statements(case, way="portal", now=now)
    response = StreamingHttpResponse(content, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{case.number}-statements.zip"'
    return response


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the session and let the browser forget the pages."""
    request.session.flush()
    response = HttpResponseRedirect(reverse("portal:home"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
