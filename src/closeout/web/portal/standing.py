"""Where an application stands: its page in every state, the change of mind, and its documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from closeout.cases import operations, policies, queries, venues
from closeout.cases.models import Case, CaseEvent
from closeout.lifecycle import FINAL, Event, State, allowed
from closeout.web.portal import formats, holder, pages, selfcheck

STATES = {
    State.APPLICATION: gettext_lazy("Not submitted yet"),
    State.SCHEDULED: gettext_lazy("Scheduled"),
    State.REVIEW: gettext_lazy("Manual review"),
    State.COOLING_OFF: gettext_lazy("Cooling-off period"),
    State.PAUSE: gettext_lazy("Paused"),
    State.CLOSING: gettext_lazy("Closing"),
    State.OBSERVATION: gettext_lazy("Closed"),
    State.ERASURE: gettext_lazy("Erasing"),
    State.ERASED: gettext_lazy("Erased"),
    State.WITHDRAWAL: gettext_lazy("Withdrawn"),
    State.REFUSAL: gettext_lazy("Refused"),
    State.LAPSE: gettext_lazy("Lapsed"),
}
TITLES = {
    State.APPLICATION: gettext_lazy("Your application"),
    State.SCHEDULED: gettext_lazy("Scheduled"),
    State.COOLING_OFF: gettext_lazy("Cooling-off period"),
    State.PAUSE: gettext_lazy("Paused"),
    State.CLOSING: gettext_lazy("Closing"),
    State.OBSERVATION: gettext_lazy("Closed"),
    State.ERASURE: gettext_lazy("Closed"),
    State.ERASED: gettext_lazy("Closed"),
}
STEPS = {
    State.COOLING_OFF: 3,
    State.PAUSE: 3,
    State.CLOSING: 3,
    State.OBSERVATION: 4,
    State.ERASURE: 4,
    State.ERASED: 4,
}
HAPPENED = {
    Event.SUBMIT: gettext_lazy("Submitted; the cooling-off period began"),
    Event.SCHEDULE: gettext_lazy("Submitted; waits for a date"),
    Event.REFER: gettext_lazy("Submitted; a person looks at it"),
    Event.BEGIN: gettext_lazy("The cooling-off period began"),
    Event.APPROVE: gettext_lazy("Approved; the cooling-off period began"),
    Event.REFUSE: gettext_lazy("Refused"),
    Event.INTERRUPT: gettext_lazy("Paused: something new stands in the way"),
    Event.RESUME: gettext_lazy("Goes on: nothing stands in the way any more"),
    Event.WITHDRAW: gettext_lazy("Withdrawn"),
    Event.CLOSE: gettext_lazy("The last check passed"),
    Event.REOPEN: gettext_lazy("Stopped before closing: something new stands in the way"),
    Event.CONFIRM_CLOSED: gettext_lazy("Closed"),
    Event.ERASE: gettext_lazy("Erasure began"),
    Event.CONFIRM_ERASED: gettext_lazy("Erased"),
    Event.LAPSE: gettext_lazy("Lapsed"),
    Event.HOLD: gettext_lazy("A person looks at it"),
    Event.RELEASE: gettext_lazy("Goes on"),
}
BRIEF = frozenset({State.CLOSING, State.ERASURE})  # soon over: a page looks again by itself
YEAR = timedelta(days=365.25)


def _case(request: HttpRequest) -> Case | None:
    who = holder.who(request)
    return queries.case_of(who.account_id, venue=who.venue)


@require_GET
@holder.required
def case_page(request: HttpRequest) -> HttpResponse:
    """Show where the application stands."""
    case, now = _case(request), venues.now()
    if case is None:
        return pages.show(request, "case_none.html", _("Your application"))
    state = State(case.state)
    documents = queries.documents(case)
    history = queries.history(case)
    page = pages.show(
        request,
        "case.html",
        str(TITLES.get(state, _("Your application"))),
        step=STEPS.get(state, 2),
        case=case,
        view=_view(case, now=now),
        events=_events(history),
        live=state not in FINAL,
        brief=state in BRIEF or (state is State.OBSERVATION and "certificate_pdf" not in documents),
        after=max((line.pk for line in history if line.revision <= case.revision), default=0),
        check=_check(case, now=now),
        received="received" in request.GET,
        certificate=documents.get("certificate_pdf"),
        archive=documents.get("archive"),
    )
    return pages.main_of(page) if request.headers.get("HX-Request") else page


def _view(case: Case, *, now: datetime) -> dict[str, object]:
    state = State(case.state)
    policy = policies.of_version(case.policy_id)
    name = "observation" if state is State.ERASURE else state.value
    view: dict[str, object] = {
        "template": f"portal/case/{name}.html",
        "state": STATES[state],
        "can_withdraw": Event.WITHDRAW in allowed(operations.life_of(case)),
        "receipt": case.submitted_at is not None,
        "kept_until": case.closed_at and case.closed_at + policy.retention_years * YEAR,
    }
    if case.clock_left is not None:
        view["left"] = in_words(case.clock_left)
    if state is State.COOLING_OFF:
        left = (case.due_at - now) if case.due_at else (case.clock_left or timedelta(0))
        days, time = formats.countdown(left)
        whole = int(timedelta(days=policy.cooling_off_days).total_seconds())
        view |= {
            "days": days,
            "time": time,
            "ticking": case.due_at is not None and left > timedelta(0),
            "until": case.due_at and formats.iso(case.due_at),
            "now": formats.iso(now),
            "whole": max(whole, 1),
            "passed": min(max(whole - int(left.total_seconds()), 0), whole),
        }
    return view


def in_words(span: timedelta) -> str:
    """Write a span as days and hh:mm:ss."""
    days, time = formats.countdown(span)
    return ngettext("%(days)d day %(time)s", "%(days)d days %(time)s", days) % {"days": days, "time": time}


def _events(history: Sequence[CaseEvent]) -> Sequence[dict[str, object]]:
    return [{"what": HAPPENED.get(Event(line.event), line.event), "at": line.at} for line in history]


def _check(case: Case, *, now: datetime) -> selfcheck.Overview | None:
    if case.state != State.PAUSE:
        return None
    report = queries.reports([case], now=now).get(case.account_id)
    if report is None:
        return None
    return selfcheck.overview(report, policies.of_version(case.policy_id), language=pages.language())


def is_over(case: Case) -> bool:
    """Say whether ``case`` has come to an end after which the account can be applied for again."""
    return case.state in (State.WITHDRAWAL, State.REFUSAL, State.LAPSE)
