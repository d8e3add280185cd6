"""Step-up verification as pages: codes, authenticator, passkey, and what to do without them (R-CLO-3, R-DIA-5, 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from closeout.cases import applications, codes, passkeys, policies, proving, queries, venues, verification
from closeout.cases.models import Case
from closeout.lifecycle import State
from closeout.policy import MAILBOX_OR_PHONE
from closeout.reasons import Refused
from closeout.web.portal import errors, formats, holder, pages
from closeout.web.portal.pages import Problem
from closeout.web.signin import entrances, network

CODE_MOST = 12
MOST = {"email": CODE_MOST, "sms": CODE_MOST, "totp": CODE_MOST, "passkey": passkeys.ANSWER_MAX}
ENTER = gettext_lazy("Enter the code.")
MISSING: Mapping[str, str | Promise] = {
    "email": ENTER,
    "sms": ENTER,
    "totp": ENTER,
    "passkey": gettext_lazy("Confirm with the passkey first."),
}
LIMITED = frozenset({"too_many_codes", "too_many_guesses", "codes_paused"})


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
    options: str = ""  # of a passkey: what the browser is asked to sign
    errors: Sequence[str] = ()


def site(request: HttpRequest) -> passkeys.Site:
    """Return where passkeys of these pages are good."""
    return passkeys.Site(entrances.passkey_domain(request), entrances.origin(request))


def send_first(request: HttpRequest, case: Case, *, now: datetime) -> None:
    """Send the first codes; one that was sent a moment ago is still good, and the page offers to send again."""
    codes.send_what_may(case, verification.missing(case, now=now), now=now, network=network.of(request))


@require_http_methods(["GET", "POST"])
@holder.required
def page(request: HttpRequest) -> HttpResponse:
    """Ask for the codes, check them, and submit (R-CLO-3, R-CLO-4)."""
    now, who = venues.now(), holder.who(request)
    case = queries.open_case_of(who.account_id, venue=who.venue)
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
    """Open a round for what is asked and not sent to: there is nothing to wait for, so nothing to press."""
    live = queries.live_factors(case, now=now)
    lacking = verification.missing(case, now=now)
    asked = [factor for factor in lacking if factor not in MAILBOX_OR_PHONE and factor not in live]
    codes.send_what_may(case, asked, now=now)


def _lost(request: HttpRequest, case: Case, *, now: datetime) -> frozenset[str]:
    """Return what the holder says they no longer have: never a mailbox or a phone, those receive the codes."""
    if "1" not in (request.GET.get("without"), request.POST.get("without")):
        return frozenset()
    return frozenset(verification.missing(case, now=now)) - MAILBOX_OR_PHONE


def limited(why: Refused) -> tuple[int, int]:
    """Return the status of a refusal and the seconds to wait, 0 for none."""
    reason = why.reasons[0]
    return (429, int(reason.values["seconds"])) if reason.code in LIMITED else (422, 0)


def _send_again(request: HttpRequest, case: Case, factor: str, *, now: datetime) -> HttpResponse:
    if factor not in policies.of_version(case.policy_id).verification:
        return errors.bad(request)
    try:
        codes.send(case, factor, now=now, network=network.of(request))
    except Refused as why:
        _status, seconds = limited(why)
        response = _asking(
            request,
            case,
            now=now,
            wrong={factor: why.sentences(pages.language())},
            status=429 if seconds else 409,
        )
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response
    there = reverse("portal:verification") + ("?without=1" if request.POST.get("without") == "1" else "")
    return HttpResponseRedirect(there)


def _check_and_submit(request: HttpRequest, case: Case, *, now: datetime) -> HttpResponse:
    lost = _lost(request, case, now=now)
    wrong, status, seconds = _checked(request, case, lost=lost, now=now)
    if wrong:
        response = _asking(request, case, now=now, wrong=wrong, status=status)
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response
    try:
        if lost:
            proving.refer(case, lost=lost, now=now)
        else:
            applications.submit(case, now=now)
    except Refused as why:
        if any(reason.code in ("blocked", "unknown_facts") for reason in why.reasons):
            return HttpResponseRedirect(reverse("portal:check") + "?changed=1")
        return errors.refused(request, why)
    request.session.cycle_key()
    return HttpResponseRedirect(reverse("portal:case") + "?received=1")


def _checked(
    request: HttpRequest, case: Case, *, lost: frozenset[str], now: datetime
) -> tuple[Mapping[str, Sequence[str]], int, int]:
    """Compare everything that was typed; return what is wrong by factor, the status, and the seconds to wait."""
    asked = [factor for factor in verification.missing(case, now=now) if factor not in lost]
    typed = {factor: request.POST.get(f"code_{factor}", "").strip()[: MOST[factor]] for factor in asked}
    given = {factor: code for factor, code in typed.items() if code}
    refused = codes.confirm_all(case, given, now=now, network=network.of(request), site=site(request))
    wrong: dict[str, Sequence[str]] = {}
    status, longest = 422, 0
    for factor in asked:
        if factor not in given:
            wrong[factor] = [str(MISSING[factor])]
        elif factor in refused:
            wrong[factor] = refused[factor].sentences(pages.language())
            answer, seconds = limited(refused[factor])
            status, longest = max(status, answer), max(longest, seconds)
    return wrong, status, longest


def _labels() -> Mapping[str, str]:
    return {
        "email": _("Code from the e-mail"),
        "sms": _("Code from the SMS"),
        "totp": _("Code from the authenticator app"),
        "passkey": _("Passkey"),
    }


def _hints(case: Case) -> Mapping[str, str]:
    person = codes.holder_of(case)
    return {
        "email": _("8 digits, sent to %(to)s") % {"to": formats.mask_contact(person.email or "")},
        "sms": _("8 digits, sent to %(to)s") % {"to": formats.mask_contact(person.phone or "")},
        "totp": _("6 digits from the app on your phone; they change every 30 seconds"),
        "passkey": _("Confirm with the fingerprint, face or PIN of this device"),
    }


def _factors(
    request: HttpRequest, case: Case, wrong: Mapping[str, Sequence[str]], *, now: datetime
) -> Sequence[Factor]:
    missing = verification.missing(case, now=now)
    live, labels, hints = queries.live_factors(case, now=now), _labels(), _hints(case)
    lost = _lost(request, case, now=now)
    if "passkey" in wrong:
        _open_rounds(case, now=now)
    asks_passkey = "passkey" in missing and "passkey" not in lost
    options = codes.passkey_options(case, site=site(request), now=now) if asks_passkey else ""
    return [
        Factor(
            code,
            labels[code],
            hints[code],
            done=code not in missing,
            sends=code in ("email", "sms") or (code == "totp" and code not in live),
            sent=code in live,
            first=code == missing[0] if missing else False,
            typed=request.POST.get(f"code_{code}", "")[:CODE_MOST]
            if code in wrong and code == "totp"
            else "",
            options=options if code == "passkey" else "",
            errors=tuple(wrong.get(code, ())),
        )
        for code in policies.of_version(case.policy_id).verification
        if code not in lost
    ]


def passkey(options: str, wrong: Sequence[str | Promise]) -> Factor:
    """Return the passkey as a page shows it: ``options`` is what the browser asks it to sign."""
    hint = _("Confirm with the fingerprint, face or PIN of this device")
    return Factor("passkey", _("Passkey"), hint, options=options, errors=[str(text) for text in wrong])


def _asking(
    request: HttpRequest,
    case: Case,
    *,
    now: datetime,
    wrong: Mapping[str, Sequence[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    wrong = wrong or {}
    problems = [Problem(text, f"code_{code}") for code, texts in wrong.items() for text in texts]
    lost = _lost(request, case, now=now)
    return pages.show(
        request,
        "verification.html",
        _("Ask for proof of identity") if lost else _("Confirm that it is you"),
        step=2,
        status=status,
        factors=_factors(request, case, wrong, now=now),
        problems=problems,
        case=case,
        without=bool(lost),
        losable=bool(frozenset(verification.missing(case, now=now)) - MAILBOX_OR_PHONE),
        enrolling=settings.CLOSEOUT_DEMO,
    )
