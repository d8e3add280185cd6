"""Change of mind after sign-in: the second of two taps; after two earlier ones a strong factor (R-CLO-5, R-CLO-12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import codes, operations, policies, queries, venues, verification, way_back
from closeout.cases.models import Case
from closeout.cases.way_back import Standing
from closeout.lifecycle import Event, State, allowed
from closeout.reasons import Refused
from closeout.web.portal import errors, holder, pages, standing, verifying
from closeout.web.portal.pages import Problem
from closeout.web.signin import network

Text = str | Promise


@require_http_methods(["GET", "POST"])
@holder.required
def withdrawal(request: HttpRequest) -> HttpResponse:
    """Ask once, then take the application back."""
    who, now = holder.who(request), venues.now()
    case = queries.case_of(who.account_id, venue=who.venue)
    if case is None or Event.WITHDRAW not in allowed(operations.life_of(case)):
        return HttpResponseRedirect(reverse("portal:case"))
    strong = way_back.standing(case) is Standing.STRONG
    if request.method != "POST":
        return _ask(request, case, strong=strong, now=now)
    if strong and (refused := _unconfirmed(request, case, now=now)):
        return refused
    try:
        operations.withdraw(case, actor=operations.HOLDER, now=now)
    except Refused as why:
        return errors.refused(request, why)
    return HttpResponseRedirect(reverse("portal:case"))


def _unconfirmed(request: HttpRequest, case: Case, *, now: datetime) -> HttpResponse | None:
    """Check a strong factor, the passkey or the authenticator; return what to answer if none is confirmed."""
    known = codes.holder_of(case)
    if known.totp_secret is None and not known.passkeys:
        minutes = policies.of_version(case.policy_id).step_up_minutes
        if holder.is_fresh(request, minutes=minutes):
            return None
        holder.sign_out(request)
        return HttpResponseRedirect(f"{reverse('portal:signin')}?next={reverse('portal:withdrawal')}")
    factor = "passkey" if request.POST.get("code_passkey") or known.totp_secret is None else "totp"
    typed = request.POST.get(f"code_{factor}", "").strip()[: verifying.MOST[factor]]
    if not typed:
        return _ask(
            request, case, strong=True, now=now, wrong={factor: [verifying.MISSING[factor]]}, status=422
        )
    try:
        codes.confirm(
            way_back.strongly(case), factor, typed, now=now, network=network.of(request),
            site=verifying.site(request),
        )  # fmt: skip
    except Refused as why:
        status, seconds = verifying.limited(why)
        wrong = {factor: why.sentences(pages.language())}
        response = _ask(request, case, strong=True, now=now, wrong=wrong, status=status)
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response
    request.session.cycle_key()
    return None


def _ask(
    request: HttpRequest,
    case: Case,
    *,
    strong: bool,
    now: datetime,
    wrong: Mapping[str, Sequence[Text]] | None = None,
    status: int = 200,
) -> HttpResponse:
    asked, wrong = way_back.strongly(case), wrong or {}
    coded = strong and codes.holder_of(case).totp_secret is not None
    if strong:
        _open_rounds(request, asked, now=now)
    options = codes.passkey_options(asked, site=verifying.site(request), now=now) if strong else ""
    return pages.show(
        request,
        "withdrawal.html",
        _("Change your mind"),
        step=standing.STEPS.get(State(case.state), 2),
        status=status,
        case=case,
        strong=strong,
        coded=coded,
        passkey=verifying.passkey(options, wrong.get("passkey", ())) if options else None,
        wrong=wrong.get("totp", ()),
        problems=[Problem(str(text), f"code_{factor}") for factor, texts in wrong.items() for text in texts],
    )


def _open_rounds(request: HttpRequest, asked: Case, *, now: datetime) -> None:
    """Open a round for each strong factor that the exchange knows: there is nothing to send, so nothing to press."""
    rounds = [
        factor for factor in ("totp", "passkey") if verification.open_round(asked, factor, now=now) is None
    ]
    codes.send_what_may(asked, rounds, now=now, network=network.of(request))
