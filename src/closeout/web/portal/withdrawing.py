"""Change of mind after sign-in: the second of two taps; after two earlier ones a strong factor (R-CLO-5, R-CLO-12)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import codes, operations, policies, queries, venues, verification, way_back
from closeout.cases.models import Case
from closeout.cases.way_back import Standing
from closeout.lifecycle import Event, State, allowed
from closeout.reasons import Refused
from closeout.web.portal import errors, holder, pages, standing
from closeout.web.portal.pages import Problem
from closeout.web.signin import network

CODE_MOST = 12


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
    """Check the strong factor; return what to answer if it is not confirmed."""
    if codes.holder_of(case).totp_secret is None:
        minutes = policies.of_version(case.policy_id).step_up_minutes
        if holder.is_fresh(request, minutes=minutes):
            return None
        holder.sign_out(request)
        return HttpResponseRedirect(f"{reverse('portal:signin')}?next={reverse('portal:withdrawal')}")
    typed = request.POST.get("code_totp", "").strip()[:CODE_MOST]
    if not typed:
        return _ask(request, case, strong=True, now=now, wrong=[_("Enter the code.")], status=422)
    try:
        codes.confirm(way_back.strongly(case), "totp", typed, now=now, network=network.of(request))
    except Refused as why:
        return _ask(request, case, strong=True, now=now, wrong=why.sentences(pages.language()), status=422)
    return None


def _ask(
    request: HttpRequest,
    case: Case,
    *,
    strong: bool,
    now: datetime,
    wrong: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    coded = strong and codes.holder_of(case).totp_secret is not None
    if coded and verification.open_round(way_back.strongly(case), "totp", now=now) is None:
        with contextlib.suppress(Refused):
            codes.send(way_back.strongly(case), "totp", now=now, network=network.of(request))
    return pages.show(
        request,
        "withdrawal.html",
        _("Change your mind"),
        step=standing.STEPS.get(State(case.state), 2),
        status=status,
        case=case,
        strong=strong,
        coded=coded,
        wrong=wrong,
        problems=[Problem(text, "code_totp") for text in wrong],
    )
