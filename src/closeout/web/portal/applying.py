"""From the self-check to the codes: read and tick, choose about records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import applications, consent, leaving, policies, queries, venues
from closeout.cases.models import Case
from closeout.lifecycle import State
from closeout.reasons import Reason, Refused
from closeout.web.portal import errors, holder, pages, protecting, verifying
from closeout.web.portal.forms import ApplicationForm
from closeout.web.portal.pages import Problem

RECORDS = ("downloaded", "declined")


def _opened(account_id: int, *, venue: str, language: str, now: datetime) -> Case:
    """Return the holder's application, opened if there is none. Raises: Refused."""
    case = queries.open_case_of(account_id, venue=venue)
    return case or applications.open_case(account_id, venue=venue, language=language, now=now)


@require_http_methods(["GET", "POST"])
@holder.required
def application(request: HttpRequest) -> HttpResponse:
    """Show the consequences point by point and take the holder's yes (R-CLO-2, R-CLO-8)."""
    now = venues.now()
    who = holder.who(request)
    get = _opened if request.method == "POST" else applications.begin
    try:
        case = get(who.account_id, venue=who.venue, language=pages.language(), now=now)
    except Refused as why:
        return errors.refused(request, why)
    if case.state != State.APPLICATION or case.held:
        return HttpResponseRedirect(reverse("portal:case"))
    if request.method == "POST":
        return _accept(request, case, now=now)
    return _consequences(request, case, now=now)


def _accept(request: HttpRequest, case: Case, *, now: datetime) -> HttpResponse:
    form = ApplicationForm(request.POST, language=pages.language())
    ticked = request.POST.getlist("points")
    choice = request.POST.get("records", "")
    problems: list[Problem] = []
    if not form.is_valid():
        problems += [
            Problem(str(text), f"id_{name}") for name, texts in form.errors.items() for text in texts
        ]
    if choice not in RECORDS:
        problems.append(Problem(Reason("records_missing").sentence(pages.language()), "records_downloaded"))
    missing = [code for code, _text in _points(case) if code not in ticked]
    reason = form.cleaned_data.get("reason", "")
    if not problems and leaving.speaks_of_theft(reason) and "own_will" not in request.POST:
        return protecting.first(request, case, reason, now=now)
    try:
        if problems:
            _look_only(case, ticked, now=now)
        else:
            applications.accept(case, ticked, choice=choice, why=reason, language=pages.language(), now=now)
    except Refused as why:
        target = f"point_{missing[0]}" if missing else ""
        problems = [Problem(text, target) for text in why.sentences(pages.language())] + problems
    if problems:
        return _consequences(request, case, now=now, form=form, problems=problems, status=422)
    verifying.send_first(request, case, now=now)
    return HttpResponseRedirect(reverse("portal:verification"))


def _look_only(case: Case, ticked: Sequence[str], *, now: datetime) -> None:
    """Name what is missing in the risk list although the rest of the form is not right yet. Raises: Refused."""
    missing = [code for code, _text in _points(case) if code not in ticked]
    if missing:
        raise Refused(Reason("consent_missing", {"count": len(missing)}))


def _points(case: Case) -> Sequence[tuple[str, str]]:
    return consent.points(policies.of_version(case.policy_id), pages.language())


def _consequences(
    request: HttpRequest,
    case: Case,
    *,
    now: datetime,
    form: ApplicationForm | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> HttpResponse:
    sent = request.method == "POST"
    ticked = request.POST.getlist("points")
    chosen = request.POST.get("records", case.records_choice)
    texts = {
        "downloaded": _("I have my records, or will download them during the cooling-off period."),
        "declined": _("I do not need my records. I know that they cannot be restored after closing."),
    }
    return pages.show(
        request,
        "application.html",
        _("What closing means"),
        step=2,
        status=status,
        problems=problems,
        form=form or ApplicationForm(language=pages.language(), initial={"reason": leaving.stated(case)}),
        scheduled=_scheduled(case, now=now),
        points=[
            {"code": code, "text": text, "ticked": code in ticked, "wrong": sent and code not in ticked}
            for code, text in _points(case)
        ],
        records=[
            {
                "code": code,
                "text": texts[code],
                "ticked": code == chosen,
                "wrong": sent and chosen not in RECORDS,
            }
            for code in RECORDS
        ],
    )


def _scheduled(case: Case, *, now: datetime) -> datetime | None:
    """Return the date on which the application would start if it has to wait (R-CLO-13)."""
    report = queries.reports([case], now=now).get(case.account_id)
    return applications.judge(report, now=now)[1]
