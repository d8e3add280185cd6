"""From the self-check to "received": read and tick, choose about records, verify, submit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import applications, codes, consent, policies, queries, venues, verification
from closeout.cases.models import Case
from closeout.lifecycle import State
from closeout.reasons import Reason, Refused
from closeout.web.portal import errors, formats, holder, pages
from closeout.web.portal.forms import ApplicationForm
from closeout.web.portal.pages import Problem

RECORDS = ("downloaded", "declined")


def _standing(request: HttpRequest) -> Case | None:
    """Return the case of the holder that is not at its end."""
    who = holder.who(request)
    return queries.open_case_of(who.account_id, venue=who.venue)


def _opened(request: HttpRequest, *, now: datetime) -> Case:
    """Return the holder's application, opened if there is none. Raises: Refused."""
    who = holder.who(request)
    case = _standing(request)
    if case is not None:
        return case
    return applications.open_case(who.account_id, venue=who.venue, language=pages.language(), now=now)


@require_http_methods(["GET", "POST"])
@holder.required
def application(request: HttpRequest) -> HttpResponse:
    """Show the consequences point by point and take the holder's yes (R-CLO-2, R-CLO-8)."""
    now = venues.now()
    try:
        case = _opened(request, now=now)
    except Refused as why:
        return errors.refused(request, why)
    if case.state != State.APPLICATION:
        return HttpResponseRedirect(reverse("portal:case"))
    if request.method == "POST":
        return _accept(request, case, now=now)
    applications.show_consent(case, language=pages.language(), now=now)
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
    try:
        if problems:
            _look_only(case, ticked, now=now)
        else:
            applications.give_consent(case, ticked, language=pages.language(), now=now)
            applications.choose_records(case, choice, now=now)
    except Refused as why:
        target = f"point_{missing[0]}" if missing else ""
        problems = [Problem(text, target) for text in why.sentences(pages.language())] + problems
    if problems:
        return _consequences(request, case, now=now, form=form, problems=problems, status=422)
    _send_first(case, now=now)
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
        form=form or ApplicationForm(language=pages.language()),
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


def _send_first(case: Case, *, now: datetime) -> None:
    """Send the first codes; one that was sent a moment ago is still good, and the page offers to send again."""
    for factor in verification.missing(case, now=now):
        with contextlib.suppress(Refused):
            codes.send(case, factor, now=now)


@dataclass
class Factor:
    """One way of verifying as the page shows it."""

    code: str
    label: str
    hint: str
    done: bool = False
    sends: bool = False
    sent: bool = False
    first: bool = False
    typed: str = ""
    errors: Sequence[str] = ()


@require_http_methods(["GET", "POST"])
@holder.required
def verification_page(request: HttpRequest) -> HttpResponse:
    """Ask for the codes, check them, and submit (R-CLO-3, R-CLO-4)."""
    now = venues.now()
    case = _standing(request)
    if case is None:
        return HttpResponseRedirect(reverse("portal:check"))
    if case.state != State.APPLICATION:
        return HttpResponseRedirect(reverse("portal:case"))
    if not case.action_digest:
        return HttpResponseRedirect(reverse("portal:application"))
    if request.method != "POST":
        _open_rounds(case, now=now)
        return _asking(request, case, now=now)
    wanted = request.POST.get("send", "")
    if wanted:
        return _send_again(request, case, wanted, now=now)
    return _check_and_submit(request, case, now=now)


def _open_rounds(case: Case, *, now: datetime) -> None:
    """Open a round for the authenticator if there is none: there is nothing to send, so nothing to ask for."""
    if "totp" in verification.missing(case, now=now) and "totp" not in queries.live_factors(case, now=now):
        with contextlib.suppress(Refused):
            codes.send(case, "totp", now=now)


def _send_again(request: HttpRequest, case: Case, factor: str, *, now: datetime) -> HttpResponse:
    if factor not in policies.of_version(case.policy_id).verification:
        return errors.bad(request)
    try:
        codes.send(case, factor, now=now)
    except Refused as why:
        status = 429 if why.reasons[0].code == "too_many_codes" else 409
        response = _asking(
            request, case, now=now, wrong={factor: why.sentences(pages.language())}, status=status
        )
        if status == 429:
            response.headers["Retry-After"] = str(why.reasons[0].values["seconds"])
        return response
    return HttpResponseRedirect(reverse("portal:verification"))


def _check_and_submit(request: HttpRequest, case: Case, *, now: datetime) -> HttpResponse:
    wrong: dict[str, Sequence[str]] = {}
    for factor in verification.missing(case, now=now):
        typed = request.POST.get(f"code_{factor}", "").strip()[:12]
        if not typed:
            wrong[factor] = [_("Enter the code.")]
            continue
        try:
            codes.confirm(case, factor, typed, now=now)
        except Refused as why:
            wrong[factor] = why.sentences(pages.language())
    if wrong:
        return _asking(request, case, now=now, wrong=wrong, status=422)
    try:
        applications.submit(case, now=now)
    except Refused as why:
        if any(reason.code in ("blocked", "unknown_facts") for reason in why.reasons):
            return HttpResponseRedirect(reverse("portal:check") + "?changed=1")
        return errors.refused(request, why)
    request.session.cycle_key()
    return HttpResponseRedirect(reverse("portal:case") + "?received=1")


def _asking(
    request: HttpRequest,
    case: Case,
    *,
    now: datetime,
    wrong: Mapping[str, Sequence[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    policy = policies.of_version(case.policy_id)
    missing = verification.missing(case, now=now)
    person = codes.holder_of(case)
    wrong = wrong or {}
    live = queries.live_factors(case, now=now)
    hints = {
        "email": _("8 digits, sent to %(to)s") % {"to": formats.mask_contact(person.email or "")},
        "sms": _("8 digits, sent to %(to)s") % {"to": formats.mask_contact(person.phone or "")},
        "totp": _("6 digits from the app on your phone; they change every 30 seconds"),
        "passkey": _("Confirm with the fingerprint, face or PIN of this device"),
    }
    labels = {
        "email": _("Code from the e-mail"),
        "sms": _("Code from the SMS"),
        "totp": _("Code from the authenticator app"),
        "passkey": _("Passkey"),
    }
    factors = [
        Factor(
            code,
            labels[code],
            hints[code],
            done=code not in missing,
            sends=code in ("email", "sms") or (code == "totp" and code not in live),
            sent=code in live,
            first=code == missing[0] if missing else False,
            typed=request.POST.get(f"code_{code}", "")[:12] if code in wrong and code == "totp" else "",
            errors=tuple(wrong.get(code, ())),
        )
        for code in policy.verification
    ]
    problems = [Problem(text, f"code_{code}") for code, texts in wrong.items() for text in texts]
    return pages.show(
        request,
        "verification.html",
        _("Confirm that it is you"),
        step=2,
        status=status,
        factors=factors,
        problems=problems,
        case=case,
    )
